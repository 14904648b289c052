"""The texts around the package: translations that keep up with each other, and pages whose tables the code agrees with."""

import re
from typing import Any

import pytest

from plugin_entry.cli.commands import COMMANDS
from plugin_entry.cli.packaging.archive import ENGLISH_README, collect
from plugin_entry.dify.errors import CLASSES
from tests.plugin_entry.cli.packaging.plugin_files import LOCALES, ROOT
from tests.translator.settings.test_credentials import OFFICIAL
from translator.request.migration import migrate_parameters
from translator.request.options import options_to_wire
from translator.settings.credentials import FIELDS, read_credentials

TRANSLATIONS = sorted((ROOT / "readme").glob("*.md"))
ROW = re.compile(r"^\| `([\w ]+)` \| `([^`]*)` \|", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    return text.partition(f"## {heading}\n")[2].partition("\n## ")[0]


def test_there_is_a_translation_for_every_language_of_the_form() -> None:
    assert {path.stem.removeprefix("README_") for path in TRANSLATIONS} == LOCALES


def test_package_shows_the_page_for_its_users_as_its_readme() -> None:
    """Not the one for people with a clone: no commands of a clone, no links to files that are not there."""
    files = collect(ROOT)
    page = files["README.md"].decode()
    assert page == (ROOT / ENGLISH_README).read_text(encoding="utf-8")
    assert ENGLISH_README not in files
    assert "uv run" not in page
    assert "](" not in page


def test_translations_say_the_same() -> None:
    """The same headings by number, the same rows, and the same words of code: addresses, settings, commands."""
    shapes = [
        (text.count("\n## "), text.count("\n|"), sorted(CODE.findall(text)))
        for text in (path.read_text(encoding="utf-8") for path in TRANSLATIONS)
    ]
    assert all(shape == shapes[0] for shape in shapes)


@pytest.mark.parametrize("path", TRANSLATIONS, ids=lambda path: path.stem)
def test_translation_names_what_the_readme_names(path: Any) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = " ".join(f"uv run dify-ollama {str(getattr(command, '__name__', '')).rpartition('.')[2]}" for command in COMMANDS)
    known = readme + page("using.md") + page("migration.md") + commands
    names = [word for word in CODE.findall(path.read_text(encoding="utf-8")) if word not in {"format"}]
    assert [word for word in names if not all(part in known for part in re.split(r" && | URL", word))] == []


ODD_WORDS = {
    "zh_Hans": ("由服务器告知", "询问服务器", "服务器的做法", "并以 OLLAMA", "服务器自己的", "项目副本", "预算"),
    "ja_JP": ("既定", "予算", "経路", "古い発言", "気づかないまま", "索引の"),
}
"""Translated word by word; Dify's console says it in others (デフォルト, インデックス, 上下文上限)."""
SHOWN = ("plugin_entry/provider/ollama.yaml", "translator/request/parameter_texts.py", "manifest.yaml")


@pytest.mark.parametrize(("locale", "words"), ODD_WORDS.items(), ids=ODD_WORDS)
def test_chinese_and_japanese_use_the_words_of_the_console(locale: str, words: tuple[str, ...]) -> None:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in (*SHOWN, f"readme/README_{locale}.md")]
    assert [word for word in words if any(word in text for text in texts)] == []


SAVED = ROW.findall(section(page("migration.md"), "Credentials as they were saved"))


@pytest.mark.parametrize(("variable", "value"), SAVED, ids=[f"{variable}={value.strip()}" for variable, value in SAVED])
def test_saved_credential_is_accepted(variable: str, value: str) -> None:
    assert read_credentials({"base_url": "http://a:1", variable: value}).base_url


def test_every_saved_variable_is_in_the_table() -> None:
    saved = {variable for credentials, _ in OFFICIAL.values() for variable in credentials}
    assert saved <= {variable for variable, _ in SAVED}
    assert {variable for variable, _ in SAVED} - {field.variable for field in FIELDS} == {"enable_request_metadata"}


PARAMETERS: tuple[tuple[str, dict[str, object], dict[str, object]], ...] = (
    ("`num_predict` | `max_tokens`", {"num_predict": 5}, {"max_tokens": 5}),
    ("`think: true` or `false` | `think: on` or `off`", {"think": True}, {"think": "on"}),
    ("`think: true` or `false` | `think: on` or `off`", {"think": False}, {"think": "off"}),
    ("`think: true` with `think_level: high` | `think: high`", {"think": True, "think_level": "high"}, {"think": "high"}),
    ("`keep_alive: 300` | 300 seconds", {"keep_alive": 300}, {"keep_alive": "300"}),
    ("`format: json` | JSON", {"format": "json"}, {"format": "json"}),
)


@pytest.mark.parametrize(("row", "saved", "meant"), PARAMETERS, ids=[row for row, *_ in PARAMETERS])
def test_saved_parameter_means_what_the_table_says(row: str, saved: dict[str, object], meant: dict[str, object]) -> None:
    assert f"| {row}" in section(page("migration.md"), "Parameters of apps")
    assert migrate_parameters(saved) == meant


@pytest.mark.parametrize(("first", "sent"), [("temperature", True), ("mirostat", False)], ids=["sent", "left out"])
def test_other_parameters(first: str, sent: bool) -> None:
    named = next(line for line in page("migration.md").splitlines() if line.startswith(f"| `{first}`")).partition(" | ")[0]
    parameters = dict.fromkeys(CODE.findall(named), 1)
    assert set(options_to_wire(parameters).options) == (set(parameters) if sent else set())


def test_page_on_servers_names_every_kind_of_error() -> None:
    assert set(re.findall(r"^\| `(Invoke\w+)`", page("several-servers.md"), re.MULTILINE)) == {kind.__name__ for kind in CLASSES.values()}

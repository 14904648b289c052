"""The README says what is true: its examples run, its links lead somewhere, its commands exist."""

import re
import shlex
from pathlib import Path

import pytest

from plugin_entry.cli import main
from plugin_entry.cli.commands import COMMANDS, Command, installed, parse
from tests.stdio.processes import programs

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, re.DOTALL)
CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


IMPORTS = (
    "import sys, plugin_entry.cli.commands, plugin_entry.cli.chat.servers, plugin_entry.cli.demo.stages, plugin_entry.cli.tracing.html;"
    "print(sorted({name.partition('.')[0] for name in sys.modules} & {'dify_plugin', 'gevent'}))"
)
PROGRAMS = programs({code: ("-c", code) for code in (*(code for code, _ in EXAMPLES), IMPORTS)})


def test_every_example_has_its_output() -> None:
    assert len(EXAMPLES) == README.count("```python") == 1


@pytest.mark.parametrize(("code", "output"), EXAMPLES, ids=["replies"])
def test_an_example_prints_what_the_readme_says(code: str, output: str) -> None:
    assert PROGRAMS[code].printed == output


def test_the_library_example_is_ten_lines() -> None:
    assert len(EXAMPLES[0][0].strip().splitlines()) <= 11


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []


def test_the_readme_is_english() -> None:
    assert CJK.search(README) is None


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"dify-ollama ([a-z]+)\b", (ROOT / page).read_text(encoding="utf-8")))
    assert named <= set(COMMANDS)


def test_the_readme_names_every_command() -> None:
    """The first word of each row in its table, and the two it begins with."""
    table = README.partition("## More commands\n")[2].partition("\n## ")[0]
    rows = set(re.findall(r"^\| `([a-z]+)\b", table, re.MULTILINE))
    assert rows | {"demo"} == set(COMMANDS)


def test_the_readme_begins_with_what_it_is_a_picture_and_how_to_install_it() -> None:
    what, picture, heading = (part.strip() for part in README.split("\n\n")[1:4])
    assert what.count(". ") == 1
    assert picture.endswith("(docs/demo.svg)")
    assert heading == "## Install it in Dify"


def test_the_readme_is_read_in_two_minutes() -> None:
    """At 270 words a minute, tables and links included; blocks of code are looked at, not read."""
    prose = re.sub(r"```.*?```|\]\([^)]*\)|\|", " ", README, flags=re.DOTALL)
    assert len(re.findall(r"\w[\w'./-]*", prose)) < 540


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("demo", "chat", "trace", "replay"))


@pytest.mark.parametrize(("name", "command"), installed().items(), ids=installed())
def test_help_of_a_command_ends_with_examples_that_can_be_typed(name: str, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert shown.startswith(f"usage: dify-ollama {name} ")
    assert shown.rstrip().endswith("\n".join(f"  {example}" for example in command.EXAMPLES))
    assert all(f"dify-ollama {name}" in example for example in command.EXAMPLES)


def test_examples_are_understood() -> None:
    """By the parsers; what is before a command, behind a pipe or left out as `...` is the shell's."""
    for command in installed().values():
        for example in command.EXAMPLES:
            (typed,) = (part for part in re.split(r"\s\|\s", example) if "dify-ollama" in part)
            words = shlex.split(typed)
            assert parse(words[words.index("dify-ollama") + 1 :]).run == command.run


def test_the_command_line_does_not_load_the_sdk() -> None:
    assert PROGRAMS[IMPORTS].printed == "[]\n"


def test_replay_serves_a_directory_and_says_when_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--port", "0", str(ROOT / "docs")]) == 1
    assert "holds no recordings" in capsys.readouterr().err

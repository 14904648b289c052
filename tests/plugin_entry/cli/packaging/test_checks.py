"""Each check of a package finds what it is for: the real package with one thing broken fails in one row, for the reason given."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import pytest
import yaml

from plugin_entry.cli.packaging.archive import Files, collect
from plugin_entry.cli.packaging.checks import CHECKS, Verdict, check_package
from tests.plugin_entry.cli.packaging.plugin_files import ROOT

pytestmark = pytest.mark.usefixtures("_fast_yaml")

type Break = Callable[[Files], Files]
PROVIDER = "plugin_entry/provider/ollama.yaml"
REPO = "https://github.com/someone/plugin"


@cache
def good() -> Files:
    return collect(ROOT)


def put(path: str, data: bytes) -> Break:
    return lambda files: {**files, path: data}


def only(path: str, data: bytes) -> Break:
    """A package of one file, where looking through all of them takes long."""
    return lambda _: {path: data}


def drop(path: str) -> Break:
    return lambda files: {name: data for name, data in files.items() if name != path}


def text(path: str, old: str, new: str) -> Break:
    def broken(files: Files) -> Files:
        assert old.encode() in files[path], old
        return {**files, path: files[path].replace(old.encode(), new.encode(), 1)}

    return broken


def field(place: str, value: Any, path: str = "manifest.yaml") -> Break:
    def broken(files: Files) -> Files:
        tree = yaml.load(files[path], yaml.CSafeLoader)
        *parents, name = place.split(".")
        target = tree
        for parent in parents:
            target = target[int(parent) if isinstance(target, list) else parent]
        target[int(name) if isinstance(target, list) else name] = value
        return {**files, path: yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True).encode()}

    return broken


def form_field(name: str, value: Any) -> Break:
    return field(f"model_credential_schema.credential_form_schemas.0.{name}", value, PROVIDER)


MANY = [{"variable": f"v{number}", "type": "text-input", "label": {"en_US": "V"}} for number in range(33)]
OPTION = {"value": "a", "label": {"en_US": "A"}}

CASES: Mapping[str, tuple[Break, str, str]] = {
    "no manifest": (drop("manifest.yaml"), "manifest", "manifest.yaml is not in the package"),
    "manifest that is no YAML": (put("manifest.yaml", b"a: ["), "manifest", "cannot be checked"),
    "manifest that is a list": (put("manifest.yaml", b"- a"), "manifest", "holds no fields"),
    "author in capitals": (field("author", "Someone"), "manifest", "author is 'Someone'"),
    "version of two parts": (field("version", "1.0"), "manifest", "version is '1.0'"),
    "version as a number": (field("version", 1.0), "manifest", "version is 1.0"),
    "name too long": (field("name", "a" * 129), "manifest", "name is"),
    "no English label": (field("label", {"ja_JP": "x"}), "manifest", "label.en_US is missing"),
    "description too long": (field("description.en_US", "a" * 1024), "manifest", "description.en_US is"),
    "no privacy": (field("privacy", None), "manifest", "privacy is missing"),
    "memory as text": (field("resource.memory", "256M"), "manifest", "resource.memory"),
    "memory as truth": (field("resource.memory", True), "manifest", "resource.memory"),
    "unknown tag": (field("tags", ["llm"]), "manifest", "tags has 'llm'"),
    "unknown architecture": (field("meta.arch", ["x86"]), "manifest", "meta.arch has 'x86'"),
    "no architecture": (field("meta.arch", []), "manifest", "meta.arch has None"),
    "no Dify version": (field("meta.minimum_dify_version", None), "manifest", "minimum_dify_version is missing"),
    "tools as well": (field("plugins.tools", ["a.yaml"]), "manifest", "must not offer tools"),
    "no models": (field("plugins", {"models": []}), "manifest", "plugins.models"),
    "provider missing": (drop(PROVIDER), "provider", f"{PROVIDER} is not in the package"),
    "provider without name": (field("provider", "", PROVIDER), "provider", "provider is ''"),
    "unknown kind of model": (field("supported_model_types", ["chat"], PROVIDER), "provider", "supported_model_types has 'chat'"),
    "unknown method": (field("configurate_methods", ["any"], PROVIDER), "provider", "configurate_methods has 'any'"),
    "33 fields": (field("model_credential_schema.credential_form_schemas", MANY, PROVIDER), "provider", "33 fields, and Dify takes 32"),
    "field without variable": (form_field("variable", ""), "provider", "variable is ''"),
    "field of unknown type": (form_field("type", "number"), "provider", "base_url: type has 'number'"),
    "field without label": (form_field("label", {}), "provider", "label.en_US is missing"),
    "129 options": (form_field("options", [OPTION] * 129), "provider", "more than 128 options"),
    "option without label": (form_field("options", [{"value": "a"}]), "provider", "an option without an English label"),
    "17 conditions": (form_field("show_on", [{"variable": "a", "value": "b"}] * 17), "provider", "or 16 conditions"),
    "long default": (form_field("default", "a" * 256), "provider", "256 characters or more"),
    "no entrypoint": (drop("plugin_entry/main.py"), "sources", "plugin_entry/main.py is named and not in the package"),
    "no module that the marketplace starts": (drop("main.py"), "sources", "main.py is named and not in the package"),
    "no model source": (drop("plugin_entry/models/rerank.py"), "sources", "plugin_entry/models/rerank.py is named"),
    "icon missing": (drop("_assets/icon_dark.svg"), "icons", "_assets/icon_dark.svg is missing"),
    "icon empty": (put("_assets/icon.svg", b""), "icons", "_assets/icon.svg is missing, empty"),
    "icon too large": (put("_assets/icon.svg", bytes(65537)), "icons", "_assets/icon.svg is missing, empty or larger"),
    "no README": (drop("README.md"), "readme", "README.md is not in the package"),
    "README in Japanese": (put("README.md", "install, use, connect. モデル".encode()), "readme", "'モ' is not English"),
    "README without setup": (put("README.md", b"use it, connect it"), "readme", "nothing about how to set it up"),
    "README without use": (put("README.md", b"install it, connect it"), "readme", "nothing about how to use it"),
    "README without connection": (put("README.md", b"install it, use it"), "readme", "nothing about which credentials"),
    "translation of an odd name": (put("readme/zh.md", b"x"), "readme", "readme/zh.md is not called"),
    "no PRIVACY.md": (drop("PRIVACY.md"), "privacy", "PRIVACY.md is not in the package"),
    "PRIVACY.md of the template": (put("PRIVACY.md", b"!!! Please fill in !!!" * 20), "privacy", "still the template"),
    "privacy names another file": (field("privacy", "privacy.txt"), "privacy", "names privacy.txt"),
    "dependency of another version": (text("pyproject.toml", "aiohttp==", "aiohttp==1"), "dependencies", "is no exact version of"),
    "dependency without bounds": (text("pyproject.toml", '"aiohttp==', '"aiohttp", "aiohttp=='), "dependencies", "'aiohttp' is no exact"),
    "dependency from an address": (
        text("pyproject.toml", '"aiohttp==', '"a @ https://x.example/a.whl", "aiohttp=='), "dependencies", "is no exact version of"
    ),
    "old SDK": (text("requirements.txt", "dify-plugin==0.", "dify-plugin==0.8."), "dependencies", "must be 0.9.0 or later"),
    "dependency that is not pinned": (text("requirements.txt", "\naiohttp==", "\nother=="), "dependencies", "other=="),
    "pin without hashes": (put("requirements.txt", b"aiohttp==3.11\n"), "dependencies", "aiohttp has no hashes"),
    "pin of several lines": (text("requirements.txt", " --hash=", " \\\n    --hash="), "dependencies", "a pin of more than one line"),
    "pins with an address": (text("requirements.txt", "\naiohttp==", "\n--index-url https://x\naiohttp=="), "dependencies", "an address"),
    "other version": (field("version", "9.9.9"), "version", "the manifest says 9.9.9"),
    "secret key": (put("a/server.key", b""), "blocked files", "a/server.key"),
    "environment file": (put(".env", b""), "blocked files", ".env"),
    "cache": (put("a/__pycache__/b.txt", b""), "blocked files", "__pycache__"),
    "tests": (put("tests/a.txt", b""), "development files", "tests/a.txt"),
    "recordings": (put("fixtures/0.24.0/a.json", b"{}"), "development files", "fixtures/0.24.0/a.json"),
    "library": (put("a/b.so", b"\x7fELF\x02"), "machine code", "a/b.so"),
    "certificate store": (put("a/b.p12", b""), "blocked files", "a/b.p12"),
    "key of a service": (put("a.md", b"\n" + b"sk-" + b"a1" * 12), "secrets", "a.md:2 holds a key"),
    "private key": (put("a.txt", b"-----BEGIN RSA " + b"PRIVATE KEY-----"), "secrets", "a.txt:1 holds a key"),
    "module that does not compile": (only("a.py", b"def"), "python", "a.py: invalid syntax"),
    "module with a warning": (only("a.py", b"x = '\\d'"), "python", "a.py: "),
    "module with a zero byte": (only("a.py", b"x\0"), "python", "a.py: "),
    "many files": (lambda files: {**files, **{f"a/{number}": b"" for number in range(5000)}}, "unpacked size", "5000 with"),
    "too large when unpacked": (put("a", bytes(50 << 20)), "unpacked size", "files with"),
}  # fmt: skip


def complaints(files: Files, *rows: str) -> dict[str, str]:
    checks = tuple(check for check in CHECKS if not rows or check[0] in rows)
    return {each.name: "\n".join(each.complaints) for each in check_package(files, checks) if each.verdict is Verdict.FAIL}


def test_our_package_is_good() -> None:
    results = check_package(good())
    assert [result for result in results if result.verdict is Verdict.FAIL] == []
    assert [result.name for result in results] == [name for name, *_ in CHECKS]


@pytest.mark.parametrize(("broken", "row", "sentence"), CASES.values(), ids=CASES)
def test_check_finds(broken: Break, row: str, sentence: str) -> None:
    assert sentence in complaints(broken(good()), row)[row]


def test_package_that_is_too_large() -> None:
    import random

    noise = random.Random(1).randbytes(1 << 20)
    assert "packed, and 1048576 are allowed" in complaints(put("noise", noise)(good()), "size")["size"]


def test_every_check_is_broken_by_some_case() -> None:
    ours = {name for name, _, verdict, _ in CHECKS if verdict is Verdict.FAIL}
    assert {row for _, row, _ in CASES.values()} | {"size"} == ours


PUBLISHED = {"author": "someone", "repo": REPO, "contact": "someone@example.org"}
LEFT: Mapping[str, tuple[dict[str, str], str, str]] = {
    "author of Dify": ({"author": "langgenius"}, "author", "'langgenius'"),
    "author with Dify's name": ({"author": "my-dify"}, "author", "'my-dify'"),
    "repository elsewhere": ({"repo": "https://example.org/x"}, "repo", "on one of github.com"),
    "repository without https": ({"repo": "git@github.com:a/b"}, "repo", "https address"),
    "host that only looks alike": ({"repo": "https://evilgithub.com/a"}, "repo", "https address"),
    "repository that the README does not name": ({"repo": f"{REPO}2"}, "repo", "a link to"),
    "contact without address": ({"contact": "me"}, "contact", "e-mail"),
}


def owned(fields: Mapping[str, str]) -> Files:
    files = text("README.md", "# ", f"# [source]({REPO}) ")(good())
    for name, value in fields.items():
        files = field(name, value)(files)
    return files


def test_filled_in_package_is_ready_for_the_marketplace() -> None:
    assert {result.verdict for result in check_package(owned(PUBLISHED))} == {Verdict.OK}


@pytest.mark.parametrize(("fields", "row", "sentence"), LEFT.values(), ids=LEFT)
def test_what_is_left_to_the_owner(fields: dict[str, str], row: str, sentence: str) -> None:
    theirs = tuple(check for check in CHECKS if check[2] is Verdict.OWNER)
    left = {each.name: "\n".join(each.complaints) for each in check_package(owned({**PUBLISHED, **fields}), theirs) if each.complaints}
    assert set(left) == {row}
    assert sentence in left[row]

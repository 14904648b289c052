"""The library on its own: what its front door offers, and what opening it brings along."""

import ast
import enum
import inspect
import itertools
import os
import subprocess
import sys
import tomllib
import typing
from collections.abc import Iterator

import pytest
import yaml

import translator
from tests.structure.sources import ROOT, modules

HEAVY = ("gevent", "aiohttp", "dify_plugin", "PIL", "pydantic", "asyncio", "ssl", "socket", "plugin_entry", "fixtures")

PROMISED = (
    {"Ask", "Turn", "plan_turn", "ReplyStream", "deltas_to_chunks", "collect", "Message", "TextPart"}
    | {"MediaPart", "Tool", "ToolCall", "Usage", "ModelInfo", "model_info", "Credentials", "read_credentials", "RequestError"}
    | {"ServerError", "Limits", "estimate_text", "estimate_texts", "estimate_messages"}
)
"""What the manual of the library is about."""


FRONT_DOOR = next(module for module in modules("translator") if module.name == "translator").tree
PUBLIC = {
    alias.asname: str(node.module) for node in FRONT_DOOR.body if isinstance(node, ast.ImportFrom) for alias in node.names if alias.asname
}
"""The public names and the modules they come from. A name without `as` is not re-exported for type checkers."""


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = f"{statement}\nimport sys\nsys.stdout.write(' '.join(sorted(sys.modules)))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_import_brings_no_network_and_no_dify() -> None:
    before = loaded_by("pass")
    assert "translator" not in before
    assert (loaded_by("from translator import *") - before).isdisjoint(HEAVY)


def test_every_module_of_the_library_is_as_light() -> None:
    names = ", ".join(module.name for module in modules("translator"))
    assert (loaded_by(f"import {names}") - loaded_by("pass")).isdisjoint(HEAVY)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_there(name: str) -> None:
    assert getattr(translator, name) is not None


def test_promised_names_are_public() -> None:
    assert set(PUBLIC) >= PROMISED


def test_types_are_published() -> None:
    assert (ROOT / "translator" / "py.typed").is_file()


def test_version_is_the_same_everywhere() -> None:
    plugin = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert plugin["version"] == translator.__version__
    assert f"ollama-translator=={translator.__version__}" in plugin["optional-dependencies"]["cli"]
    assert yaml.safe_load((ROOT / "manifest.yaml").read_text(encoding="utf-8"))["version"] == translator.__version__


def test_both_distributions_have_the_licence_and_the_same_ranges() -> None:
    plugin, library = (
        tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"] for folder in (".", "translator")
    )
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "translator" / "LICENSE").read_bytes()
    assert {*library["dependencies"], *library["optional-dependencies"]["images"]} <= set(plugin["dependencies"])
    assert [line.partition(">")[0] for line in library["dependencies"]] == ["attrs", "cattrs", "orjson"]


def named_types(annotation: object) -> Iterator[object]:
    """The types and aliases of the library that an annotation names."""
    if isinstance(annotation, list):  # the arguments of a Callable
        for argument in annotation:
            yield from named_types(argument)
    elif isinstance(annotation, type | typing.TypeAliasType) and str(annotation.__module__).startswith("translator"):
        yield annotation
    for argument in (typing.get_origin(annotation), *typing.get_args(annotation)):
        if argument is not None and not isinstance(annotation, typing.TypeAliasType):
            yield from named_types(argument)


def annotations_of(thing: object) -> Iterator[object]:
    """All that a public signature says: of a function, of the fields, methods and properties of a class, of an alias."""
    match thing:
        case typing.TypeAliasType(__value__=value):
            yield value
        case enum.EnumMeta():
            return
        case type():
            yield from (hint for name, hint in typing.get_type_hints(thing).items() if not name.startswith("_"))
            for name, member in vars(thing).items():
                function = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if (not name.startswith("_") or name == "__init__") and inspect.isfunction(function):
                    yield from annotations_of(function)
        case _ if inspect.isfunction(thing):
            yield from (hint for name, hint in typing.get_type_hints(thing).items() if not name.startswith("_"))


@pytest.mark.parametrize("name", PUBLIC)
def test_types_of_a_public_signature_are_public(name: str) -> None:
    public = {id(getattr(translator, known)) for known in PUBLIC}
    hidden = [named for hint in annotations_of(getattr(translator, name)) for named in named_types(hint) if id(named) not in public]
    assert hidden == []


def test_a_hidden_type_is_found() -> None:
    from translator.response.machine import Machine

    def function(machine: dict[str, tuple[Machine, ...] | None]) -> None: ...

    assert Machine in {named for hint in annotations_of(function) for named in named_types(hint)}
    assert translator.Delta in set(itertools.chain.from_iterable(map(named_types, annotations_of(translator.ReplyStream))))


def repeated_types(*packages: str) -> dict[str, list[str]]:
    """Public classes and type aliases that two modules define, and where."""
    places: dict[str, list[str]] = {}
    for module in itertools.chain.from_iterable(map(modules, packages)):
        for node in module.tree.body:
            match node:
                case ast.ClassDef(name=name) | ast.TypeAlias(name=ast.Name(id=name)) if not name.startswith("_"):
                    places.setdefault(name, []).append(module.place)
    return {name: where for name, where in places.items() if len(where) > 1}


def test_one_type_name_has_one_meaning() -> None:
    """A reader who has learnt what a `Refusal` is need not ask which one."""
    assert repeated_types("translator", "plugin_entry") == {}

"""The library on its own: what its front door offers, and what opening it brings along."""

import ast
import itertools
import os
import subprocess
import sys

import pytest

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
    assert repeated_types("translator") == {}

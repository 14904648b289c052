"""The library on its own: what its front door offers, and what opening it brings along."""

import ast
import importlib
import os
import subprocess
import sys

import pytest

import translator
from tests.structure.sources import ROOT, modules

HEAVY = ("gevent", "aiohttp", "dify_plugin", "PIL", "pydantic", "asyncio", "ssl", "socket", "plugin_entry", "fixtures")

PROMISED = (
    {"Ask", "Turn", "plan_turn", "ReplyStream", "chunks_with_thinking", "chunks_without_thinking", "collect", "Message", "TextPart"}
    | {"MediaPart", "Tool", "ToolCall", "Usage", "ModelInfo", "model_info", "Credentials", "read_credentials", "RequestError"}
    | {"ServerError", "Limits", "estimate_text", "estimate_texts", "estimate_messages"}
)
"""What the manual of the library is about."""


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = f"{statement}\nimport sys\nsys.stdout.write(' '.join(sorted(sys.modules)))"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE_"))}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_import_brings_no_network_and_no_dify() -> None:
    before = loaded_by("pass")
    assert "translator" not in before
    assert (loaded_by("import translator") - before).isdisjoint(HEAVY)


def test_every_module_of_the_library_is_as_light() -> None:
    names = ", ".join(module.name for module in modules("translator"))
    assert (loaded_by(f"import {names}") - loaded_by("pass")).isdisjoint(HEAVY)


def test_public_names_are_exactly_what_is_imported() -> None:
    tree = next(module for module in modules("translator") if module.name == "translator").tree
    imported = {alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert sorted(imported) == sorted(translator.__all__)
    assert len(set(translator.__all__)) == len(translator.__all__)


@pytest.mark.parametrize("name", translator.__all__)
def test_public_name_is_there(name: str) -> None:
    assert getattr(importlib.import_module("translator"), name) is not None


def test_promised_names_are_public() -> None:
    assert set(translator.__all__) >= PROMISED


def test_types_are_published() -> None:
    assert (ROOT / "translator" / "py.typed").is_file()

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
    assert (loaded_by("from translator import *") - before).isdisjoint(HEAVY)


def test_every_module_of_the_library_is_as_light() -> None:
    names = ", ".join(module.name for module in modules("translator"))
    assert (loaded_by(f"import {names}") - loaded_by("pass")).isdisjoint(HEAVY)


def test_type_checkers_see_exactly_what_is_public() -> None:
    tree = next(module for module in modules("translator") if module.name == "translator").tree
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = [(node.module, alias.name, alias.asname) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(seen) == sorted((f"translator.{module}", name, name) for module, names in translator.PLACES.items() for name in names)
    assert sorted(name for _, name, _ in seen) == translator.__all__
    assert set(dir(translator)) >= set(translator.__all__)


def test_a_name_brings_its_own_modules_only() -> None:
    loaded = loaded_by("from translator import parse_base_url")
    assert "translator.base_url" in loaded
    assert loaded.isdisjoint({"translator.turn", "translator.response.stream", "translator.rerank_job"})
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = translator.nothing


@pytest.mark.parametrize("name", translator.__all__)
def test_public_name_is_there(name: str) -> None:
    assert getattr(importlib.import_module("translator"), name) is not None


def test_promised_names_are_public() -> None:
    assert set(translator.__all__) >= PROMISED


def test_types_are_published() -> None:
    assert (ROOT / "translator" / "py.typed").is_file()

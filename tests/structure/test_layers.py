"""Imports go down only: the layers as a table, and what each part may take from outside."""

import sys
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.structure.sources import modules

TRANSLATOR_LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ground", ("errors", "limits", "scalars", "versions")),
    ("shapes", ("shapes", "shapes.*")),
    ("text", ("codec", "json_data", "arguments", "tokens", "token_classes")),
    ("converters", ("request", "request.*", "response", "response.*")),
    ("whole exchanges", ("?*",)),
    ("public names", ("",)),
)
"""From the bottom to the top; the first row that fits says where a module of `translator` is. A module imports its own layer and those
below it, and within `converters` its own direction only.
"""

PURE = frozenset(
    {"abc", "base64", "binascii", "collections", "collections.abc", "contextlib", "decimal", "difflib", "enum", "fnmatch", "functools"}
    | {"html", "io", "ipaddress", "itertools", "json", "math", "operator", "re", "statistics", "sys", "typing", "unicodedata"}
    | {"urllib.parse"}
)
"""The part of the standard library that does no I/O and reads no clock, no environment and no randomness."""

EXTERNALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("attrs", ("*",)),
    ("cattrs", ("translator.codec",)),
    (
        "orjson",
        ("translator.codec", "plugin_entry.frames", "plugin_entry.text_frames", "plugin_entry.host.*", "plugin_entry.cli.*", "fixtures.*"),
    ),
    ("PIL", ("translator.request.reencode",)),
    ("aiohttp", ("plugin_entry.transport*", "plugin_entry.bridge", "plugin_entry.media_fetch", "plugin_entry.hop_guard")),
    ("aiohttp", ("plugin_entry.probing", "plugin_entry.recording", "fixtures.*")),
    ("yarl", ("plugin_entry.media_fetch",)),
    ("gevent", ("plugin_entry.loop", "plugin_entry.selector", "plugin_entry.inbox", "plugin_entry.plans", "plugin_entry.model_facts")),
    ("gevent", ("plugin_entry.checking", "plugin_entry.frames", "plugin_entry.main", "plugin_entry.patient", "plugin_entry.workers")),
    ("gevent", ("plugin_entry.frame_output", "plugin_entry.heavy", "plugin_entry.loop_watch", "plugin_entry.shutdown")),
    ("gevent", ("plugin_entry.sdk_*", "plugin_entry.answering", "plugin_entry.sending", "plugin_entry.side")),
    ("dify_plugin", ("plugin_entry.models.*", "plugin_entry.provider.*", "plugin_entry.sdk_*", "plugin_entry.*_model")),
    ("dify_plugin", ("plugin_entry.main", "plugin_entry.frames", "plugin_entry.checking", "plugin_entry.workers")),
    ("gevent", ("plugin_entry.late",)),
    ("dify_plugin", ("plugin_entry.late",)),
    ("dify_plugin", ("plugin_entry.frame_limit", "plugin_entry.shutdown", "plugin_entry.direct_*")),
    ("flask", ("plugin_entry.sdk_serverless",)),
    ("pydantic", ("plugin_entry.frames", "plugin_entry.frame_limit", "plugin_entry.sdk_*")),
    ("rich", ("plugin_entry.cli.*",)),
    ("yaml", ("plugin_entry.cli.*", "plugin_entry.packaging.*")),
    ("fixtures", ("fixtures", "fixtures.*", "plugin_entry.cli.*")),
    ("plugin_entry", ("plugin_entry", "plugin_entry.*")),
    ("translator", ("translator", "translator.*", "plugin_entry.*", "fixtures.*")),
)
"""Who may import what is not of the standard library. The request path of the plugin never needs recordings, and the command line is
the only part that draws.
"""

PURE_SOURCES = modules("translator")
SOURCES = [module for package in ("translator", "plugin_entry", "fixtures") for module in modules(package)]


def layer(name: str) -> int:
    """Where a module of `translator` is."""
    inside = name.removeprefix("translator").removeprefix(".")
    return next(index for index, (_, patterns) in enumerate(TRANSLATOR_LAYERS) if any(fnmatch(inside, pattern) for pattern in patterns))


def direction(name: str) -> str:
    """`request` or `response`, or an empty text."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in {"request", "response"} else ""


def top(target: str) -> str:
    return target.partition(".")[0]


def test_imports_go_down() -> None:
    arrows = [(module.name, target) for module in PURE_SOURCES for target, _ in module.imports if top(target) == "translator"]
    assert [f"{source} -> {target}" for source, target in arrows if layer(target) > layer(source)] == []


def test_directions_do_not_know_each_other() -> None:
    arrows = [(module.name, target) for module in PURE_SOURCES for target, _ in module.imports]
    both = {"request", "response"}
    assert [f"{source} -> {target}" for source, target in arrows if {direction(source), direction(target)} == both] == []


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module.name: {target for target, late in module.imports if not late and target != module.name} for module in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_translator_does_no_input_and_no_output() -> None:
    standard = {(module.name, target) for module in PURE_SOURCES for target, _ in module.imports if top(target) in sys.stdlib_module_names}
    assert {(source, target) for source, target in standard if target not in PURE} == {("translator", "importlib")}, "its own modules"


def test_each_dependency_has_its_place() -> None:
    outside = {(module.name, top(target)) for module in SOURCES for target, _ in module.imports} - {
        (module.name, name) for module in SOURCES for name in sys.stdlib_module_names
    }
    allowed = {
        (source, package) for source, package in outside for name, patterns in EXTERNALS if name == package and fits(source, patterns)
    }
    assert outside - allowed == set()


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def test_pillow_waits_for_a_picture() -> None:
    assert [module.name for module in PURE_SOURCES for target, late in module.imports if top(target) == "PIL" and not late] == []


def test_every_layer_holds_something() -> None:
    assert {layer(module.name) for module in PURE_SOURCES} == set(range(len(TRANSLATOR_LAYERS)))


def test_tests_of_the_shared_loop_run_where_it_lives() -> None:
    """A test that reaches the objects a plugin process has once, but runs in another thread, would wait for ever (tests/conftest.py)."""
    arrows = {module.name: {target for target, _ in module.imports} for module in (*SOURCES, *modules("tests"))}
    strays = [
        module.place
        for module in modules("tests")
        if module.path.name.startswith("test_") and SHARED in _reachable(module.name, arrows) and "mark.plugin" not in module.text
    ]
    assert [place for place in strays if place not in WITHOUT_THE_LOOP] == []


SHARED = "plugin_entry.runtime"
WITHOUT_THE_LOOP: dict[str, str] = {
    "tests/test_sdk_errors.py": "maps errors to errors",
    "tests/test_start.py": "the plugin that answers is another process",
}
"""Tests that import such modules and never send anything, and why."""


def _reachable(start: str, arrows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in arrows.get(waiting.pop(), set()) - found:
            found.add(target)
            waiting.append(target)
    return found

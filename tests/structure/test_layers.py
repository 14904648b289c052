"""Imports go down only: the layers as a table, and what each part may take from outside."""

import sys
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.structure.sources import modules

TRANSLATOR_ROOMS: tuple[tuple[str, ...], ...] = (
    ("addresses", "caches", "errors", "limits", "scalars", "versions"),
    ("shapes",),
    ("codec", "tokens", "plans"),
    ("failures", "schema", "media"),
    ("embedding",),
    ("rerank",),
    ("request", "response"),
    ("settings",),
    ("detected", "features", "tracing"),
    ("turn",),
    ("diagnosis", "conversation"),
    ("",),
)
"""The rooms of `translator` from the bottom to the top. A room may use the rows below its own; those of one row do not know each other."""

PLUGIN_ROOMS: tuple[tuple[str, ...], ...] = (
    ("", "log", "threads"),
    ("network",),
    ("dify",),
    ("serving",),
    ("checks",),
    ("cli", "models", "provider", "main"),
)
"""The rooms of `plugin_entry` from the bottom to the top."""

PURE = frozenset(
    {"base64", "binascii", "collections", "collections.abc", "contextlib", "decimal", "difflib", "enum", "fnmatch", "functools", "html"}
    | {"io", "ipaddress", "itertools", "json", "json.scanner", "math", "re", "statistics", "sys", "typing", "unicodedata", "urllib.parse"}
)
"""The part of the standard library that does no I/O and reads no clock, no environment and no randomness."""

EXTERNALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("attrs", ("*",)),
    ("cattrs", ("translator.codec",)),
    ("orjson", ("translator.codec", "plugin_entry.log", "plugin_entry.dify.*", "plugin_entry.cli.*", "fixtures.*")),
    ("PIL", ("translator.media.reencode", "plugin_entry.cli.demo.scenes")),
    ("aiohttp", ("plugin_entry.network.*", "plugin_entry.checks.probing", "plugin_entry.cli.recording.proxy", "fixtures.*")),
    ("yarl", ("plugin_entry.network.*",)),
    ("gevent", ("plugin_entry.main", "plugin_entry.threads", "plugin_entry.network.*", "plugin_entry.dify.*")),
    ("gevent", ("plugin_entry.serving.*", "plugin_entry.checks.credentials")),
    ("dify_plugin", ("plugin_entry.main", "plugin_entry.models.*", "plugin_entry.provider.*", "plugin_entry.dify.*")),
    ("dify_plugin", ("plugin_entry.serving.*", "plugin_entry.checks.*")),
    ("flask", ("plugin_entry.dify.serverless",)),
    ("pydantic", ("plugin_entry.dify.*",)),
    ("rich", ("plugin_entry.cli.*",)),
    ("argcomplete", ("plugin_entry.cli.commands",)),
    ("pathspec", ("plugin_entry.cli.packaging.archive",)),
    ("yaml", ("plugin_entry.cli.*",)),
    ("fixtures", ("fixtures.*", "plugin_entry.cli.*")),
    ("plugin_entry", ("plugin_entry.*",)),
    ("translator", ("translator", "translator.*", "plugin_entry.*")),
)
"""Who may import what is not of the standard library. The request path of the plugin never needs recordings, and the command line is
the only part that draws.
"""

PURE_SOURCES = modules("translator")
PLUGIN_SOURCES = modules("plugin_entry")
SOURCES = [module for package in ("translator", "plugin_entry", "fixtures") for module in modules(package)]
HOUSES = {"translator": TRANSLATOR_ROOMS, "plugin_entry": PLUGIN_ROOMS}


def room(name: str) -> str:
    """`translator.request.options` is in the room `request`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else ""


def floor(name: str) -> int:
    """The row of a module's room."""
    rows = HOUSES[top(name)]
    return next(index for index, row in enumerate(rows) if room(name) in row)


def top(target: str) -> str:
    return target.partition(".")[0]


@pytest.mark.parametrize("house", HOUSES)
def test_imports_go_down(house: str) -> None:
    """Also imports inside functions: a late arrow points the same way."""
    arrows = [
        (module.name, target) for module in SOURCES if top(module.name) == house for target, _ in module.imports if top(target) == house
    ]
    assert [f"{source} -> {target}" for source, target in arrows if not may_use(source, target)] == []


def may_use(source: str, target: str) -> bool:
    if room(source) == room(target):
        return True
    return floor(target) < floor(source)


def test_an_arrow_that_goes_up_is_found() -> None:
    assert not may_use("plugin_entry.network.transport", "plugin_entry.serving.chat")
    assert not may_use("translator.response.stream", "translator.request.options")
    assert not may_use("translator.turn", "translator.diagnosis.conclusion")
    assert may_use("plugin_entry.serving.chat", "plugin_entry.network.transport")


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {module.name: {target for target, late in module.imports if not late and target != module.name} for module in SOURCES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_translator_does_no_input_and_no_output() -> None:
    standard = {(module.name, target) for module in PURE_SOURCES for target, _ in module.imports if top(target) in sys.stdlib_module_names}
    assert {(source, target) for source, target in standard if target not in PURE} == set()


def test_each_dependency_has_its_place() -> None:
    outside = {(module.name, top(target)) for module in SOURCES for target, _ in module.imports} - {
        (module.name, name) for module in SOURCES for name in sys.stdlib_module_names
    }
    allowed = {
        (source, package) for source, package in outside for name, patterns in EXTERNALS if name == package and fits(source, patterns)
    }
    assert outside - allowed == set()


def test_nothing_is_allowed_that_nobody_needs() -> None:
    arrows = {(module.name, top(target)) for module in SOURCES for target, _ in module.imports}
    needless = [
        (package, pattern)
        for package, patterns in EXTERNALS
        for pattern in patterns
        if not any(target == package and fnmatch(source, pattern) for source, target in arrows)
    ]
    assert needless == []
    assert PURE - {target for module in PURE_SOURCES for target, _ in module.imports} == set()


def fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def test_pillow_waits_for_a_picture() -> None:
    assert [module.name for module in PURE_SOURCES for target, late in module.imports if top(target) == "PIL" and not late] == []


@pytest.mark.parametrize("house", HOUSES)
def test_every_room_holds_something(house: str) -> None:
    rooms = {room(module.name) for module in SOURCES if top(module.name) == house}
    assert rooms == {name for row in HOUSES[house] for name in row}


def test_tests_of_the_shared_loop_run_where_it_lives() -> None:
    """A test that reaches the objects a plugin process has once, but runs in another thread, would wait for ever (tests/conftest.py)."""
    arrows = {module.name: {target for target, _ in module.imports} for module in (*SOURCES, *modules("tests"))}
    strays = [
        module.place
        for module in modules("tests")
        if module.path.name.startswith("test_") and SHARED in _reachable(module.name, arrows) and "_plugin_rests" not in module.text
    ]
    assert [place for place in strays if place not in WITHOUT_THE_LOOP] == []


SHARED = "plugin_entry.serving.chat"
WITHOUT_THE_LOOP: dict[str, str] = {
    "tests/plugin_entry/dify/test_errors.py": "maps errors to errors",
    "tests/stdio/test_start.py": "the plugin that answers is another process",
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

"""The shape of modules: a docstring that says why it exists, a size that can be read at once, nothing left over."""

import ast
import functools
import re
from collections.abc import Iterator

from tests.structure.sources import PACKAGES, ROOT, Module, modules

LINES = 320
LINES_OF_TESTS = 400
"""Most of a test file is tables."""

LONGER: dict[str, str] = {
    "tests/fixtures/test_fixtures.py": "one file for the loader and the replay server, which the other tests stand on",
}
"""Modules over the limit, and why."""

DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}
EVERYTHING = [module for package in PACKAGES for module in modules(package)]
SOURCES = [module for module in EVERYTHING if not module.name.startswith("tests")]
TESTS = [module for module in EVERYTHING if module.name.startswith("tests")]
PROGRAMS = re.compile(r"plugin_entry\.cli(\.|$)|fixtures\.replay$|tests\.bench(\.|$)")
"""They talk to people, so they print."""

IGNORE = re.compile(r"#\s*(?:type: ignore|noqa|pragma: no cover)")
REASON = re.compile(r"#\s*(?:type: ignore\[[\w, -]+\]|noqa: [A-Z0-9, ]+|pragma: no cover)\s+(?:#|-) \w.{8,}")
LEFT_OVER = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")


@functools.cache
def calls(module: Module) -> frozenset[str]:
    """The names that are called, `open` or `time.sleep`; a sleep of 0, which only gives way to others, is none."""
    return frozenset(_calls(module.tree))


def _calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=0)]):
                continue
            case ast.Call(func=ast.Name(id=name)):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)):
                yield f"{owner}.{name}"


def test_every_module_says_why_it_exists() -> None:
    assert [module.place for module in EVERYTHING if len(ast.get_docstring(module.tree) or "") < 12] == []


def test_every_public_class_and_function_of_the_library_says_what_it_is() -> None:
    silent = [
        f"{module.place}: {node.name}"
        for module in modules("translator")
        for node in module.tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert silent == []


def is_too_long(module: Module) -> bool:
    return module.lines > (LINES_OF_TESTS if module in TESTS else LINES)


def test_every_module_can_be_read_at_once() -> None:
    """Split a module that is too long, or give the reason in LONGER."""
    assert {module.place: module.lines for module in EVERYTHING if is_too_long(module) and module.place not in LONGER} == {}


def test_reasons_for_length_are_still_needed() -> None:
    assert set(LONGER) - {module.place for module in EVERYTHING if is_too_long(module)} == set()


def test_no_module_is_a_drawer() -> None:
    assert [module.place for module in EVERYTHING if module.path.stem in DRAWERS] == []


def test_only_programs_print() -> None:
    """Whatever a plugin writes to its standard output beside frames may cost a user an answer."""
    assert [
        module.place for module in SOURCES if not PROGRAMS.match(module.name) and {"print", "input", "breakpoint"} & calls(module)
    ] == []


def test_translator_opens_no_file() -> None:
    assert [module.place for module in modules("translator") if "open" in calls(module)] == []


def test_every_silenced_check_has_a_reason() -> None:
    lines = [f"{module.place}: {line.strip()}" for module in EVERYTHING for line in module.text.splitlines() if IGNORE.search(line)]
    assert [line for line in lines if not REASON.search(line) and "re.compile" not in line] == []


def test_nothing_is_put_off() -> None:
    assert [module.place for module in EVERYTHING if LEFT_OVER.search(module.text)] == []


def test_tests_wait_for_events_not_for_time() -> None:
    waiting = {module.name for module in TESTS if {"time.sleep", "gevent.sleep"} & calls(module) and not MEASURING.match(module.name)}
    assert waiting == WAITING.keys()


def test_only_load_tests_measure_time() -> None:
    """What must be quick is measured in `tests/load`, where the machine is idle; elsewhere a clock only ends a wait."""
    measured = [module for module in TESTS if not MEASURING.match(module.name) and (CLOCKS & calls(module) or compared_seconds(module))]
    assert {module.name for module in measured} == CLOCKED.keys()


def compared_seconds(module: Module) -> set[str]:
    """Names of seconds that an `assert` compares."""
    names = {
        child.attr if isinstance(child, ast.Attribute) else child.id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assert)
        for compared in ast.walk(node)
        if isinstance(compared, ast.Compare) and any(isinstance(each, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for each in compared.ops)
        for child in ast.walk(compared)
        if isinstance(child, ast.Attribute | ast.Name)
    }
    return {name for name in names if SECONDS.fullmatch(name)}


def test_a_compared_time_is_found() -> None:
    found = _of("def test() -> None:\n    assert server.times[stage] - left < 0.1\n    assert latency_s <= 3\n    assert size < 9\n")
    assert compared_seconds(found) == {"times", "latency_s"}
    assert calls(_of("import time\nbegan = time.monotonic()\n")) & CLOCKS


def _of(text: str) -> Module:
    return Module(name="x", path=ROOT / "x.py", text=text, tree=ast.parse(text), imports=())


def test_no_test_is_skipped() -> None:
    """A skipped test proves nothing. What needs an optional package stands in a folder of its own, which is collected with that package."""
    marks = {(module.place, node.attr) for module in TESTS for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)}
    assert {mark[0] for mark in marks if mark[1] in {"skip", "skipif", "xfail"}} == set(OF_LINUX)


WAITING: dict[str, str] = {
    "tests.servers.stalling_server": "a server that talks at a pace",
    "tests.servers.hostile": "a server that trickles",
    "tests.fuzzing.conversations": "callers who come later, and a server that keeps them waiting",
    "tests.endurance": "a process that is left alone before it is looked at",
    "tests.stdio.loop_faults": "greenlets that are given the time to find out",
    "tests.plugin_entry.dify.test_output": "a reader that does not read for a while",
    "tests.servers.function_server": "a server whose work takes time, to see how many requests are under way at once",
    "tests.plugin_entry.serving.test_plans": "the same",
    "tests.plugin_entry.network.test_transport": "a server that trickles",
    "tests.plugin_entry.network.test_bridge": "a reader or a server that is slower than the other end",
}
"""Tests outside of `tests/load` that need the passing of time itself, and why."""

MEASURING = re.compile(r"tests\.(load|bench)(\.|$)")
CLOCKS = {f"time.{clock}{unit}" for clock in ("time", "monotonic", "perf_counter", "process_time", "thread_time") for unit in ("", "_ns")}
SECONDS = re.compile(r"seconds|times|took|elapsed|latency|[a-z_]+_s")
CLOCKED: dict[str, str] = {
    "tests.consumers.test_time_limit": "hands the begin of an answer to what tells its latency",
    "tests.faults.run": "notes for `tests/load` how long a call took",
    "tests.fuzzing.run": "notes for its report and for `tests/load` which line took longest",
    "tests.install_check": "ends a wait, and says what an installation took",
    "tests.plugin_entry.cli.chat.test_command": "ends a wait",
    "tests.plugin_entry.network.test_selector_pace": "a clock of its own, which the test moves",
    "tests.plugin_entry.network.test_retries_again": "waits that were planned; nobody waits",
    "tests.plugin_entry.serving.test_deadline": "a limit that was planned; nobody waits",
    "tests.plugin_entry.serving.test_chat": "the latency that an answer tells is a number above 0",
    "tests.plugin_entry.cli.daemon.test_process": "frames that a program sent bear times in their order",
    "tests.servers.stalling_server": "notes for `tests/load` when a client left",
    "tests.stdio.networked_plugin": "ends a wait",
}
"""Tests outside of `tests/load` that look at a clock, and why; none asserts how long something takes."""

OF_LINUX: dict[str, str] = {
    "tests/plugin_entry/dify/test_callers.py": "only Linux says what stands in a pipe",
    "tests/load/test_full_output.py": "only Linux opens a pipe's end anew, so that writing never blocks",
    "tests/plugin_entry/network/test_selector.py": "epoll exists on Linux only; elsewhere gevent's selector serves",
    "tests/plugin_entry/dify/test_frames.py": "pipes can be made small on Linux only",
}
"""What cannot be tried on other systems, and is never skipped on Linux."""

"""What large requests leave behind in the process when they have ended: next to nothing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import get_llm_num_tokens, invoke_llm, user_message
from tests.servers.loopback import PATIENCE_S
from tests.servers.stalling_server import StallingServer, aside, stalling

KEPT_KIB = 32 * 1024
LINE = 200_000_000
SETS, HEADERS = 60, 4_000_000
LOOK_S, LOOKS = 0.1, 20


@pytest.fixture(scope="module", name="server")
def own_server() -> Iterator[StallingServer]:
    with stalling() as server:
        yield server


@pytest.fixture(scope="module", name="plugin")
def own_plugin(server: StallingServer) -> Iterator[PluginProcess]:
    """One that has answered before."""
    with PluginProcess() as plugin:
        assert answered(plugin, invoke_llm("quick", {"base_url": server.url}, [user_message("hi")])) == "end"
        yield plugin


def answered(plugin: PluginProcess, data: dict[str, Any]) -> str:
    """The kind of the last frame; `data` is given up before it comes."""
    session = plugin.send(data)
    data.clear()
    return aside(lambda: list(plugin.frames(session, PATIENCE_S))[-1].kind)


def idle_kib(plugin: PluginProcess) -> int:
    """What the process has before a test; from now on the kernel notes anew what it had at most."""
    Path(f"/proc/{plugin.pid}/clear_refs").write_text("5", encoding="ascii")
    return memory_kib(plugin)


def memory_kib(plugin: PluginProcess, name: str = "VmRSS") -> int:
    status = Path(f"/proc/{plugin.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in status if row.startswith(name))


def kept_kib(plugin: PluginProcess, before: int) -> int:
    """What the process has more than before, once it has settled."""
    for _ in range(LOOKS):
        if memory_kib(plugin) - before < KEPT_KIB:
            break
        time.sleep(LOOK_S)
    return memory_kib(plugin) - before


ROWS: dict[str, Callable[[str], dict[str, Any]]] = {
    "a prompt that does not fit": lambda url: invoke_llm("quick", {"base_url": url}, [user_message("x" * LINE)]),
    "a prompt that is counted": lambda url: get_llm_num_tokens("quick", {"base_url": url}, [user_message("word " * (LINE // 5))]),
    "a key": lambda url: invoke_llm("quick", {"base_url": url, "api_key": "x" * LINE}, [user_message("hi")]),
    "no request": lambda _: {"action": "x" * LINE},
}


@pytest.mark.parametrize("name", ROWS)
def test_a_line_of_200_megabytes_leaves_nothing_behind(server: StallingServer, plugin: PluginProcess, name: str) -> None:
    """Not even until the next request comes, which may take hours."""
    before = idle_kib(plugin)
    assert answered(plugin, ROWS[name](server.url)) == "end"
    kept = kept_kib(plugin, before)
    print(f"{name}: {kept / 1024:.0f} MiB kept, {(memory_kib(plugin, 'VmHWM') - before) / 1024:.0f} MiB at most")
    assert kept < KEPT_KIB


def test_large_credentials_leave_nothing_behind(server: StallingServer, plugin: PluginProcess) -> None:
    before = idle_kib(plugin)
    for number in range(SETS):
        saved = {"base_url": server.url, "extra_headers": f"X-Number: {number}\n" + "X-Long: " + "x" * HEADERS}
        assert answered(plugin, invoke_llm("quick", saved, [user_message("hi")])) == "end"
    kept = kept_kib(plugin, before)
    print(f"{SETS} sets of credentials: {kept / 1024:.0f} MiB kept, {(memory_kib(plugin, 'VmHWM') - before) / 1024:.0f} MiB at most")
    assert kept < KEPT_KIB


def test_credentials_as_large_as_they_may_be_are_bounded_together(server: StallingServer, plugin: PluginProcess) -> None:
    """Sixty thousand characters of headers are taken, and what is remembered of all sets has a bound of its own."""
    before = idle_kib(plugin)
    for number in range(2 * SETS):
        saved = {"base_url": server.url, "extra_headers": "\n".join(f"X-{number}-{row}: {'x' * 7_000}" for row in range(8))}
        assert answered(plugin, invoke_llm("quick", saved, [user_message("hi")])) == "end"
    kept = kept_kib(plugin, before)
    print(f"{2 * SETS} sets of 56 kB: {kept / 1024:.0f} MiB kept")
    assert kept < KEPT_KIB

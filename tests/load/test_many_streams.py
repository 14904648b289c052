"""Many answers at once in one process: nothing is mixed up or lost, nobody waits for one who is slow, and nothing accumulates."""

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

import gevent
import pytest
from gevent.event import Event

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from plugin_entry.dify.slots import SHARE
from plugin_entry.network.bridge import Bridge
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit, serving
from tests.servers.stalling_server import DONE, SHOW, aside, line
from tests.structure.sources import ROOT
from translator.response.stream import ReplyStream
from translator.shapes.events import TextDelta

STREAMS, PIECES = 1000, 8
REQUESTS = 900
"""`python -m tests.endurance` asks 10,000 times, or as often as it is told."""


def pieces(stream: str) -> list[str]:
    """Text that says which stream it belongs to and where in it."""
    return [f"{stream}.{number}é😀 " for number in range(PIECES)]


def talk(visit: Visit, stream: str) -> None:
    """Cuts the answer into chunks that end inside lines and characters."""
    whole = b"".join(line(content=piece) for piece in pieces(stream)) + json.dumps(DONE).encode() + b"\n"
    visit.send(HEAD)
    step = 300 + len(stream)
    for at in range(0, len(whole), step):
        visit.chunk(whole[at : at + step])
        gevent.sleep(0)
    visit.send(END)


def saved(url: str, number: int) -> dict[str, str]:
    """One server has a quarter of the slots; these are four to the plugin."""
    return {"base_url": url, "extra_headers": f"X-Tenant: {number % SHARE}"}


def test_a_thousand_streams_at_once() -> None:
    came, everybody = list[str](), Event()

    def answer(visit: Visit) -> None:
        if visit.path != "/api/chat":
            visit.whole(json.dumps(SHOW if visit.path == "/api/show" else {"version": "0.33.0"}).encode())
            return
        stream = json.loads(visit.body)["messages"][-1]["content"]
        came.append(stream)
        if len(came) == STREAMS:
            everybody.set()
        assert everybody.wait(6 * PATIENCE_S), f"only {len(came)} came"
        talk(visit, stream)

    def exchange(plugin: PluginProcess, url: str) -> dict[str, list[Any]]:
        requests = [invoke_llm("m", saved(url, number), [user_message(f"s{number}")]) for number in range(STREAMS)]
        sessions = [plugin.send(request) for request in requests]
        return {f"s{number}": list(plugin.frames(session, 6 * PATIENCE_S)) for number, session in enumerate(sessions)}

    with serving(answer) as server, PluginProcess() as plugin:
        found = aside(lambda: exchange(plugin, f"http://127.0.0.1:{server.port}"))
    assert len(came) == len(found) == STREAMS
    for stream, frames in found.items():
        deltas = [frame.data["delta"] for frame in frames if frame.kind == "stream"]
        assert "".join(delta["message"]["content"] for delta in deltas) == "".join(pieces(stream))
        assert [delta["index"] for delta in deltas] == list(range(len(deltas)))
        assert deltas[-1]["finish_reason"] == "stop"
        assert [frame.kind for frame in frames[-2:]] == ["stream", "end"]


# --- one who is slow ---------------------------------------------------------------------------------------------------------------

OTHERS, LINES, PACE_S = 20, 30, 0.01
LATER_S = 0.05
TRIES = 3


def clocked(visit: Visit) -> None:
    """Says what time it is; or nothing more; or more than anybody reads."""
    visit.send(HEAD)
    if visit.path == "/stalled":
        visit.chunk(b"x\n")
        visit.wait_for_the_end()
    while visit.path == "/unread":
        visit.chunk(b"x" * 65536)
    for _ in range(LINES):
        visit.chunk(b"%d\n" % time.monotonic_ns())
        gevent.sleep(PACE_S)
    visit.send(END)


def delays(bridge: Bridge, begin: Callable[[Any], object]) -> float:
    """Seconds that all but the slowest twentieth of the lines needed."""
    found: list[float] = []

    def read(server: Any) -> None:
        for burst in bridge.open(server.call("/clock")).bursts():
            now = time.monotonic_ns()
            found.extend((now - int(said)) / 1e9 for said in burst.split())

    with serving(clocked) as server:
        slow = begin(server)
        gevent.joinall([gevent.spawn(read, server) for _ in range(OTHERS)], timeout=3 * PATIENCE_S, raise_error=True)
        assert len(found) == OTHERS * LINES
        del slow
    return quantiles(found, n=20)[-1]


@contextmanager
def own_bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    try:
        yield bridge
    finally:
        bridge.close()


@pytest.mark.usefixtures("_plugin_rests")
@pytest.mark.parametrize("path", ["/stalled", "/unread"], ids=["a server that fell silent", "a reader who does not read"])
def test_one_who_is_slow_delays_nobody(path: str) -> None:
    with own_bridge() as bridge:
        for _ in range(TRIES):
            alone = delays(bridge, lambda _: None)
            beside = delays(bridge, lambda server: [bridge.open(server.call(path)) for _ in range(5)])
            if beside - alone < LATER_S:
                return
    pytest.fail(f"lines came {beside - alone:.3f} s later")


# --- memory ------------------------------------------------------------------------------------------------------------------------


def test_memory_is_flat_over_many_requests() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.endurance", str(REQUESTS)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["requests"] == REQUESTS


def test_a_long_answer_leaves_nothing_behind_per_token() -> None:
    stream = ReplyStream(model="m", new_id=lambda: "id", estimate_prompt=lambda: 1)
    burst = b"".join(line(content=f"word{number} ") for number in range(100))

    def feed(tokens: int) -> int:
        return sum(len(delta.text) for _ in range(tokens // 100) for delta in stream.feed(burst) if isinstance(delta, TextDelta))

    feed(1000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert feed(100_000) > 0
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 10_000, "something is kept per token"

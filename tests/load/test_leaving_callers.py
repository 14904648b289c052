"""A thousand answers, half of their callers leave: the servers of those are free soon, and no other answer is harmed."""

import json
import os
import random
import time
from contextlib import suppress
from typing import Any

import gevent
from gevent.event import Event

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.load.test_no_growth import Look, look
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit, serving
from tests.servers.stalling_server import DONE, SHOW, aside, line
from tests.stdio.test_leaving import QUICKLY

STREAMS = 1000
FREE_WITHIN_S = 6.0
REQUESTS, AT_ONCE = int(os.environ.get("LEAVING_REQUESTS", "400")), 40
"""`LEAVING_REQUESTS=10000` takes some minutes."""
MORE_KIB, MORE_DESCRIPTORS = 8 * 1024, 16


class Models:
    """A server whose answers go on until `enough` is set; notes when their clients left."""

    def __init__(self) -> None:
        self.began: set[str] = set()
        self.enough = Event()
        self.left: dict[str, float] = {}

    def __call__(self, visit: Visit) -> None:
        if visit.path != "/api/chat":
            visit.whole(json.dumps(SHOW if visit.path == "/api/show" else {"version": "0.33.0"}).encode())
            return
        name = json.loads(visit.body)["messages"][-1]["content"]
        visit.send(HEAD)
        visit.chunk(line(content=name))
        self.began.add(name)
        watching = gevent.spawn(self._watch, visit, name)
        while not self.enough.wait(0.5) and name not in self.left:
            visit.chunk(line(content="."))
        watching.kill()
        if name not in self.left:
            visit.chunk(json.dumps(DONE).encode() + b"\n")
            visit.send(END)

    def _watch(self, visit: Visit, name: str) -> None:
        """Nothing comes but the end of the connection."""
        with suppress(OSError):
            visit.sock.recv(1)
        self.left[name] = time.monotonic()


def test_half_of_a_thousand_callers_leave() -> None:
    models = Models()

    def exchange(plugin: PluginProcess, url: str) -> tuple[float, dict[str, list[Any]]]:
        asks = [invoke_llm("m", {"base_url": url}, [user_message(f"s{number}")]) for number in range(STREAMS)]
        sessions = [plugin.send(ask) for ask in asks]
        deadline = time.monotonic() + 6 * PATIENCE_S
        while len(models.began) < STREAMS and time.monotonic() < deadline:
            time.sleep(0.05)
        plugin.wait_for_questions(STREAMS)
        left_at = time.monotonic()
        for session in sessions[::2]:
            plugin.leave(session)
        while len(models.left) < STREAMS // 2 and time.monotonic() < left_at + 10 * FREE_WITHIN_S:
            time.sleep(0.05)
        models.enough.set()
        return left_at, {f"s{number}": list(plugin.frames(sessions[number], 6 * PATIENCE_S)) for number in range(1, STREAMS, 2)}

    with serving(models) as server, PluginProcess() as plugin:
        left_at, found = aside(lambda: exchange(plugin, f"http://127.0.0.1:{server.port}"))
    assert models.left.keys() == {f"s{number}" for number in range(0, STREAMS, 2)}
    assert max(models.left.values()) - left_at < FREE_WITHIN_S
    for name, frames in found.items():
        deltas = [frame.data["delta"] for frame in frames if frame.kind == "stream"]
        assert "".join(delta["message"]["content"] for delta in deltas).rstrip(".") == name
        assert deltas[-1]["finish_reason"] == "stop"


def test_requests_whose_callers_leave_at_random_times() -> None:
    """Every answer that is read is whole, at the end the plugin serves on, and nothing stays of who left."""
    chance = random.Random(7)

    def answer(visit: Visit) -> None:
        if visit.path != "/api/chat":
            visit.whole(json.dumps(SHOW if visit.path == "/api/show" else {"version": "0.33.0"}).encode())
            return
        visit.send(HEAD)
        for number in range(20):
            visit.chunk(line(content=f"{number} "))
            gevent.sleep(0.02)
        visit.chunk(json.dumps(DONE).encode() + b"\n")
        visit.send(END)

    def exchange(plugin: PluginProcess, url: str) -> list[str]:
        whole: list[str] = []
        for batch in range(REQUESTS // AT_ONCE):
            if batch == REQUESTS // AT_ONCE // 3:
                looks.append(look(plugin))
            sessions = [plugin.send(invoke_llm("m", {"base_url": url}, [user_message("hi")])) for _ in range(AT_ONCE)]
            staying = [session for session in sessions if chance.random() < 0.5]
            for session in set(sessions) - set(staying):
                time.sleep(chance.random() / 50)
                plugin.leave(session)
            for session in staying:
                frames = plugin.frames(session, 6 * PATIENCE_S)
                whole.append("".join(frame.data["delta"]["message"]["content"] for frame in frames if frame.kind == "stream"))
        looks.append(look(plugin))
        return whole

    looks = list[Look]()
    with serving(answer) as server, PluginProcess({}, QUICKLY) as plugin:
        found = aside(lambda: exchange(plugin, f"http://127.0.0.1:{server.port}"))
    print(f"{REQUESTS} requests, {len(found)} read to their end: {looks}")
    assert set(found) == {"".join(f"{number} " for number in range(20))}
    assert looks[-1].kib - looks[0].kib < MORE_KIB
    assert looks[-1].descriptors - looks[0].descriptors < MORE_DESCRIPTORS

"""Two thousand answers at once whose callers all leave, again and again: nothing of them stays in the process."""

import json
import os
import time
from pathlib import Path
from typing import Any

import attrs
from gevent.event import Event

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from plugin_entry.dify.slots import SHARE
from tests.servers.hostile import described
from tests.servers.loopback import HEAD, PATIENCE_S, Visit, serving
from tests.servers.stalling_server import aside, line
from tests.stdio.test_leaving import QUICKLY

STREAMS, ROUNDS = 2000, 3
MORE_KIB, MORE_DESCRIPTORS = 8 * 1024, 8
SETTLED_S = 0.2


@attrs.define(eq=False)
class Crowd:
    """For `serving`: answers that begin and do not end. `present` is how many clients are there; one of them stays."""

    present: int = 0
    everybody: Event = attrs.field(factory=Event)
    nobody: Event = attrs.field(factory=Event)

    def __call__(self, visit: Visit) -> None:
        if described(visit):
            return
        assert "messages" in json.loads(visit.body)
        self._count(1)
        try:
            visit.send(HEAD)
            visit.chunk(line(content="once "))
            visit.wait_for_the_end()
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        self.present += more
        if self.present == STREAMS + 1:
            self.nobody.clear()
            self.everybody.set()
        elif self.present <= 1:
            self.everybody.clear()
            self.nobody.set()


@attrs.frozen
class Look:
    """One look at a process."""

    kib: int
    descriptors: int


def look(plugin: PluginProcess) -> Look:
    status = Path(f"/proc/{plugin.pid}/status").read_text(encoding="ascii").splitlines()
    kib = next(int(row.split()[1]) for row in status if row.startswith("VmRSS"))
    return Look(kib, len(os.listdir(f"/proc/{plugin.pid}/fd")))


def chat(saved: dict[str, str]) -> dict[str, Any]:
    return invoke_llm("m", saved, [user_message("hi")])


def test_two_thousand_answers_whose_callers_leave_keep_nothing() -> None:
    crowd = Crowd()

    def come_and_go(plugin: PluginProcess, saved: dict[str, str]) -> Look:
        sessions = []
        for number in range(STREAMS):
            sessions.append(plugin.send(chat({**saved, "extra_headers": f"X-Tenant: {number % SHARE}"})))
        assert crowd.everybody.wait(6 * PATIENCE_S), f"only {crowd.present} came"
        aside(lambda: plugin.wait_for_questions(plugin.questions + STREAMS, PATIENCE_S))
        for session in sessions:
            plugin.leave(session)
        assert crowd.nobody.wait(6 * PATIENCE_S), f"{crowd.present} connections stayed open"
        time.sleep(SETTLED_S)
        return look(plugin)

    with serving(crowd) as server, PluginProcess({}, QUICKLY) as plugin:
        saved = {"base_url": f"http://127.0.0.1:{server.port}"}
        plugin.send(chat(saved))  # who stays is answered, so that the silence of the others means something
        looks = [come_and_go(plugin, saved) for _ in range(ROUNDS)]
    print(*looks, sep="\n")
    assert looks[-1].kib - looks[1].kib < MORE_KIB
    assert looks[-1].descriptors - looks[1].descriptors < MORE_DESCRIPTORS

"""A prompt that takes long to count is never counted on the thread that serves everybody, whoever needs the number."""

from typing import Any

import gevent
import orjson
import pytest
from gevent.event import Event

from plugin_entry.serving.chat import CHAT
from plugin_entry.threads import HEAVY
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit, serving
from translator import turn
from translator.errors import ServerError
from translator.response.chunks import delta_to_chunk
from translator.shapes.dify import Message, Role
from translator.turn import Ask

pytestmark = pytest.mark.usefixtures("_plugin_rests")

SAVED = {"context_size": "9000000", "overflow": "error"}
LAST = {
    "a server that does not count": {"message": {"content": ""}, "done": True, "done_reason": "stop"},
    "a prompt that turns out too long": {"error": "the input length exceeds the context length"},
}


@pytest.mark.parametrize("last", LAST.values(), ids=LAST)
def test_a_long_prompt_is_counted_in_a_thread(last: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Event()
    hubs: list[Any] = []

    def counted(*_: object) -> int:
        hubs.append(gevent.get_hub())
        return 7

    def answer(visit: Visit) -> None:
        if not visit.path.endswith("/api/chat"):
            visit.whole(orjson.dumps({"version": "0.33.0", "capabilities": ["completion"]}))
            return
        visit.send(HEAD)
        visit.chunk(orjson.dumps({"message": {"content": "text"}, "done": False}) + b"\n")
        begun.wait()
        visit.chunk(orjson.dumps(last) + b"\n")
        visit.send(END)

    monkeypatch.setattr(turn, "estimate_messages", counted)
    ask = Ask(model="m", messages=(Message(role=Role.USER, content="word " * (HEAVY // 5 + 1)),))
    with serving(answer) as server, gevent.Timeout(PATIENCE_S):
        running, told = CHAT.begin(ask, {**SAVED, "base_url": f"http://127.0.0.1:{server.port}"}), ""
        try:
            for _ in map(delta_to_chunk, running.deltas()):
                begun.set()
        except ServerError as error:
            told = error.problem.message
    assert ("about 7 tokens" in told) is ("error" in last)
    assert [hub is gevent.get_hub() for hub in hubs] == [False]

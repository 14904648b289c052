"""Fifty answers at a pace, through one plugin process as Dify's daemon runs it: each comes out whole, all at the same time."""

import json
from collections.abc import Iterator

import attrs
import pytest

from fixtures.chunking import paced
from fixtures.recordings import Exchange, every, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.stdio.daemon import Daemon
from tests.stdio.whole_answers import check_order, whole_answer

HEARTBEAT_S = 0.1
ASK = [user_message("Why is the sky blue?")]
STREAMS, PIECES, PIECE_MS = 50, 40, 25


def crowd() -> tuple[Exchange, ...]:
    """Streams whose every piece says which stream it belongs to and where in it."""
    plain = load("0.24.0", "chat-plain")
    last = plain.chunks[-1]

    def line(text: str) -> bytes:
        return (
            json.dumps({"model": "chat", "message": {"role": "assistant", "content": text}, "done": False}, ensure_ascii=False).encode()
            + b"\n"
        )

    def chunks(number: int) -> tuple[tuple[float, bytes], ...]:
        return (*((0.0, line(piece)) for piece in crowd_pieces(number)), last)

    return tuple(attrs.evolve(plain, scenario=f"crowd-{number}", chunks=chunks(number)) for number in range(STREAMS))


def crowd_pieces(number: int) -> list[str]:
    return [f"{number}.{piece}é😀 " for piece in range(PIECES)]


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with PluginProcess({"HEARTBEAT_INTERVAL": str(HEARTBEAT_S)}) as plugin:
        yield Daemon(plugin)
        plugin.wait_for_heartbeat()
        assert (plugin.stray, plugin.complaints) == ((), ())


def test_fifty_streams_at_once(daemon: Daemon) -> None:
    before = daemon.plugin.heartbeats
    with ThreadedReplayServer((*every(), *crowd()), paced(PIECE_MS), 1.0) as server:
        requests = [invoke_llm("chat", {"base_url": server.url_of(f"0.24.0/crowd-{number}")}, ASK) for number in range(STREAMS)]
        sessions = [daemon.send(request) for request in requests]
        found = [daemon.reply(session) for session in sessions]
    for number, reply in enumerate(found):
        told = whole_answer(reply)
        assert told.text == "".join(crowd_pieces(number))
        assert (told.finish_reason, told.error_type) == ("stop", "")
        check_order(reply.payloads, failed=False)
    assert max(reply.times[0] for reply in found) < min(reply.times[-1] for reply in found), "no stream ended before all had begun"
    assert daemon.plugin.heartbeats - before >= PIECES * PIECE_MS / 1000 / HEARTBEAT_S / 2

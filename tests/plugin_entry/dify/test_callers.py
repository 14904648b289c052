"""Callers: what is written for which session, whose answers count, and that only requests end whose callers have left."""

import os
import sys
from collections.abc import Iterator

import attrs
import orjson
import pytest

from plugin_entry.dify.callers import LOOK_S, Callers
from plugin_entry.dify.output import FrameOutput, nonblocking_copy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what stands in a pipe")


@attrs.define(eq=False)
class Daemon:
    """Reads one end of a pipe and answers for the sessions that somebody reads."""

    callers: Callers
    reading: int
    read: set[str]
    now: float = 0.0
    asked: list[tuple[str, int]] = attrs.field(factory=list)
    ended: list[str] = attrs.field(factory=list)

    def begin(self, session_id: str) -> None:
        self.callers.begin(session_id, lambda: self.ended.append(session_id))
        self.read.add(session_id)

    def answer(self) -> None:
        """Takes what stands in the pipe."""
        for line in os.read(self.reading, 1 << 20).split(b"\n\n"):
            if line:
                frame = orjson.loads(line)
                invocation = frame["data"]["data"]
                assert frame["event"] == "session"
                assert (frame["data"]["type"], invocation["type"], invocation["request"]) == ("invoke", "system_summary", {})
                self.asked.append((frame["session_id"], int(invocation["backwards_request_id"])))
                if frame["session_id"] in self.read:
                    self.callers.answered(frame["session_id"], {"backwards_request_id": invocation["backwards_request_id"]})

    def go_on(self, seconds: float, *, reads: bool = True) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += LOOK_S
            self.callers.look()
            self.callers.output.flush()
            if reads and not self.callers.output.all_read():
                self.answer()


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    reading, writing = os.pipe()
    output = FrameOutput(nonblocking_copy(writing))
    daemon = Daemon(Callers(output), reading, set())
    daemon.callers.clock = lambda: daemon.now
    yield daemon
    daemon.callers.close()
    for descriptor in (reading, writing):
        os.close(descriptor)


def test_a_request_whose_caller_leaves_is_ended_and_no_other(daemon: Daemon) -> None:
    daemon.begin("stays")
    daemon.begin("leaves")
    daemon.go_on(10)
    assert daemon.ended == []
    daemon.read.discard("leaves")
    daemon.go_on(6)
    assert daemon.ended == ["leaves"]
    daemon.go_on(60)
    assert daemon.ended == ["leaves"]


def test_nobody_is_asked_about_a_request_that_has_ended(daemon: Daemon) -> None:
    daemon.begin("a")
    daemon.go_on(3)
    daemon.callers.end("a")
    before = len(daemon.asked)
    daemon.go_on(10)
    assert len(daemon.asked) == before > 0


def test_a_daemon_that_does_not_read_ends_nothing(daemon: Daemon) -> None:
    daemon.begin("a")
    daemon.begin("b")
    daemon.go_on(6)
    daemon.read.clear()
    daemon.go_on(60, reads=False)
    assert daemon.ended == []


@pytest.mark.parametrize(
    "data", [None, [], {}, {"backwards_request_id": 1}, {"backwards_request_id": "x" * 30}, {"backwards_request_id": "²"}]
)
def test_answers_to_nothing_are_ignored(daemon: Daemon, data: object) -> None:
    daemon.begin("a")
    daemon.callers.answered("a", data)
    daemon.callers.answered("nobody", data)


def test_the_watch_ends_with_the_last_request(daemon: Daemon) -> None:
    daemon.begin("a")
    watch = daemon.callers._watch
    daemon.callers.end("a")
    watch.join()
    assert watch.dead

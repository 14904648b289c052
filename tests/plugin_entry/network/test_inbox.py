"""Bytes from an asyncio task to a greenlet."""

import asyncio

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.network import inbox as inbox_module
from plugin_entry.network.inbox import HIGH_WATER, PORTION, Head, Inbox

HEAD = Head(200, {"Content-Type": "application/x-ndjson"})


@given(st.lists(st.lists(st.binary(min_size=1, max_size=5), max_size=4), max_size=10))
def test_what_waits_comes_out_together_and_in_order(rounds: list[list[bytes]]) -> None:
    inbox = Inbox()
    bursts = inbox.bursts()
    for parts in filter(None, rounds):
        for part in parts:
            inbox.put(part)
        assert next(bursts) == b"".join(parts)
    inbox.end(None)
    assert list(bursts) == []


def test_a_waiting_reader_is_woken_once_for_all_that_came() -> None:
    inbox = Inbox()
    reader = gevent.spawn(lambda: list(inbox.bursts()))
    gevent.idle()
    inbox.put(b"a")
    inbox.put(b"b")
    gevent.idle()
    inbox.put(b"c")
    inbox.end(None)
    assert reader.get(timeout=60) == [b"ab", b"c"]


def test_the_head_comes_before_the_body() -> None:
    inbox = Inbox()
    reader = gevent.spawn(inbox.wait_for_head)
    gevent.idle()
    inbox.opened(HEAD)
    assert reader.get(timeout=60) is HEAD
    assert HEAD.headers.first("content-type") == "application/x-ndjson"


def test_an_error_comes_after_the_last_bytes() -> None:
    inbox = Inbox()
    inbox.put(b"half")
    inbox.end(ConnectionResetError())
    bursts = inbox.bursts()
    assert next(bursts) == b"half"
    with pytest.raises(ConnectionResetError):
        next(bursts)


def test_an_end_before_the_head_is_an_error() -> None:
    inbox = Inbox()
    inbox.end(None)
    with pytest.raises(ConnectionResetError):
        inbox.wait_for_head()


def test_a_reader_that_was_interrupted_can_read_on() -> None:
    inbox = Inbox()
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.001):
        next(inbox.bursts())
    inbox.put(b"late")
    assert next(inbox.bursts()) == b"late"


def test_a_wake_up_on_its_way_to_a_killed_reader_harms_nobody() -> None:
    inbox = Inbox()
    reader = gevent.spawn(lambda: list(inbox.bursts()))
    gevent.idle()
    reader.kill(block=False)
    inbox.put(b"a")
    gevent.idle()
    assert reader.dead
    assert next(inbox.bursts()) == b"a"


def test_of_very_much_others_have_their_turn_in_between() -> None:
    inbox, turns = Inbox(), list[int]()
    parts = [b"%d" % number * (PORTION // 2) for number in range(5)]
    for part in parts:
        inbox.put(part)
    inbox.end(None)
    other = gevent.spawn(turns.append, 1)
    bursts = inbox.bursts()
    assert next(bursts) == parts[0] + parts[1]
    assert turns == []
    assert next(bursts) == parts[2] + parts[3]
    assert turns == [1]
    assert list(bursts) == [parts[4]]
    other.join()


def test_the_task_stops_reading_until_the_greenlet_has_read() -> None:
    inbox = Inbox()
    assert inbox.put(b"x" * HIGH_WATER) is False
    assert inbox.put(b"x") is True

    async def drained_by_reading() -> None:
        waiting = asyncio.ensure_future(inbox.drained())
        await asyncio.sleep(0)
        assert not waiting.done()
        next(inbox.bursts())
        await waiting

    asyncio.run(drained_by_reading())


def test_the_loop_is_woken_when_there_is_room_again() -> None:
    """It may sleep: nothing comes from a connection that is not read."""
    woken: list[int] = []
    inbox = Inbox(lambda: woken.append(1))
    inbox.put(b"x" * (HIGH_WATER + 1))

    async def drained() -> None:
        waiting = asyncio.ensure_future(inbox.drained())
        await asyncio.sleep(0)
        assert woken == []
        next(inbox.bursts())
        await waiting

    asyncio.run(drained())
    assert woken == [1]


def test_a_reader_who_left_holds_nobody_up() -> None:
    inbox = Inbox()
    inbox.put(b"x" * HIGH_WATER)
    inbox.discard()
    assert inbox.put(b"x" * (HIGH_WATER + 1)) is False
    asyncio.run(inbox.drained())


class Clock:
    """Stands for `time`."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def test_only_waiting_without_progress_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(inbox_module, "time", clock)
    inbox, said = Inbox(silence_s=60.0), [0]
    bursts = inbox.bursts(lambda: said[0])

    def waiting(seconds: float) -> bytes:
        """A burst that came after so long."""
        reader = gevent.spawn(next, bursts)
        gevent.idle()
        clock.now += seconds
        inbox.put(b"x")
        return bytes(reader.get(timeout=60))

    waiting(30)
    clock.now += 100  # the reader is slow
    waiting(29)
    said[0] += 1
    waiting(58)
    waiting(2)
    with pytest.raises(TimeoutError):
        next(bursts)


def test_a_silent_server_is_waited_for_so_long() -> None:
    inbox = Inbox(silence_s=0.01)
    inbox.put(b"x")
    bursts = inbox.bursts()
    assert next(bursts) == b"x"
    with pytest.raises(TimeoutError):
        next(bursts)


def test_after_a_stop_what_waits_is_given_and_what_comes_is_not() -> None:
    inbox, error = Inbox(), TimeoutError()
    inbox.put(b"a")
    inbox.stop(error)
    assert inbox.put(b"b") is False
    inbox.end(None)
    reading = inbox.bursts()
    assert next(reading) == b"a"
    with pytest.raises(TimeoutError):
        next(reading)
    ended = Inbox()
    ended.end(None)
    ended.stop(error)
    assert list(ended.bursts()) == []

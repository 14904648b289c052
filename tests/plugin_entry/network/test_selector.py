"""The selector under the loop."""

import os
import selectors
import socket
from collections.abc import Callable, Iterator

import gevent
import pytest

from plugin_entry.network.selector import AT_MOST, HubSelector, new_selector

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
LONG = 60.0

pytestmark = pytest.mark.skipif(not isinstance(new_selector(), HubSelector), reason="this machine has no epoll")


class Clock:
    """Stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rest = LONG

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def selector(clock: Clock) -> Iterator[HubSelector]:
    selector = HubSelector(lambda: clock.rest, clock)
    yield selector
    selector.close()


@pytest.fixture
def pipe() -> Iterator[Callable[[], tuple[int, int]]]:
    opened: list[int] = []

    def make() -> tuple[int, int]:
        opened.extend(os.pipe())
        return opened[-2], opened[-1]

    yield make
    for fd in opened:
        os.close(fd)


def ready(selector: HubSelector, timeout: float = 0) -> list[tuple[int, int]]:
    return [(key.fd, events) for key, events in selector.select(timeout)]


def test_finds_what_can_be_read_and_written(selector: HubSelector, pipe: Callable[[], tuple[int, int]]) -> None:
    out, into = pipe()
    selector.register(out, READ, "data")
    selector.register(into, WRITE)
    assert ready(selector) == [(into, WRITE)]
    os.write(into, b"x")
    assert sorted(ready(selector)) == sorted([(out, READ), (into, WRITE)])
    assert selector.get_key(out).data == "data"


def test_a_hang_up_is_something_to_read(selector: HubSelector) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        selector.register(ours, READ)
        theirs.close()
        assert ready(selector) == [(ours.fileno(), READ)]


@pytest.mark.parametrize("rests", [False, True])
def test_keeps_the_rules_of_a_selector(selector: HubSelector, pipe: Callable[[], tuple[int, int]], rests: bool) -> None:
    out, into = pipe()
    selector.register(out, READ)
    selector.set_rest(out, rests)
    with pytest.raises(KeyError):
        selector.register(out, READ)
    selector.modify(out, READ, "new")
    assert selector.get_map()[out].data == "new"
    selector.unregister(out)
    with pytest.raises(KeyError):
        selector.get_key(out)
    os.write(into, b"x")
    assert ready(selector) == []


def test_refuses_what_is_no_descriptor(selector: HubSelector) -> None:
    with pytest.raises(ValueError, match="Invalid file descriptor"):
        selector.register(-1, READ)


@pytest.mark.parametrize("rests", [False, True])
def test_forgets_a_socket_that_was_closed_first(selector: HubSelector, rests: bool) -> None:
    ours, theirs = socket.socketpair()
    descriptor = ours.fileno()
    selector.register(ours, READ)
    selector.set_rest(descriptor, rests)
    ours.close()
    theirs.close()
    assert selector.unregister(ours).fd == descriptor
    assert not selector.get_map()


def test_other_greenlets_run_while_it_waits(selector: HubSelector, pipe: Callable[[], tuple[int, int]]) -> None:
    out, into = pipe()
    selector.register(out, READ)
    gevent.spawn(os.write, into, b"x")
    assert ready(selector, LONG) == [(out, READ)]


def test_other_greenlets_run_even_if_something_is_always_ready(selector: HubSelector, pipe: Callable[[], tuple[int, int]]) -> None:
    _, into = pipe()
    selector.register(into, WRITE)
    other = gevent.spawn(lambda: None)
    while not other.dead:
        assert ready(selector, LONG) == [(into, WRITE)]


@pytest.mark.parametrize("timeout", [None, LONG])
def test_a_wait_can_be_ended(selector: HubSelector, timeout: float | None) -> None:
    gevent.spawn(selector.wake)
    with gevent.Timeout(60):
        assert selector.select(timeout) == []


def test_waking_without_a_wait_does_nothing(selector: HubSelector) -> None:
    selector.wake()
    assert ready(selector, 0.001) == []


def test_a_resting_descriptor_is_seen_at_its_tick(selector: HubSelector, pipe: Callable[[], tuple[int, int]], clock: Clock) -> None:
    out, into = pipe()
    selector.register(out, READ)
    selector.set_rest(out, rests=True)
    ready(selector)
    os.write(into, b"x")
    assert ready(selector) == []
    clock.now += LONG
    assert ready(selector) == [(out, READ)]
    assert ready(selector) == []


def test_back_at_once(selector: HubSelector, pipe: Callable[[], tuple[int, int]]) -> None:
    out, into = pipe()
    selector.register(out, READ)
    selector.set_rest(out, rests=True)
    ready(selector)
    os.write(into, b"x")
    selector.set_rest(out, rests=False)
    assert ready(selector) == [(out, READ)]


def test_one_that_wants_to_write_is_seen_at_once(selector: HubSelector, pipe: Callable[[], tuple[int, int]]) -> None:
    _, into = pipe()
    selector.register(into, READ)
    selector.set_rest(into, rests=True)
    ready(selector)
    selector.modify(into, READ | WRITE)
    assert ready(selector) == [(into, WRITE)]
    selector.set_rest(into, rests=True)
    assert ready(selector) == [(into, WRITE)]


def test_the_end_of_the_load_ends_the_rests(selector: HubSelector, pipe: Callable[[], tuple[int, int]], clock: Clock) -> None:
    out, into = pipe()
    selector.register(out, READ)
    selector.set_rest(out, rests=True)
    ready(selector)
    clock.rest = 0.0
    ready(selector)
    os.write(into, b"x")
    assert ready(selector) == [(out, READ)]


def test_a_descriptor_number_that_is_used_again_does_not_rest(selector: HubSelector, pipe: Callable[[], tuple[int, int]]) -> None:
    out, into = pipe()
    selector.register(out, READ)
    selector.set_rest(out, rests=True)
    ready(selector)
    selector.unregister(out)
    selector.register(out, READ)
    os.write(into, b"x")
    assert ready(selector) == [(out, READ)]


def test_a_rest_of_a_stranger_does_nothing(selector: HubSelector) -> None:
    selector.set_rest(12345, rests=True)
    assert ready(selector) == []


def test_a_crowd_comes_in_portions_and_everybody_comes(selector: HubSelector, pipe: Callable[[], tuple[int, int]], clock: Clock) -> None:
    crowd = [pipe() for _ in range(AT_MOST * 2 + 3)]
    for out, _ in crowd:
        selector.register(out, READ)
        selector.set_rest(out, rests=True)
    ready(selector)
    for _, into in crowd:
        os.write(into, b"x")
    clock.now += LONG
    seen: list[int] = []
    while portion := ready(selector):
        assert len(portion) <= AT_MOST
        for fd, _ in portion:
            seen.append(fd)
            os.read(fd, 1)
    assert sorted(seen) == sorted(out for out, _ in crowd)


def test_a_wait_ends_at_the_tick(pipe: Callable[[], tuple[int, int]]) -> None:
    selector = HubSelector(lambda: 0.01)
    out, into = pipe()
    selector.register(out, READ)
    selector.set_rest(out, rests=True)
    selector.select(0)
    os.write(into, b"x")
    with gevent.Timeout(60):
        while not selector.select(LONG):
            pass
    selector.close()

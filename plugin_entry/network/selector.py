"""The selector of the event loop: waits for the kernel's epoll through gevent's hub, and decides how often streams are read.

While nothing is ready the greenlet of the loop waits, and all others run. gevent's own selector starts and stops a watcher per
descriptor and event; here one watcher watches one epoll descriptor, so the cost of a turn does not grow with the number of streams.

In a busy process streams rest: they are read only at common ticks. Their descriptors are in an epoll set of their own, which is polled at
the ticks: what arrives in between collects in the kernel and costs neither a timer nor a wake-up. Where there is no epoll (macOS), gevent's
selector is used, and every descriptor is seen at once.
"""

import selectors
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import attrs
import gevent
from gevent import monkey
from gevent.hub import Waiter

WINDOW_S = 0.2
BUSY_LINES, FULL_LINES = 120, 400
"""Lines in one window with which resting begins, and with which rests are longest."""
REQUEST_LINES = 20
"""What a new request costs, in lines."""

LONGEST_REST_S = 0.045
"""Text is in its frame 50 ms after its arrival at the latest; the difference is for the work itself."""

FLOOD_LINES = 64
"""In one read: more than any model writes in the longest rest. Such a reply was waiting somewhere, and nobody reads along."""


@attrs.define(slots=True, eq=False)
class Pace:
    """How often streams are read: counts the lines of all of them in windows of `WINDOW_S` seconds, the busier of the last two decides."""

    clock: Callable[[], float] = time.monotonic
    set_rest: Callable[[int, bool], object] = lambda *_: None
    """Makes a descriptor rest until the next tick, or not; without effect where the selector knows no ticks."""
    rest_s: float = 0.0
    """Seconds between two reads of one stream; 0.0 while the process is idle."""
    _window_ends: float = attrs.field(default=0.0, init=False)
    _lines: int = attrs.field(default=0, init=False)

    def begin(self) -> None:
        """Notes a new request, which costs as much as many lines: running streams are read less often to make room for it."""
        self.note_read(REQUEST_LINES, None)

    def note_read(self, lines: int, descriptor: int | None) -> None:
        """Notes a read of `lines` lines, and sets when the stream is read next; `descriptor` is None when nothing more comes from it.

        A read that ends no line is a piece of something that is wanted whole, such as a reply with vectors: a rest gains nothing.
        """
        now = self.clock()
        if now >= self._window_ends:
            self._open_window(now)
        self._lines += lines
        if self._lines >= BUSY_LINES and self.rest_s < LONGEST_REST_S:
            self.rest_s = max(self.rest_s, _rest(self._lines))
        if descriptor is not None:
            self.set_rest(descriptor, self.rest_s > 0 and 0 < lines < FLOOD_LINES)

    def _open_window(self, now: float) -> None:
        """The lines of the window before count in this one, too, unless it was quiet in between."""
        quiet = now >= self._window_ends + WINDOW_S
        self.rest_s = 0.0 if quiet else _rest(self._lines)
        self._window_ends = now + WINDOW_S
        self._lines = 0


def _rest(lines: int) -> float:
    """Seconds between two reads for the lines of one window. Longer rests give fewer frames; a little load needs only short ones."""
    return LONGEST_REST_S * min(1.0, lines / FULL_LINES) if lines >= BUSY_LINES else 0.0


READ_BIT, WRITE_BIT = 0x001, 0x004
"""EPOLLIN and EPOLLOUT; an error or a hang-up makes both directions ready, so that the reader or writer sees it."""

LIBEV_READ = 1
AT_MOST = 16
"""Resting descriptors that are handed over in one turn of the loop: in between new requests get theirs."""


class HubSelector(selectors._BaseSelectorImpl):
    """For the thread that creates it. `rest` gives the seconds between two common ticks, 0.0 for no ticks."""

    _fd_to_key: dict[int, selectors.SelectorKey]

    def __init__(self, rest: Callable[[], float] = lambda: LONGEST_REST_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        new_epoll = monkey.get_original("select", "epoll")
        self._rest = rest
        self._clock = clock
        self._epoll = new_epoll()
        self._epoll_of_resting = new_epoll()
        self._resting: set[int] = set()
        self._next_tick = 0.0
        self._left = 0
        """Resting descriptors that this tick has not come to."""
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._epoll.fileno(), LIBEV_READ)
        self._waiter: Any = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watches a descriptor. Raises KeyError for one that is watched already, ValueError for one that is none."""
        key = super().register(fileobj, events, data)
        try:
            self._epoll.register(key.fd, _bits(events))
        except BaseException:
            super().unregister(fileobj)
            raise
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forgets a descriptor, also one that is closed by now. Raises KeyError for one that is not watched."""
        key = super().unregister(fileobj)
        with suppress(OSError):  # the kernel forgets closed descriptors by itself
            (self._epoll_of_resting if key.fd in self._resting else self._epoll).unregister(key.fd)
        self._resting.discard(key.fd)
        return key

    def set_rest(self, fd: int, rests: bool) -> None:
        """Says whether a descriptor is seen at the ticks only. One that is not watched, or not only for reading, stays as it is."""
        key = self._fd_to_key.get(fd)
        if rests == (fd in self._resting) or key is None or key.events != selectors.EVENT_READ:
            return
        before, after = (self._epoll, self._epoll_of_resting) if rests else (self._epoll_of_resting, self._epoll)
        before.unregister(fd)
        after.register(fd, READ_BIT)
        (self._resting.add if rests else self._resting.discard)(fd)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Gives what is ready; other greenlets get their turn in any case."""
        found = self._poll()
        if found or (timeout is not None and timeout <= 0):
            gevent.sleep(0)
            return found
        self._wait(timeout)
        return self._poll()

    def wake(self) -> None:
        """Ends a wait from another greenlet of the thread."""
        if self._waiter is not None:
            self._hub.loop.run_callback(self._waiter.switch, None)
            self._waiter = None

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._epoll.close()
        self._epoll_of_resting.close()
        super().close()

    def _wait(self, timeout: float | None) -> None:
        if self._resting:
            tick = 0.0 if self._left else max(0.0, self._next_tick - self._clock())
            timeout = tick if timeout is None else min(timeout, tick)
        waiter = self._waiter = Waiter(self._hub)
        timer = None if timeout is None else self._hub.loop.timer(timeout)
        self._watcher.start(waiter.switch, None)
        if timer is not None:
            timer.start(waiter.switch, None)
        try:
            waiter.get()
        finally:
            self._waiter = None
            self._watcher.stop()
            if timer is not None:
                timer.close()

    def _poll(self) -> list[tuple[selectors.SelectorKey, int]]:
        keys = self._fd_to_key
        ready = self._epoll.poll(0, max(1, len(keys)))
        if self._resting:
            ready += self._poll_resting()
        return [(key, events) for fd, bits in ready if (key := keys.get(fd)) and (events := _events(bits) & key.events)]

    def _poll_resting(self) -> list[tuple[int, int]]:
        """What is ready, if it is time to look; a large crowd comes in portions."""
        if not self._rest():
            # the process is idle again: streams that fell silent while it was busy must not wait for a tick when they go on
            for fd in list(self._resting):
                self.set_rest(fd, rests=False)
            return []
        if not self._left:
            now = self._clock()
            if now < self._next_tick:
                return []
            self._left, self._next_tick = len(self._resting), now + self._rest()
        ready: list[tuple[int, int]] = self._epoll_of_resting.poll(0, AT_MOST)
        self._left = max(0, self._left - AT_MOST) if len(ready) == AT_MOST else 0
        return ready


def new_selector(rest: Callable[[], float] = lambda: LONGEST_REST_S) -> selectors.BaseSelector:
    """The best selector of this machine for a loop in a greenlet."""
    return HubSelector(rest) if sys.platform == "linux" else selectors.DefaultSelector()


def _bits(events: int) -> int:
    return (READ_BIT if events & selectors.EVENT_READ else 0) | (WRITE_BIT if events & selectors.EVENT_WRITE else 0)


def _events(bits: int) -> int:
    return (selectors.EVENT_READ if bits & ~WRITE_BIT else 0) | (selectors.EVENT_WRITE if bits & ~READ_BIT else 0)

"""The selector of the event loop: waits for the kernel's epoll through gevent's hub, and decides how often streams are read.

While nothing is ready the greenlet of the loop waits, and all others run. gevent's own selector starts and stops a watcher per
descriptor and event; here one watcher watches one epoll descriptor, so the cost of a turn does not grow with the number of streams.

In a busy process streams are read only at common ticks (`Rhythm`). Their descriptors are in an epoll set of their own, which is polled at
the ticks: what arrives in between collects in the kernel and costs neither a timer nor a wake-up. Where there is no epoll (macOS), gevent's
selector is used, and every descriptor is seen at once.
"""

import selectors
import time
from collections.abc import Callable, Mapping
from enum import IntEnum
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

FLOOD_LINES = 8
FLOOD_REST_S = 0.005
FLOOD_LINES_PER_S = 1000.0
"""No model is that fast: such a reply was waiting somewhere, and resting a little between reads is faster than reading line by line."""


class Rhythm(IntEnum):
    """When a stream is looked at again."""

    AT_ONCE = 0
    TOGETHER = 1
    """At the next common tick of all streams, `Pace.rest_s` apart."""
    FLOOD = 2
    """At the next tick of the floods, `FLOOD_REST_S` apart."""


@attrs.define(slots=True, eq=False)
class Pace:
    """How often streams are read: counts the lines of all of them in windows of `WINDOW_S` seconds, the busier of the last two decides."""

    clock: Callable[[], float] = time.monotonic
    selector: "HubSelector | None" = None
    """Where the rhythm of a descriptor is set; None where the selector knows no rhythms."""
    rest_s: float = 0.0
    """Seconds between two reads of one stream; 0.0 while the process is idle."""
    _window_ends: float = attrs.field(default=0.0, init=False)
    _lines: int = attrs.field(default=0, init=False)

    def begin(self) -> None:
        """Notes a new request, which costs as much as many lines: running streams are read less often to make room for it."""
        self.note_read(REQUEST_LINES, 0.0, None)

    def note_read(self, lines: int, last_read: float, descriptor: int | None) -> float:
        """Notes a read of `lines` lines by a stream that was last read at `last_read`, and sets when it is read next. Gives the time now.

        `descriptor` is None when nothing more comes from it. A read that ends no line is a piece of something that is wanted whole, such as
        a reply with vectors: a rest gains nothing.
        """
        now = self.clock()
        if now >= self._window_ends:
            self._open_window(now)
        self._lines += lines
        if self._lines >= BUSY_LINES and self.rest_s < LONGEST_REST_S:
            self.rest_s = max(self.rest_s, _rest(self._lines))
        if descriptor is not None and self.selector is not None:
            is_flood = lines >= FLOOD_LINES and lines > FLOOD_LINES_PER_S * (now - last_read)
            rests = lines and self.rest_s
            self.selector.set_rhythm(descriptor, Rhythm.FLOOD if is_flood else Rhythm.TOGETHER if rests else Rhythm.AT_ONCE)
        return now

    def watch(self, descriptor: int, rhythm: Rhythm) -> None:
        """Sets when a descriptor is looked at from now on; without effect where the selector knows no rhythms."""
        if self.selector is not None:
            self.selector.set_rhythm(descriptor, rhythm)

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
"""Descriptors with a rhythm that are handed over in one turn of the loop: in between new requests get theirs."""


class Ticking:
    """The descriptors of one rhythm. `period` gives the seconds between two ticks."""

    def __init__(self, epoll: Any, period: Callable[[], float]) -> None:
        self.epoll = epoll
        self.count = 0
        self._period = period
        self._next = 0.0
        self._left = 0

    def remaining(self, now: float) -> float:
        """Seconds to the next look."""
        return 0.0 if self._left > 0 else self._next - now

    def poll(self, now: float) -> list[tuple[int, int]]:
        """What is ready, if it is time to look; a large crowd comes in portions."""
        if self._left <= 0:
            if now < self._next:
                return []
            self._left = self.count
            self._next = now + self._period()
        ready: list[tuple[int, int]] = self.epoll.poll(0, AT_MOST)
        self._left = self._left - AT_MOST if len(ready) == AT_MOST else 0
        return ready


class HubSelector(selectors.BaseSelector):
    """For the thread that creates it. `rest` gives the seconds between two common ticks, 0.0 for no ticks."""

    def __init__(self, rest: Callable[[], float] = lambda: LONGEST_REST_S, clock: Callable[[], float] = time.monotonic) -> None:
        new_epoll = monkey.get_original("select", "epoll")
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._epoll = new_epoll()
        self._clock = clock
        self._ticking = {Rhythm.TOGETHER: Ticking(new_epoll(), rest), Rhythm.FLOOD: Ticking(new_epoll(), lambda: FLOOD_REST_S)}
        self._places: dict[int, Ticking] = {}
        self._rest = rest
        self._hub = gevent.get_hub()
        self._watcher = self._hub.loop.io(self._epoll.fileno(), LIBEV_READ)
        self._waiter: Any = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watches a descriptor. Raises KeyError for one that is watched already, ValueError for one that is none."""
        key = selectors.SelectorKey(fileobj, _descriptor(fileobj), events, data)
        if key.fd in self._keys:
            raise KeyError(f"descriptor {key.fd} is already registered")
        self._epoll.register(key.fd, _bits(events))
        self._keys[key.fd] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forgets a descriptor, also one that is closed by now. Raises KeyError for one that is not watched."""
        key = self._keys.pop(self._known(fileobj))
        try:
            self._leave(key.fd).unregister(key.fd)
        except OSError:
            return key  # the kernel forgets closed descriptors by itself
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watches for something else; one that waits to write is seen at once again."""
        old = self._keys[self._known(fileobj)]
        if events != old.events:
            self.set_rhythm(old.fd, Rhythm.AT_ONCE)
            self._epoll.modify(old.fd, _bits(events))
        key = self._keys[old.fd] = selectors.SelectorKey(fileobj, old.fd, events, data)
        return key

    def set_rhythm(self, fd: int, rhythm: Rhythm) -> None:
        """Says when a descriptor is to be seen from now on. One that is not watched, or not only for reading, stays as it is."""
        place = self._ticking.get(rhythm)
        if place is self._places.get(fd):
            return
        key = self._keys.get(fd)
        if key is None or key.events != selectors.EVENT_READ:
            return
        self._leave(fd).unregister(fd)
        if place is None:
            self._epoll.register(fd, READ_BIT)
        else:
            place.epoll.register(fd, READ_BIT)
            place.count += 1
            self._places[fd] = place

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

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._keys.get(fileobj) if type(fileobj) is int else None
        return self._keys[self._known(fileobj)] if key is None else key

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._epoll.close()
        for ticking in self._ticking.values():
            ticking.epoll.close()
        self._places.clear()
        self._keys.clear()

    def _wait(self, timeout: float | None) -> None:
        if self._places:
            now = self._clock()
            tick = max(0.0, min(ticking.remaining(now) for ticking in self._ticking.values() if ticking.count))
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
        keys = self._keys
        ready = self._epoll.poll(0, max(1, len(keys)))
        if self._places:
            ready += self._poll_ticking(self._clock())
        return [(key, events) for fd, bits in ready if (key := keys.get(fd)) and (events := _events(bits) & key.events)]

    def _poll_ticking(self, now: float) -> list[tuple[int, int]]:
        if not self._rest():
            self._end_rests()
        return [one for ticking in self._ticking.values() if ticking.count for one in ticking.poll(now)]

    def _end_rests(self) -> None:
        """The process is idle again: streams that fell silent while it was busy must not wait for a tick when they go on."""
        together = self._ticking[Rhythm.TOGETHER]
        for fd in [fd for fd, place in self._places.items() if place is together]:
            self.set_rhythm(fd, Rhythm.AT_ONCE)

    def _leave(self, fd: int) -> Any:
        """The epoll set that a descriptor is in; it has no rhythm from now on."""
        place = self._places.pop(fd, None)
        if place is None:
            return self._epoll
        place.count -= 1
        return place.epoll

    def _known(self, fileobj: Any) -> int:
        """The descriptor of a watched object, even if the object has lost it by being closed."""
        for key in self._keys.values() if not isinstance(fileobj, int) and fileobj.fileno() < 0 else ():
            if key.fileobj is fileobj:
                return key.fd
        return _descriptor(fileobj)


def new_selector(rest: Callable[[], float] = lambda: LONGEST_REST_S) -> selectors.BaseSelector:
    """The best selector of this machine for a loop in a greenlet."""
    # gevent removes `EpollSelector` where it patches `select`, and makes a selector of its own the default
    if monkey.is_module_patched("select") and hasattr(selectors, "EpollSelector") is False and _has_epoll():
        return HubSelector(rest)
    return selectors.DefaultSelector()


def _has_epoll() -> bool:
    try:
        return monkey.get_original("select", "epoll") is not None
    except AttributeError:
        return False


def _descriptor(fileobj: Any) -> int:
    fd = fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
    if fd < 0:
        raise ValueError(f"no valid descriptor: {fd}")
    return fd


def _bits(events: int) -> int:
    return (READ_BIT if events & selectors.EVENT_READ else 0) | (WRITE_BIT if events & selectors.EVENT_WRITE else 0)


def _events(bits: int) -> int:
    return (selectors.EVENT_READ if bits & ~WRITE_BIT else 0) | (selectors.EVENT_WRITE if bits & ~READ_BIT else 0)

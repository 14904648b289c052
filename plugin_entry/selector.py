"""The selector under the event loop: the kernel's epoll, waited for through gevent's hub.

Enters: file descriptors that asyncio watches. Leaves: those that are ready. While nothing is ready the greenlet of the loop waits, and
all others run. gevent's own selector starts and stops a watcher per descriptor and event; here one watcher looks at the epoll descriptor,
so the cost of a turn does not grow with the number of streams. Where there is no epoll (macOS), gevent's selector serves.
"""

import selectors
from collections.abc import Mapping
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event

READ_BIT, WRITE_BIT = 0x001, 0x004
"""EPOLLIN and EPOLLOUT; an error or a hang-up makes both directions ready, so that the reader or writer sees it."""

LIBEV_READ = 1


class HubSelector(selectors.BaseSelector):
    """For the thread that creates it."""

    def __init__(self) -> None:
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._epoll = monkey.get_original("select", "epoll")()
        self._watcher = gevent.get_hub().loop.io(self._epoll.fileno(), LIBEV_READ)
        self._news = Event()

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
            self._epoll.unregister(key.fd)
        except OSError:
            return key  # the kernel forgets closed descriptors by itself
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watches for something else."""
        old = self._keys[self._known(fileobj)]
        if events != old.events:
            self._epoll.modify(old.fd, _bits(events))
        key = self._keys[old.fd] = selectors.SelectorKey(fileobj, old.fd, events, data)
        return key

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
        self._news.set()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys[self._known(fileobj)]

    def close(self) -> None:
        self._watcher.stop()
        self._watcher.close()
        self._epoll.close()
        self._keys.clear()

    def _wait(self, timeout: float | None) -> None:
        self._watcher.start(self._news.set)
        try:
            self._news.wait(timeout)
        finally:
            self._watcher.stop()
            self._news.clear()

    def _poll(self) -> list[tuple[selectors.SelectorKey, int]]:
        keys = self._keys
        ready = self._epoll.poll(0, max(1, len(keys)))
        return [(key, events) for fd, bits in ready if (key := keys.get(fd)) and (events := _events(bits) & key.events)]

    def _known(self, fileobj: Any) -> int:
        """The descriptor of a watched object, even if the object has lost it by being closed."""
        for key in self._keys.values() if not isinstance(fileobj, int) and fileobj.fileno() < 0 else ():
            if key.fileobj is fileobj:
                return key.fd
        return _descriptor(fileobj)


def new_selector() -> selectors.BaseSelector:
    """The best selector of this machine for a loop in a greenlet."""
    if monkey.is_module_patched("select") and hasattr(selectors, "EpollSelector") is False and _has_epoll():
        return HubSelector()
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

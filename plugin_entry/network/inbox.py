"""The buffer between the connection of a reply and the request that reads it.

An asyncio task puts status, headers and bytes in; the request's greenlet takes them out, everything that waits at once, so a slow reader
gets larger pieces, not more of them. Both run in one OS thread, so no locks are needed.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import gevent
from gevent.hub import Waiter

from plugin_entry.threads import let_others_run
from translator.shapes.headers import Headers, as_headers

HIGH_WATER = 1024 * 1024
"""Bytes that may wait before the task stops reading; the server then feels the back pressure through TCP."""

PORTION = 128 * 1024
"""Bytes after which a reader lets others have their turn: lines of which each becomes a chunk of its own take 20 ms by then."""


@attrs.frozen(slots=True)
class Head:
    """Status line and headers of a reply."""

    status: int
    headers: Headers = attrs.field(converter=as_headers)


@attrs.define(slots=True, eq=False)
class Inbox:
    """One reply on its way. `wake_loop` makes the event loop look at what was scheduled from a greenlet.

    `silence_s` are the seconds that the reader of the body waits without progress, 0 for no limit.
    """

    wake_loop: Callable[[], object] = lambda: None
    silence_s: float = 0.0
    head: Head | None = None
    error: BaseException | None = None
    ended: bool = False
    _parts: list[bytes] = attrs.field(factory=list)
    _size: int = 0
    _discarding: bool = False
    _waiter: Any = None
    """The greenlet that waits. Waking a Waiter whose greenlet was interrupted meanwhile does no harm."""
    _drained: asyncio.Event | None = None

    def opened(self, head: Head) -> None:
        """Task side: the headers are here."""
        self.head = head
        self._wake()

    def put(self, data: bytes) -> bool:
        """Task side: more bytes are here. True means that too many are unread: `drained` comes before the next read."""
        if self._discarding:
            return False
        self._parts.append(data)
        self._size += len(data)
        self._wake()
        return self._size > HIGH_WATER

    async def drained(self) -> None:
        """Task side: waits until what was put is read."""
        while self._size > HIGH_WATER:
            self._drained = asyncio.Event()
            await self._drained.wait()

    def end(self, error: BaseException | None) -> None:
        """Task side: nothing more comes; `error` says why when it was not the end of the body. The first end counts."""
        if not self.ended:
            self.error = error
            self.ended = True
            self._wake()

    def stop(self, error: BaseException) -> None:
        """Greenlet side: what waits already is still read, then `error` is raised; what comes later is thrown away."""
        self._discarding = True
        self.end(error)

    def wait_for_head(self) -> Head:
        """Greenlet side: gives status and headers. Raises what ended the task before they came."""
        while self.head is None:
            if self.ended:
                raise self.error or ConnectionResetError("the reply ended before it began")
            self._wait()
        return self.head

    def bursts(self, progress: Callable[[], int] | None = None) -> Iterator[bytes]:
        """Greenlet side: gives what waits, again and again, to the end; of very much others have their turn in between.

        `progress` changes when what was given brought the reply on; without it everything does that is not blank. Raises what cut the
        body short, after its last bytes, and TimeoutError when the server brought no progress in time; the reader's own slowness does
        not count.
        """
        before, waited_s, limit_s = progress and progress(), 0.0, self.silence_s or math.inf
        while True:
            if self._parts:
                data = self._portion()
                yield data
                now = progress and progress()
                if now != before or (progress is None and not data.isspace()):
                    before, waited_s = now, 0.0
                if self._parts:
                    let_others_run()
            elif self.ended:
                if self.error is not None:
                    raise self.error
                return
            elif waited_s >= limit_s:
                raise TimeoutError("no progress")
            else:
                began = time.monotonic()
                self._wait(limit_s - waited_s)
                waited_s += time.monotonic() - began

    def discard(self) -> None:
        """Greenlet side: nothing more will be read."""
        self._discarding = True
        self._parts.clear()
        self._size = 0
        self._relieve()

    def _portion(self) -> bytes:
        """Everything that waits, or of very much the first parts."""
        taken = size = 0
        while taken < len(self._parts) and size < PORTION:
            size += len(self._parts[taken])
            taken += 1
        data = b"".join(self._parts[:taken])
        del self._parts[:taken]
        self._size -= size
        if self._drained is not None:
            self._relieve()
        return data

    def _relieve(self) -> None:
        if self._drained is not None and self._size <= HIGH_WATER:
            self._drained.set()
            self._drained = None
            self.wake_loop()

    def _wait(self, seconds: float = math.inf) -> None:
        """Waits for the task, so long at most."""
        waiter = self._waiter = Waiter()
        timer = None if seconds == math.inf else gevent.get_hub().loop.timer(seconds)
        if timer is not None:
            timer.start(waiter.switch, None)
        try:
            waiter.get()
        finally:
            self._waiter = None
            if timer is not None:
                timer.close()

    def _wake(self) -> None:
        """One wake-up for everything that comes before the greenlet has its turn."""
        if self._waiter is not None:
            gevent.get_hub().loop.run_callback(self._waiter.switch, None)
            self._waiter = None

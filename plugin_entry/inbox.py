"""Where bytes wait between the connection and the request that reads them.

Enters: status, headers and bytes from an asyncio task. Leaves: the same to a greenlet, everything that waits at once, so that a reader
who is late gets larger pieces instead of more of them. Both sides run in one OS thread; no locks are needed.
"""

import asyncio
from collections.abc import Iterator, Mapping

import attrs
from gevent.event import Event

HIGH_WATER = 1024 * 1024
"""Bytes that may wait before the task stops reading; the server then feels the back pressure through TCP."""


@attrs.frozen(slots=True)
class Head:
    """Status line and headers of a reply."""

    status: int
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "")


@attrs.define(slots=True, eq=False)
class Inbox:
    """One reply on its way."""

    head: Head | None = None
    error: BaseException | None = None
    ended: bool = False
    _parts: list[bytes] = attrs.field(factory=list)
    _size: int = 0
    _discarding: bool = False
    _news: Event = attrs.field(factory=Event)
    _drained: asyncio.Event = attrs.field(factory=asyncio.Event)

    def opened(self, head: Head) -> None:
        """Task side: the headers are here."""
        self.head = head
        self._news.set()

    async def put(self, data: bytes) -> None:
        """Task side: more bytes are here; waits while too many are unread."""
        if self._discarding:
            return
        self._parts.append(data)
        self._size += len(data)
        self._news.set()
        while self._size > HIGH_WATER:
            self._drained.clear()
            await self._drained.wait()

    def end(self, error: BaseException | None) -> None:
        """Task side: nothing more comes; `error` says why when it was not the end of the body."""
        self.error = error
        self.ended = True
        self._news.set()

    def wait_for_head(self) -> Head:
        """Greenlet side: gives status and headers. Raises what ended the task before they came."""
        while self.head is None:
            if self.ended:
                raise self.error or ConnectionResetError("the reply ended before it began")
            self._wait()
        return self.head

    def bursts(self) -> Iterator[bytes]:
        """Greenlet side: gives everything that waits, again and again, to the end. Raises what cut the body short, after its last bytes."""
        while True:
            if self._parts:
                data = b"".join(self._parts)
                self._parts.clear()
                self._size = 0
                self._drained.set()
                yield data
            elif self.ended:
                if self.error is not None:
                    raise self.error
                return
            else:
                self._wait()

    def discard(self) -> None:
        """Greenlet side: nothing more will be read."""
        self._discarding = True
        self._parts.clear()
        self._size = 0
        self._drained.set()

    def _wait(self) -> None:
        self._news.wait()
        self._news.clear()

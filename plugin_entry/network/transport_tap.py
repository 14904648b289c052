"""A body's bytes at the moment they arrive, without a task that waits for each of them.

Enters: an open response. Leaves: its bytes, to a function that is called inside the event loop's own callback, and then the end, or what
cut the body short. aiohttp still parses every byte; between its connection and its parser stands, as long as the body lasts, a protocol
that asks the parser's reader what is new. Waking a task for each read instead cost as much as everything else that is done with a token.
Only public interfaces are used: the transport's protocol can be exchanged, and `StreamReader.read_nowait` gives what is there. A
connection whose transport does not allow that is read by a task as usual.
"""

import asyncio
from collections.abc import Callable

import aiohttp

READ_AT_ONCE, FLOOD_AT_ONCE = 64 * 1024, 256 * 1024
"""Bytes of one read. asyncio asks for the larger number each time, and making room for so much takes four times as long as reading one
token; a body that fills the smaller one gets it.
"""

type Take = Callable[[bytes], bool]
"""Takes bytes; True says that no more are wanted for the moment."""


class Tap(asyncio.Protocol):
    """Stands between a transport and its protocol until `remove`. For the loop's own thread."""

    __slots__ = ("_below", "_content", "_error", "_is_full", "_is_over", "_loop", "_lost", "_stop", "_take", "_transport")

    def __init__(self, content: aiohttp.StreamReader, transport: asyncio.Transport, below: asyncio.Protocol, take: Take) -> None:
        self._content = content
        self._transport = transport
        self._below = below
        self._take = take
        self._is_full = False
        self._loop = asyncio.get_running_loop()
        self._stop: asyncio.Future[None] | None = None
        self._is_over = False
        self._error: BaseException | None = None
        self._lost: BaseException | None = None
        transport.set_protocol(self)
        self._read_at_once(READ_AT_ONCE)

    async def run(self) -> bool:
        """Lets bytes flow until the end of the body (True), or until `take` wants no more (False). Raises what cut the body short."""
        if self._is_full:
            self._is_full = False
            self._transport.resume_reading()
        self._drain()
        if not (self._is_over or self._is_full):
            self._stop = self._loop.create_future()
            try:
                await self._stop
            finally:
                self._stop = None
        if self._error is not None:
            raise self._error
        return self._is_over

    def remove(self) -> None:
        """Gives the connection back to the protocol it had."""
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._below)

    def data_received(self, data: bytes) -> None:
        if len(data) >= READ_AT_ONCE:
            self._read_at_once(FLOOD_AT_ONCE)
        self._below.data_received(data)
        self._drain()

    def eof_received(self) -> bool | None:
        return self._below.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._below.connection_lost(exc)
        # aiohttp 3.14.5 tells nobody when a chunk size is no number: its parser has forgotten the body by then
        self._lost = exc or aiohttp.ClientPayloadError("the framing of the body is broken")
        self._drain()

    def pause_writing(self) -> None:
        self._below.pause_writing()

    def resume_writing(self) -> None:
        self._below.resume_writing()

    def _read_at_once(self, size: int) -> None:
        """By that name in asyncio's transports for sockets; others read as they like."""
        if hasattr(self._transport, "max_size"):
            self._transport.max_size = size

    def _go_on(self) -> None:
        if self._transport.get_protocol() is self:
            self._drain()

    def _drain(self) -> None:
        content, is_flood = self._content, False
        try:
            while not (self._is_full or is_flood) and (data := content.read_nowait()):
                self._is_full = self._take(data)
                is_flood = len(data) > FLOOD_AT_ONCE
        except Exception as error:  # noqa: BLE001  # whatever it is, the reader of the body gets it
            self._end(error)
            return
        if content.at_eof():
            self._end()
        elif self._is_full:
            self._transport.pause_reading()
            self._wake()
        elif is_flood:  # compressed, and as much again may wait: first all others have their turn
            self._loop.call_soon(self._go_on)
        elif self._lost is not None:
            self._end(self._lost)

    def _end(self, error: BaseException | None = None) -> None:
        """The end of the body, or what cut it short; the first one counts."""
        if not self._is_over:
            self._is_over = True
            self._error = error
            self.remove()
        self._wake()

    def _wake(self) -> None:
        if self._stop is not None and not self._stop.done():
            self._stop.set_result(None)


def tap(response: aiohttp.ClientResponse, take: Take) -> Tap | None:
    """Taps a response; None where that is not possible, because the body is here already or the transport is a stranger."""
    connection = response.connection
    transport = None if connection is None else connection.transport
    if not isinstance(transport, asyncio.Transport):
        return None
    below = transport.get_protocol()
    return Tap(response.content, transport, below, take) if isinstance(below, asyncio.Protocol) else None

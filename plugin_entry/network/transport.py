"""Receives a reply: puts its bytes into an inbox as they arrive.

When the task is cancelled the connection is closed at once, which makes the server stop generating.
"""

import asyncio
from collections.abc import Callable

import aiohttp

from plugin_entry.network.client import Call, answered, headers_of
from plugin_entry.network.connections import READ_AT_ONCE
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.network.proxies import with_own_proxy
from plugin_entry.network.selector import Pace, Rhythm


class StalledError(TimeoutError):
    """A reply began and then fell silent."""


async def deliver(session_of_loop: Callable[[], aiohttp.ClientSession], call: Call, inbox: Inbox, pace: Pace) -> None:
    """Sends the call, follows redirects as far as the rule allows, and fills the inbox.

    Raises what `client.answered` raises, and StalledError.
    """
    pace.begin()
    async with answered(session_of_loop(), call) as response:
        inbox.opened(Head(response.status, with_own_proxy(headers_of(response), call.server)))
        await _read(response, call.server.limits.between_chunks, inbox, pace)


async def _read(response: aiohttp.ClientResponse, silence_s: float, inbox: Inbox, pace: Pace) -> None:
    """Puts the body into the inbox, piece by piece.

    Raises StalledError when its reader has waited `silence_s` seconds without progress; 0 means no limit.
    """
    content, descriptor = response.content, _descriptor(response)
    watchdog, last = Watchdog(silence_s, inbox.quiet_s), asyncio.get_running_loop().time()
    try:
        while data := await content.readany():
            watched = None if content.is_eof() else descriptor
            last = pace.note_read(data.count(b"\n"), last, watched)
            if inbox.put(data):
                await inbox.drained()
                last = asyncio.get_running_loop().time()
            elif len(data) >= READ_AT_ONCE:
                await asyncio.sleep(0)  # as much again may be here already, above all of compressed data: others have their turn
    except asyncio.CancelledError:
        if watchdog.has_fired:
            raise StalledError from None
        raise
    finally:
        watchdog.stop()
        if descriptor is not None:
            pace.watch(descriptor, Rhythm.AT_ONCE)  # the connection's next request finds it as it was


def _descriptor(response: aiohttp.ClientResponse) -> int | None:
    """The descriptor of a reply's connection; None once the whole reply is here and the connection belongs to the next request."""
    connection = response.connection
    transport = None if connection is None else connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    return None if sock is None else sock.fileno()


LEAST_LOOK_S = 0.01
"""Seconds between two looks, at least."""


class Watchdog:
    """Cancels the current task once `quiet_s` reaches `seconds` (0: never), with one timer for a whole reply instead of one per read."""

    def __init__(self, seconds: float, quiet_s: Callable[[], float]) -> None:
        self.has_fired = False
        self._seconds = seconds
        self._quiet_s = quiet_s
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._timer = self._loop.call_later(seconds, self._look) if seconds else None

    def stop(self) -> None:
        """Stops the timer. Forgets the task, as an error of it would hold itself through the watchdog."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._task = None

    def _look(self) -> None:
        left = self._seconds - self._quiet_s()
        if left > 0:
            self._timer = self._loop.call_later(max(left, LEAST_LOOK_S), self._look)
        elif self._task is not None:
            self.has_fired = True
            self._task.cancel()

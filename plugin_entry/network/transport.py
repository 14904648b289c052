"""The asynchronous end: aiohttp sends one encoded request and hands back status, headers and raw bytes.

Enters: method, URL, headers, body and time limits. Leaves: bytes into an inbox, as they arrive, never looked at. It owns every time limit
and closes the connection as soon as its task is cancelled, which makes the server stop generating.
"""

import asyncio
from typing import Protocol

import aiohttp

from plugin_entry.network.client import Call, answered, headers_of
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.network.proxies import with_own_proxy
from plugin_entry.network.selector import Pace, Rhythm
from plugin_entry.network.transport_tap import tap


class StalledError(TimeoutError):
    """A reply began and then fell silent."""


class Reading(Protocol):
    """Who decides how often each stream is read."""

    pace: Pace

    def set_rhythm(self, fd: int, rhythm: Rhythm) -> None:
        """Says when a descriptor is to be looked at from now on."""


async def deliver(session: aiohttp.ClientSession, call: Call, inbox: Inbox, reading: Reading) -> None:
    """Sends the call, follows redirects as far as the rule allows, and fills the inbox.

    Raises what aiohttp raises, what `client.answered` raises, StalledError, and ServerError for a redirect that is not followed.
    """
    reading.pace.begin()
    async with answered(session, call) as response:
        await _fill(response, call, inbox, reading)


async def _fill(response: aiohttp.ClientResponse, call: Call, inbox: Inbox, reading: Reading) -> None:
    inbox.opened(Head(response.status, with_own_proxy(headers_of(response), call.server)))
    watchdog = Watchdog(call.server.limits.between_chunks)
    intake = Intake(inbox, reading, watchdog, response)
    try:
        await _read(response, intake)
    except asyncio.CancelledError:
        if watchdog.bit:
            raise StalledError from None
        raise
    finally:
        watchdog.stop()
        intake.close()


async def _read(response: aiohttp.ClientResponse, intake: "Intake") -> None:
    tapped = tap(response, intake.take)
    if tapped is None:
        while data := await response.content.readany():
            if intake.take(data):
                await intake.relief()
        return
    try:
        while not await tapped.run():
            await intake.relief()
    finally:
        tapped.remove()


class Intake:
    """From a body into its inbox: keeps the watchdog quiet and the rhythm right."""

    __slots__ = ("_content", "_descriptor", "_inbox", "_pace", "_reading", "_rhythm", "_watchdog")

    def __init__(self, inbox: Inbox, reading: Reading, watchdog: "Watchdog", response: aiohttp.ClientResponse) -> None:
        self._inbox = inbox
        self._reading = reading
        self._pace = reading.pace
        self._watchdog = watchdog
        self._content = response.content
        self._descriptor = _descriptor(response)
        self._rhythm = Rhythm.AT_ONCE

    def take(self, data: bytes) -> bool:
        """Hands bytes on. True says that too many are unread: `relief` comes before the next."""
        is_full = self._inbox.put(data)
        watchdog = self._watchdog
        wanted, watchdog.last = self._pace.rhythm(data.count(b"\n"), watchdog.last)
        if (wanted or self._rhythm) and self._descriptor is not None and not self._content.is_eof():
            self._rhythm = wanted
            self._reading.set_rhythm(self._descriptor, wanted)
        return is_full

    async def relief(self) -> None:
        """Waits for the reader, whose slowness is not the server's."""
        self._watchdog.idle = True
        await self._inbox.drained()
        self._watchdog.last = asyncio.get_running_loop().time()
        self._watchdog.idle = False

    def close(self) -> None:
        """Leaves the connection to its next request as it was."""
        if self._descriptor is not None:
            self._reading.set_rhythm(self._descriptor, Rhythm.AT_ONCE)


def _descriptor(response: aiohttp.ClientResponse) -> int | None:
    """The descriptor of a reply's connection; None once the whole reply is here and the connection belongs to the next request."""
    connection = response.connection
    transport = None if connection is None else connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    return None if sock is None else sock.fileno()


class Watchdog:
    """Cancels the current task after `seconds` without a move of `last`; one timer for a whole reply, not one per read. 0 means never."""

    def __init__(self, seconds: float) -> None:
        self.bit = False
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self.last = self._loop.time()
        """When something moved last, on the loop's clock."""
        self.idle = False
        """True while the reader is what everything waits for."""
        self._timer = self._loop.call_later(seconds, self._look) if seconds else None

    def stop(self) -> None:
        """No more biting."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        quiet = 0.0 if self.idle else self._loop.time() - self.last
        if quiet < self._seconds:
            self._timer = self._loop.call_later(self._seconds - quiet, self._look)
        elif self._task is not None:
            self.bit = True
            self._task.cancel()

"""The asynchronous end: aiohttp sends one encoded request and hands back status, headers and raw bytes.

Enters: method, URL, headers, body and time limits. Leaves: bytes into an inbox, as they arrive, never looked at. It owns every time limit
and closes the connection as soon as its task is cancelled, which makes the server stop generating.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakSet

import aiohttp
import attrs
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from plugin_entry.inbox import Head, Inbox
from plugin_entry.pace import Pace
from plugin_entry.server import Server

READ_BUFFER = 256 * 1024
CONNECTS_AT_ONCE = 32
CONNECT_REST_S = 0.02
"""At most so many new connections per host in so many seconds: what a server's backlog does not hold is dropped, and sent again a second
later, which every waiting user would feel."""

KEEP_ALIVE_S = 60.0
PACE = Pace()


class FirstByteTimeoutError(TimeoutError):
    """Connected, but no reply began in time."""


class StalledError(TimeoutError):
    """A reply began and then fell silent."""


@attrs.frozen(slots=True, kw_only=True)
class Call:
    """One request, ready to send."""

    server: Server
    method: str
    url: str
    body: bytes | None = attrs.field(default=None, repr=False)


class GatedConnector(aiohttp.TCPConnector):
    """No limit on connections (one slow model must not block the others), a limit on how many are being opened at once."""

    def __init__(self) -> None:
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE_S)
        self._gates: dict[object, asyncio.Semaphore] = {}
        self._seen: WeakSet[object] = WeakSet()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> Connection:
        """Waits for its turn; a new connection keeps its turn a little longer, one that is used again does not."""
        gate = self._gates.setdefault((req.url.host, req.url.port), asyncio.Semaphore(CONNECTS_AT_ONCE))
        await gate.acquire()
        rest = 0.0
        try:
            connection = await super().connect(req, traces, timeout)
            if connection.protocol not in self._seen:
                self._seen.add(connection.protocol)
                rest = CONNECT_REST_S
        finally:
            asyncio.get_running_loop().call_later(rest, gate.release)
        return connection


def new_session() -> aiohttp.ClientSession:
    """The one session of the process; must be called on its loop. Proxies are chosen per call, so the environment is not read."""
    return aiohttp.ClientSession(
        connector=GatedConnector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER,
        trust_env=False,
        auto_decompress=True,
    )


async def deliver(session: aiohttp.ClientSession, call: Call, inbox: Inbox) -> None:
    """Sends the call and fills the inbox. Raises what aiohttp raises, and the two time-out errors above."""
    limits = call.server.limits
    async with _opened(session, call) as response:
        inbox.opened(Head(response.status, dict(response.headers)))
        watchdog = Watchdog(limits.between_chunks)
        try:
            while data := await response.content.readany():
                watchdog.touch()
                await inbox.put(data)
                if rest := PACE.rest(data.count(b"\n")):
                    await _rest(response, rest)
                watchdog.touch()
        except asyncio.CancelledError:
            if watchdog.bit:
                raise StalledError from None
            raise
        finally:
            watchdog.stop()


async def _rest(response: aiohttp.ClientResponse, seconds: float) -> None:
    """Leaves what arrives in the kernel for a moment, so that one read takes it all."""
    connection = response.connection
    if connection is None or connection.protocol is None:
        return
    connection.protocol.pause_reading()
    try:
        await asyncio.sleep(seconds)
    finally:
        connection.protocol.resume_reading()


@asynccontextmanager
async def _opened(session: aiohttp.ClientSession, call: Call) -> AsyncIterator[aiohttp.ClientResponse]:
    limits = call.server.limits
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect or None)
    request = session.request(
        call.method,
        call.url,
        data=call.body,
        headers=dict(call.server.headers),
        timeout=timeout,
        proxy=call.server.proxy,
        ssl=call.server.tls,
        allow_redirects=False,
    )
    try:
        async with asyncio.timeout(limits.first_byte or None):
            response = await request
    except aiohttp.ConnectionTimeoutError:
        raise
    except TimeoutError:
        raise FirstByteTimeoutError from None
    try:
        yield response
    finally:
        response.close() if not response.content.at_eof() else response.release()


class Watchdog:
    """Cancels the current task after `seconds` without `touch`; one timer for a whole reply instead of one per read. 0 means never."""

    def __init__(self, seconds: float) -> None:
        self.bit = False
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(seconds, self._look) if seconds else None

    def touch(self) -> None:
        """Something moved."""
        self._last = self._loop.time()

    def stop(self) -> None:
        """No more biting."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        quiet = self._loop.time() - self._last
        if quiet < self._seconds:
            self._timer = self._loop.call_later(self._seconds - quiet, self._look)
        elif self._task is not None:
            self.bit = True
            self._task.cancel()

"""Sends one request with aiohttp and puts status, headers and bytes of the reply into an inbox.

Every time limit lives here. The connection is closed as soon as the task is cancelled, which makes the server stop generating.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from itertools import count
from typing import Any

import aiohttp
import attrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest
from aiohttp.tracing import Trace

from plugin_entry.network.errors import ProxyTimeoutError, named, proxy_between, with_passage
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.network.redirects import REDIRECTS, next_call
from plugin_entry.network.selector import Pace, Rhythm
from plugin_entry.network.server import Server
from translator.errors import ServerError

READ_BUFFER = 256 * 1024
READ_AT_ONCE = 64 * 1024
"""Bytes of one read. asyncio's own 256 KiB take four times as long to make room for as one token takes to read."""

CONNECTS_AT_ONCE = 48
"""Connections of one host that may wait for their first answer at a time. What a server's backlog cannot hold is dropped and repeated a
second later, which every waiting user would feel; twice as many still fit into the usual backlog of 100.
"""
LONGEST_TURN_S = 0.1
"""Seconds after which a connection no longer counts, answered or not."""

KEEP_ALIVE_S = 60.0


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
    """No limit on connections (one slow model must not block the others), a limit on how many of one host are being opened at once."""

    def __init__(self) -> None:
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE_S)
        self._gates: defaultdict[object, asyncio.Semaphore] = defaultdict(partial(asyncio.Semaphore, CONNECTS_AT_ONCE))
        self._turns: dict[asyncio.Task[Any] | None, tuple[asyncio.Semaphore, asyncio.TimerHandle]] = {}
        self.connecting: set[asyncio.Task[Any] | None] = set()
        """Tasks without a connection: whatever limit ends them, no server has taken their request."""

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> ResponseHandler:
        """Waits for its turn, which lasts until the server has shown that it took the connection out of its backlog."""
        gate = self._gates[req.url.host, req.url.port]
        await gate.acquire()
        task = asyncio.current_task()
        self.end_turn(task)
        self._turns[task] = gate, asyncio.get_running_loop().call_later(LONGEST_TURN_S, self.end_turn, task)
        self.connecting.add(task)
        try:
            async with asyncio.timeout(timeout.sock_connect):  # names and proxies take their time, too
                handler = await super()._create_connection(req, traces, timeout)
        except TimeoutError as error:
            raise _too_slow(error) from None
        self.connecting.discard(task)
        transport: Any = handler.transport
        if hasattr(transport, "max_size"):  # by that name in asyncio's transports for sockets; others read as they like
            transport.max_size = READ_AT_ONCE
        return handler

    def ended(self, task: asyncio.Task[Any] | None) -> None:
        """This task has an answer, or will have none."""
        self.end_turn(task)
        self.connecting.discard(task)

    def end_turn(self, task: asyncio.Task[Any] | None) -> None:
        """The request of this task was answered, or failed, or took long enough; without effect for one that opened no connection."""
        if task in self._turns:
            gate, timer = self._turns.pop(task)
            timer.cancel()
            gate.release()


def _too_slow(error: TimeoutError) -> aiohttp.ConnectionTimeoutError:
    return error if isinstance(error, aiohttp.ConnectionTimeoutError) else aiohttp.ConnectionTimeoutError("connecting took too long")


def new_session() -> aiohttp.ClientSession:
    """The one session of the process; must be called on its loop. Proxies are chosen per call, so the environment is not read."""
    return aiohttp.ClientSession(
        connector=GatedConnector(),
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER,
        trust_env=False,
        auto_decompress=True,
    )


async def deliver(session_of_loop: Callable[[], aiohttp.ClientSession], call: Call, inbox: Inbox, pace: Pace) -> None:
    """Sends the call, follows redirects as far as the rule allows, and fills the inbox.

    Raises what aiohttp raises, the two time-out errors above, and ServerError for a redirect that is not followed.
    """
    pace.begin()
    session = session_of_loop()
    for followed in count():
        async with _opened(session, call) as response:
            if response.status not in REDIRECTS:
                inbox.opened(Head(response.status, with_passage(dict(response.headers), call.server)))
                await _read(response, call.server.limits.between_chunks, inbox, pace)
                return
            target = next_call(call, response.status, response.headers.get("Location", ""), followed=followed)
        if isinstance(target, ServerError):
            raise named(target, proxy_between(call.server, response.headers))
        call = target


async def _read(response: aiohttp.ClientResponse, silence_s: float, inbox: Inbox, pace: Pace) -> None:
    """Puts the body into the inbox, piece by piece. Raises StalledError after `silence_s` seconds without one; 0 means no limit."""
    content, descriptor = response.content, _descriptor(response)
    watchdog = Watchdog(silence_s)
    try:
        with _told_of_loss(response):
            while data := await content.readany():
                watched = None if content.is_eof() else descriptor
                watchdog.last = pace.note_read(data.count(b"\n"), watchdog.last, watched)
                if inbox.put(data):
                    watchdog.idle = True  # the reader's slowness is not the server's
                    await inbox.drained()
                    watchdog.last, watchdog.idle = asyncio.get_running_loop().time(), False
                elif len(data) >= READ_AT_ONCE:
                    await asyncio.sleep(0)  # as much again may be here already, above all of compressed data: others have their turn
    except asyncio.CancelledError:
        if watchdog.bit:
            raise StalledError from None
        raise
    finally:
        watchdog.stop()
        if descriptor is not None:
            pace.watch(descriptor, Rhythm.AT_ONCE)  # the connection's next request finds it as it was


@contextmanager
def _told_of_loss(response: aiohttp.ClientResponse) -> Iterator[None]:
    """Ends the body with an error when its connection is lost and nobody else says so.

    aiohttp 3.14.5 closes the connection when a chunk size is no number, but its parser has forgotten the body by then.
    """
    handler = None if response.connection is None else response.connection.protocol
    lost = None if handler is None else handler.closed
    if lost is None:
        yield
        return

    def tell(closed: asyncio.Future[None]) -> None:
        closed.exception()  # retrieved, or asyncio would complain about it
        if not response.content.is_eof() and response.content.exception() is None:
            response.content.set_exception(aiohttp.ClientPayloadError("the framing of the body is broken"))

    lost.add_done_callback(tell)
    try:
        yield
    finally:
        lost.remove_done_callback(tell)


def _descriptor(response: aiohttp.ClientResponse) -> int | None:
    """The descriptor of a reply's connection; None once the whole reply is here and the connection belongs to the next request."""
    connection = response.connection
    transport = None if connection is None else connection.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    return None if sock is None else sock.fileno()


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
    connector, task = session.connector, asyncio.current_task()
    try:
        async with asyncio.timeout(limits.first_byte or None):
            response = await request
    except aiohttp.ConnectionTimeoutError:
        if call.server.proxy:
            raise ProxyTimeoutError from None
        raise
    except TimeoutError:
        if isinstance(connector, GatedConnector) and task in connector.connecting:
            raise (ProxyTimeoutError() if call.server.proxy else aiohttp.ConnectionTimeoutError("still connecting")) from None
        raise FirstByteTimeoutError from None
    finally:
        if isinstance(connector, GatedConnector):
            connector.ended(task)
    try:
        yield response
    finally:
        response.close() if not response.content.at_eof() else response.release()


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

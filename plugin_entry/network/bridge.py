"""HTTP for greenlets: opens replies, reads their bytes and closes them, on the event loop of `loop.py`.

The SDK wants plain generators in greenlets, aiohttp wants an event loop. Every failure comes out of here as a ServerError.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import aiohttp
import attrs

from plugin_entry.network.client import Call, reply_too_large
from plugin_entry.network.connections import connector_of, new_session
from plugin_entry.network.error_rows import own_failure
from plugin_entry.network.errors import Phase, describe_transport_error, ran_out
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.network.loop import Job, LoopGreenlet, LoopLostError
from plugin_entry.network.names import NameLookups
from plugin_entry.network.proxies import proxy_between, with_proxy_named
from plugin_entry.network.transport import deliver
from translator.errors import ServerError
from translator.failures.proxies import Proxy
from translator.limits import REFUSAL_BYTES
from translator.shapes.exchange import HttpReply

FIRST_REFUSAL = 400
LINGER_S = 1.0
"""How long a server may keep a connection open after the answer was complete."""


def _explained(error: Exception, call: Call, phase: Phase, limit_s: float | None, proxy: Proxy) -> ServerError:
    """What ended an exchange, without its cause, which may name addresses: Dify logs whole tracebacks."""
    if isinstance(error, ServerError):
        return error
    if isinstance(error, LoopLostError):
        return own_failure("plugin_fault", call.server.place)
    return with_proxy_named(describe_transport_error(error, call.server.place, phase=phase, limit_seconds=limit_s), proxy)


@attrs.define(slots=True, eq=False)
class OpenReply:
    """A reply whose headers have come. `close` is safe at any time and stops the server."""

    head: Head
    _inbox: Inbox
    _job: Job
    _call: Call
    _distrust: Callable[[str], object]

    def bursts(self, progress: Callable[[], int] | None = None) -> Iterator[bytes]:
        """Gives the bytes as they come, everything that waits at once. Raises ServerError when the body was cut.

        The limit between chunks is one of progress: see `Inbox.bursts`.
        """
        try:
            yield from self._inbox.bursts(progress)
        except Exception as error:  # noqa: BLE001  # whatever failed, the user reads one sentence about it
            self._job.cancel()
            raise _explained(error, self._call, Phase.BODY, self._call.server.limits.between_chunks, self.proxy) from None

    @property
    def proxy(self) -> Proxy:
        """The proxy that may have a part in what happens to the body."""
        return proxy_between(self._call.server, self.head.headers)

    def body(self) -> bytes:
        """Reads the rest; of a refusal as much as anybody looks at. Raises ServerError. Whoever ends the reading stops the server, too."""
        is_refusal = self.head.status >= FIRST_REFUSAL
        most = REFUSAL_BYTES if is_refusal else self._call.reply_bytes
        parts: list[bytes] = []
        size = 0
        try:
            for data in self.bursts():
                parts.append(data)
                size += len(data)
                if size > most:
                    self.close()
                    if not is_refusal:
                        raise reply_too_large(self._call)
                    break
        except BaseException:
            self._job.cancel()
            raise
        return b"".join(parts)

    def stop(self, error: ServerError) -> None:
        """Ends `bursts` with `error` after what is here already."""
        self._inbox.stop(error)

    def close(self) -> None:
        """Closes the connection at once, so that the server stops generating; what is unread is lost.

        When the reply has arrived to its end, its connection may serve another request already. A reply that cannot be read may belong to
        another request, so all connections to this server are distrusted then.
        """
        self._inbox.discard()
        self._job.cancel()
        if self._inbox.ended:
            self._distrust(self._call.owner)

    def finish(self) -> None:
        """The answer is complete: lets the body end by itself, so that the connection can be used again, for `LINGER_S` seconds at most."""
        self._inbox.discard()
        self._job.cancel_after(LINGER_S)


@attrs.define(slots=True, eq=False)
class Started:
    """A call under way."""

    _inbox: Inbox
    _job: Job
    _call: Call
    _distrust: Callable[[str], object]

    def opened(self) -> OpenReply:
        """Waits for the headers. Raises ServerError when there are none."""
        try:
            head = self._inbox.wait_for_head()
        except Exception as error:  # noqa: BLE001  # whatever failed, the user reads one sentence about it
            limit = ran_out(error, self._call.server.limits)
            raise _explained(error, self._call, Phase.FIRST_BYTE, limit, proxy_between(self._call.server)) from None
        except BaseException:
            self._job.cancel()
            raise
        return OpenReply(head, self._inbox, self._job, self._call, self._distrust)

    def whole(self) -> HttpReply:
        """Waits for all of it. Raises ServerError."""
        reply = self.opened()
        return HttpReply(status=reply.head.status, headers=reply.head.headers, body=reply.body())

    def cancel(self) -> None:
        """Cancels the call; without effect on one that has ended."""
        self._job.cancel()


class Bridge:
    """One per process; all greenlets of its thread share it."""

    def __init__(self) -> None:
        self._loop = LoopGreenlet()
        self._session: aiohttp.ClientSession | None = None
        self._session_loop: asyncio.AbstractEventLoop | None = None
        self._refusal: ServerError | None = None

    def start(self, call: Call) -> Started:
        """Sends the call and returns at once, so that several can be under way."""
        if self._refusal is not None:
            raise self._refusal
        inbox = Inbox(self._loop.wake, call.server.limits.between_chunks)
        try:
            job = self._loop.run(deliver(self._session_of_this_loop, call, inbox, self._loop.pace), inbox.end)
        except (LoopLostError, OSError) as error:  # OSError: no descriptors left for a loop
            raise _explained(error, call, Phase.CONNECT, None, proxy_between(call.server)) from None
        return Started(inbox, job, call, self.distrust)

    def open(self, call: Call) -> OpenReply:
        """Sends the call and waits for the headers. Raises ServerError."""
        return self.start(call).opened()

    def fetch(self, call: Call) -> HttpReply:
        """Sends the call and waits for the whole reply. Raises ServerError."""
        return self.start(call).whole()

    def distrust(self, owner: str) -> None:
        """No request of this owner (a `Server.identity`) uses a connection that is open now: replies there may belong to other requests."""
        if self._session is not None and self._session_loop is not None and self._session_loop is self._loop.current:
            self._session_loop.call_soon(connector_of(self._session).distrust, owner)
            self._loop.wake()

    def run[T](self, make: Callable[[], Awaitable[T]]) -> T:
        """Runs a coroutine on the loop and waits for its result. Raises what it raises."""
        inbox = Inbox()
        results: list[T] = []

        async def keep() -> None:
            results.append(await make())

        job = self._loop.run(keep(), inbox.end)
        try:
            for _ in inbox.bursts():
                pass
        except BaseException:
            job.cancel()
            raise
        return results[0]

    def give_up(self, error: ServerError) -> None:
        """Ends everything that is under way with this error, and refuses everything that would begin."""
        self._refusal = error
        self._loop.give_up(error)

    def close(self) -> None:
        """Closes all connections and ends the loop; the next request starts both anew."""
        if self._session is not None and self._session_loop is self._loop.current:
            self.run(self._session.close)
        elif self._session is not None:
            self._session.detach()  # its connections went with its loop
        self._session = self._refusal = None
        self._loop.stop()

    def lookups(self) -> NameLookups:
        """The look-ups of names for everything on the loop, on which this is called."""
        return connector_of(self._session_of_this_loop()).lookups

    def _session_of_this_loop(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._session_loop is not loop:
            if self._session is not None:
                self._session.detach()  # its connections went with its loop
            self._session, self._session_loop = new_session(NameLookups()), loop
        return self._session

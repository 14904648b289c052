"""The plugin's connections: how they are opened, which addresses they may lead to, and when one may be used again.

`new_session` makes the sessions for all HTTP requests: answers, checks, downloads of pictures, the recorder's requests to its server.

HTTP/1.1 does not say which request a reply belongs to: it is the next one on its connection. When a server or gateway sends one reply too
many, every later request on that connection gets the reply to the one before. So a connection serves one owner only (a server as one set of
credentials describes it), no bytes may come between two requests, and after a refusal or an unreadable reply a connection is closed.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, cast
from weakref import WeakValueDictionary

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ClientRequest, ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.tracing import Trace

from plugin_entry.network.errors import AddressRefusedError
from plugin_entry.network.names import NameLookups, NameTimeoutError, original
from translator.addresses import AddressKind, address_in, kind_of_host

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

IDLE_KEPT = 100
"""Connections of one owner to one place that wait for their next request."""

POLLIN = 1

FIRST_FINAL, MOST_HINTS = 200, 32
"""Statuses below are interim (103 and its like): another one follows. More in a row than this are an error."""
FIRST_REFUSAL = 400

type Gate = asyncio.Semaphore


class FirstByteTimeoutError(TimeoutError):
    """Connected, but no reply began in time."""


@attrs.define(slots=True, eq=False)
class Sending:
    """A request until its reply begins. `limit` ends the step that it is at, and `late` is what that means.

    Limits are in seconds, 0 for none. Without a limit of its own connecting has that of the first byte.
    """

    owner: str = ""
    """Whose connections it may use."""
    connect_s: float = 0.0
    first_byte_s: float = 0.0
    limit: asyncio.Timeout = attrs.field(factory=lambda: asyncio.timeout(None), init=False)
    late: type[TimeoutError] = aiohttp.ConnectionTimeoutError
    _turn: tuple[Gate, asyncio.TimerHandle] | None = None

    def connects(self, gate: Gate) -> None:
        """It has its turn to connect, which ends with `end_turn` or after a moment."""
        self.end_turn()
        self._turn = gate, asyncio.get_running_loop().call_later(LONGEST_TURN_S, self.end_turn)
        self._begin(self.connect_s or self.first_byte_s)

    def connected(self) -> None:
        """Its reply is waited for."""
        self.late = FirstByteTimeoutError
        self._begin(self.first_byte_s)

    def end_turn(self) -> None:
        """Lets the next connection to this host be opened; without effect where none was opened."""
        if self._turn is not None:
            gate, timer = self._turn
            self._turn = None
            timer.cancel()
            gate.release()

    def _begin(self, seconds: float) -> None:
        self.limit.reschedule(asyncio.get_running_loop().time() + seconds if seconds else None)


SENDING: ContextVar[Sending] = ContextVar("SENDING")
"""What a task sends."""

type MayConnect = Callable[[str], bool]
"""Whether a connection to this address, IPv4 or IPv6, is allowed."""


def is_no_metadata_service(address: str) -> bool:
    """The rule for servers that people name: anything but the metadata service of a cloud, which hands out credentials."""
    return kind_of_host(address) is not AddressKind.METADATA


class OwnedRequest(ClientRequest):
    """A request that is sent on a connection of its owner only."""

    @property
    def connection_key(self) -> ConnectionKey:
        """What a connection must have in common with this request. An owner has one proxy, so its headers tell nothing more."""
        return super().connection_key._replace(proxy_headers_hash=hash(SENDING.get().owner))


class ReplyProtocol(ResponseHandler):
    """aiohttp's protocol, which also bounds interim responses (1xx), is not used again after a refusal, and always ends a body."""

    owner = ""
    _hints = 0

    def set_exception(self, exc: BaseException, *cause: BaseException) -> None:
        """Ends the body, too: of a chunk size that is no number aiohttp 3.14.5 tells only whoever waits for the next reply."""
        super().set_exception(exc, *cause)
        self._end_body()

    def close(self) -> None:
        """Ends the body, too, which aiohttp forgets when its session is closed."""
        self._end_body()
        super().close()

    def _end_body(self) -> None:
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(aiohttp.ClientPayloadError("the connection was closed within the body"))

    async def read(self) -> Any:
        """The next head and its body. Raises BadHttpMessage after too many heads that only announce another one (103 and its like)."""
        head, body = await super().read()
        if head.code >= FIRST_REFUSAL:
            self.force_close()
        self._hints = self._hints + 1 if head.code < FIRST_FINAL else 0
        if self._hints > MOST_HINTS:
            self.force_close()
            raise BadHttpMessage("too many heads without an answer")
        return head, body


class Resolver(AbstractResolver):
    """The look-ups in the form that aiohttp wants, which itself knows what needs none."""

    def __init__(self, lookups: NameLookups, owner: str) -> None:
        self._lookups = lookups
        self._owner = owner

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        """All addresses of a host in the order of the system. Raises like `NameLookups.addresses`."""
        sending = SENDING.get()
        before, sending.late = sending.late, NameTimeoutError
        addresses = await self._lookups.addresses(host, self._owner)
        sending.late = before
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close: a look-up that still runs ends by itself."""


class Connector(aiohttp.TCPConnector):
    """Opens connections, any number of them, as one slow model must not block the others; but few to one host at the same time.

    A connection on which anything came between two requests is not used again.
    """

    def __init__(self, lookups: NameLookups, *, may_connect: MayConnect, keep: bool, owner: str) -> None:
        kept: dict[str, Any] = {"keepalive_timeout": KEEP_ALIVE_S} if keep else {"force_close": True}
        super().__init__(
            limit=0, resolver=Resolver(lookups, owner), use_dns_cache=False, socket_factory=partial(_new_socket, may_connect), **kept
        )
        self._factory = cast("partial[ResponseHandler]", partial(ReplyProtocol, loop=self._loop))
        self.lookups = lookups
        self._gates: WeakValueDictionary[object, Gate] = WeakValueDictionary()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> Connection:
        """A connection for a request, whose time limit for the first byte begins."""
        connection = await super().connect(req, traces, timeout)
        SENDING.get().connected()
        return connection

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's own signature
    ) -> ResponseHandler:
        """Waits for its turn, which lasts until the server has shown that it took the connection out of its backlog."""
        place, sending = (req.url.host, req.url.port), SENDING.get()
        gate = self._gates.get(place)
        if gate is None:
            gate = self._gates[place] = asyncio.Semaphore(CONNECTS_AT_ONCE)
        await gate.acquire()
        sending.connects(gate)
        handler = await super()._create_connection(req, traces, timeout)
        cast("ReplyProtocol", handler).owner = sending.owner
        transport: Any = handler.transport
        if hasattr(transport, "max_size"):  # by that name in asyncio's transports for sockets; others read as they like
            transport.max_size = READ_AT_ONCE
        return handler

    def distrust(self, owner: str) -> None:
        """Uses none of this owner's connections again: a reply on one of them did not belong to its request."""
        for protocol in [each for kept in self._conns.values() for each, _ in kept]:
            if cast("ReplyProtocol", protocol).owner == owner:
                protocol.close()
        for protocol in self._acquired:
            if isinstance(protocol, ReplyProtocol) and protocol.owner == owner:
                protocol.force_close()

    async def _get(self, key: Any, traces: list[Trace]) -> Connection | None:
        """A kept connection on which nothing came since its last answer, or None."""
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            transport = None if protocol is None else protocol.transport
            if protocol is not None and transport is not None and not (protocol.should_close or _has_bytes(transport)):
                transport.resume_reading()
                return connection
            connection.close()
        return None

    def _release(self, key: Any, protocol: ResponseHandler, *, should_close: bool = False) -> None:
        """Keeps the connection for the next request, unless something speaks against it.

        One that has not sent everything is ended at once: an orderly end would wait until the server has read the rest, maybe for ever.
        """
        if protocol.transport is not None and protocol.transport.get_write_buffer_size():
            protocol.force_close()
            protocol.abort()
        is_enough = len(self._conns.get(key, ())) >= IDLE_KEPT
        super()._release(key, protocol, should_close=should_close or is_enough)
        if protocol.transport is not None and not protocol.transport.is_closing():
            # bytes that nobody asked for would be taken for the answer to the next request: they stay where `_get` sees them
            protocol.transport.pause_reading()


def _has_bytes(transport: asyncio.Transport) -> bool:
    """Whether bytes, or the end, have come that the loop has not read."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return True
    poll = original("select", "poll")()  # gevent's own would let other greenlets run
    poll.register(sock.fileno(), POLLIN)
    return bool(poll.poll(0))


def _new_socket(may_connect: MayConnect, info: tuple[Any, ...]) -> socket.socket:
    """A socket for an address that the connection may lead to, looked up only now. Raises AddressRefusedError."""
    family, kind, protocol, _, address = info
    if not may_connect(address[0]):
        raise AddressRefusedError("the address is not allowed")
    return socket.socket(family, kind, protocol)


def connector_of(session: aiohttp.ClientSession) -> Connector:
    """The connector of a session that `new_session` made."""
    return cast("Connector", session.connector)


async def open_stream(lookups: NameLookups, host: str, port: int, tls: ssl.SSLContext | None = None) -> asyncio.StreamWriter:
    """A bare connection, to the first address of the host that accepts one. Raises OSError, also for TLS, and ValueError."""
    addresses = (host,) if address_in(host) else await lookups.addresses(host)
    failure: OSError = OSError("no address")
    for address in addresses:
        if not is_no_metadata_service(address):
            failure = AddressRefusedError("the address is not allowed")
            continue
        try:
            _, writer = await asyncio.open_connection(address, port, ssl=tls, server_hostname=host if tls else None)
        except OSError as error:
            failure = error
        else:
            return writer
    raise failure


def new_session(
    lookups: NameLookups, *, may_connect: MayConnect = is_no_metadata_service, keep: bool = True, owner: str = ""
) -> aiohttp.ClientSession:
    """A session on the running loop, without cookies. Proxies are chosen per request, so the environment is not read.

    Without `keep` each request has a connection of its own. `owner` is the tenant that names are looked up for.
    """
    return aiohttp.ClientSession(
        connector=Connector(lookups, may_connect=may_connect, keep=keep, owner=owner),
        request_class=OwnedRequest,
        cookie_jar=aiohttp.DummyCookieJar(),
        read_bufsize=READ_BUFFER,
        timeout=aiohttp.ClientTimeout(),  # ours are in `Sending`
        trust_env=False,
        auto_decompress=True,
    )

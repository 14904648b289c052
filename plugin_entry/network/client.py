"""Sends one HTTP request and gives its reply once the headers have come: time limits, redirects, the connection afterwards."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import attrs

from plugin_entry.network.connections import READ_AT_ONCE, SENDING, FirstByteTimeoutError, Sending
from plugin_entry.network.error_rows import own_failure
from plugin_entry.network.errors import ProxyTimeoutError
from plugin_entry.network.proxies import proxy_between, with_proxy_named
from plugin_entry.network.redirects import REDIRECTS, next_url
from plugin_entry.network.server import Server
from translator.errors import ServerError
from translator.limits import REPLY_BYTES, WHOLE_REPLY_BYTES
from translator.shapes.headers import Headers


@attrs.frozen(slots=True, kw_only=True)
class Call:
    """One request to a server, ready to send."""

    server: Server
    method: str
    url: str
    body: bytes | None = attrs.field(default=None, repr=False)
    reply_bytes: int = attrs.field(default=attrs.Factory(lambda call: reply_bytes_of(call.url), takes_self=True))
    """Most bytes of its reply, unpacked, where it is read as a whole."""
    owner: str = attrs.field(default=attrs.Factory(lambda call: call.server.identity, takes_self=True))
    """Whose connections it may use: a `Server.identity`."""


def reply_bytes_of(url: str) -> int:
    """Most bytes of the reply of a route, whatever the server's base path is."""
    path = urlsplit(url).path
    return next((most for route, most in REPLY_BYTES.items() if path.endswith(route)), WHOLE_REPLY_BYTES)


def reply_too_large(call: Call) -> ServerError:
    """The error of a reply with more than `Call.reply_bytes`."""
    return own_failure("reply_too_large", call.server.place, f"{call.reply_bytes // 1024:,} KiB")


@attrs.frozen(slots=True, kw_only=True)
class Request:
    """What goes over the wire; limits in seconds, 0 for none. `options` are those of `ClientSession.request`."""

    method: str
    url: Any
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = attrs.field(factory=dict, repr=False)
    body: bytes | None = attrs.field(default=None, repr=False)
    proxy: str | None = attrs.field(default=None, repr=False)
    tls: Any = True
    connect_s: float = 0.0
    first_byte_s: float = 0.0
    owner: str = ""
    options: Mapping[str, Any] = attrs.field(factory=dict)


def headers_of(response: aiohttp.ClientResponse) -> Headers:
    """The headers of a reply, each line of them."""
    return Headers(tuple(response.headers.items()))


async def body_within(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """The whole body, unpacked; None for one of more than so many bytes."""
    if (response.content_length or 0) > most:
        return None
    parts: list[bytes] = []
    async for data in response.content.iter_chunked(READ_AT_ONCE):
        parts.append(data)
        most -= len(data)
        if most < 0:
            return None
    return b"".join(parts)


type Redirect = Callable[[Request, aiohttp.ClientResponse, int], Awaitable[Request]]
"""The request that follows a redirect, which is the n-th in a row (from 0). Raises to refuse it."""


def request_of(call: Call) -> Request:
    """The request of a call."""
    server = call.server
    return Request(
        method=call.method,
        url=call.url,
        headers=dict(server.headers),
        body=call.body,
        proxy=server.proxy,
        tls=server.tls,
        connect_s=server.limits.connect,
        first_byte_s=server.limits.first_byte,
        owner=call.owner,
    )


def answered(session: aiohttp.ClientSession, call: Call) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    """The reply to a call, a context manager; redirects that stay at the server are followed.

    Raises what `replied` raises, and ServerError for a redirect that is not followed.
    """

    async def redirect(request: Request, response: aiohttp.ClientResponse, followed: int) -> Request:
        location = response.headers.get("Location", "")
        target = next_url(str(request.url), call.server.place, response.status, location, followed=followed)
        if isinstance(target, ServerError):
            raise with_proxy_named(target, proxy_between(call.server, response.headers))
        return attrs.evolve(request, url=target)

    return replied(session, request_of(call), redirect)


@asynccontextmanager
async def replied(
    session: aiohttp.ClientSession, request: Request, redirect: Redirect | None = None
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The reply to a request after its redirects; without `redirect` a redirect is a reply like any other.

    At the end of the block the connection is kept when the reply was read to its end, and closed otherwise. Raises what aiohttp raises,
    FirstByteTimeoutError, ProxyTimeoutError, NameTimeoutError, and what `redirect` raises.
    """
    for followed in count():
        response = await _first_byte(session, request)
        try:
            if redirect is None or response.status not in REDIRECTS:
                yield response
                return
            request = await redirect(request, response, followed)
        finally:
            response.release() if response.content.at_eof() else response.close()


async def _first_byte(session: aiohttp.ClientSession, request: Request) -> aiohttp.ClientResponse:
    sending = Sending(request.owner, request.connect_s, request.first_byte_s)
    SENDING.set(sending)
    try:
        async with sending.limit:
            return await session.request(
                request.method,
                request.url,
                data=request.body,
                headers=request.headers,
                proxy=request.proxy,
                ssl=request.tls,
                allow_redirects=False,
                **request.options,
            )
    except TimeoutError:
        is_connected = sending.late is FirstByteTimeoutError
        raise (ProxyTimeoutError if request.proxy and not is_connected else sending.late) from None
    finally:
        sending.end_turn()

"""Downloads a picture or a sound that Dify gave as a link (MULTIMODAL_SEND_FORMAT=url).

Enters: an http(s) URL. Leaves: its bytes, bounded in size and time. Every hop is looked up first and judged by `HopGuard`; the connection
then goes to the very addresses that were judged. No message shows more of the URL than its host.
"""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urljoin

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from plugin_entry.network.bridge import Bridge
from plugin_entry.network.redirects import MOST_REDIRECTS, REDIRECTS
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, MIB, Limits
from translator.media.urls import Download, is_private_address, plan_download, redirect_allowed
from translator.settings.network_places import ProxyMode, is_address, proxy_for

type LookUp = Callable[[str, int, socket.AddressFamily], Awaitable[list[ResolveResult]]]


class HopRefusedError(Exception):
    """None of a host's addresses may be reached."""


@attrs.define(eq=False)
class HopGuard:
    """The judgement over one chain of redirects; mutable, because the first host decides about the others."""

    _look_up: LookUp
    _first: frozenset[str] | None = None
    _first_is_private: bool = False

    async def judge(self, host: str, port: int, *, is_proxied: bool) -> list[ResolveResult]:
        """Gives the addresses to connect to. Raises HopRefusedError, and OSError for a name that nobody knows.

        Behind a proxy a name may be known to the proxy alone; what to reach is then the proxy's decision.
        """
        try:
            found = await self._addresses(host, port)
        except OSError:
            if not is_proxied:
                raise
            found = []
        if self._first is None:
            self._first = frozenset(item["host"] for item in found)
            self._first_is_private = bool(found) and all(is_private_address(address) for address in self._first)
        allowed = [item for item in found if self._allowed(item["host"])]
        if found and not allowed:
            raise HopRefusedError
        return allowed

    async def _addresses(self, host: str, port: int) -> list[ResolveResult]:
        if is_address(host):
            return [_result(host, port)]
        return await self._look_up(host, port, socket.AF_UNSPEC)

    def _allowed(self, address: str) -> bool:
        if self._first is not None and address in self._first and _is_loopback(address):
            return True
        return redirect_allowed(self._first_is_private, address)


def _result(address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=address, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


def _is_loopback(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


TIME_LIMIT_S = 30.0
PIECE = 64 * 1024
HEADERS = {"User-Agent": "dify-ollama", "Accept": "*/*"}

SEND_BASE64 = "or set MULTIMODAL_SEND_FORMAT=base64 in Dify's environment."
REACH = f"Check that Dify's plugin service can reach it (FILES_URL, INTERNAL_FILES_URL, proxy), {SEND_BASE64}"

FAULTS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "it took longer than {seconds:g} seconds"),
    (aiohttp.ClientConnectorDNSError, "the host name is unknown where Dify's plugin service runs"),
    (socket.gaierror, "the host name is unknown where Dify's plugin service runs"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of the host is not trusted"),
    (aiohttp.ClientSSLError, "no encrypted connection came about"),
    (aiohttp.ClientProxyConnectionError, "the proxy on the way to it cannot be reached"),
    (aiohttp.ClientHttpProxyError, "the proxy on the way to it refused to pass the request on"),
    (aiohttp.ClientConnectorError, "nothing accepts connections there"),
    (aiohttp.ClientPayloadError, "the connection broke off in the middle of the file"),
    (aiohttp.ClientError, "the connection failed"),
    (OSError, "the connection failed"),
)
"""First match counts: subclasses stand before their bases."""


@attrs.define(eq=False)
class PinnedResolver(AbstractResolver):
    """Gives a direct connection the addresses that were judged, and a proxy its own."""

    pins: dict[str, list[ResolveResult]] = attrs.field(factory=dict)
    lookup: AbstractResolver = attrs.field(factory=ThreadedResolver)
    is_proxied: bool = False

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return await self.lookup.resolve(host, port, family) if self.is_proxied else self.pins.get(host, [])

    async def close(self) -> None:
        await self.lookup.close()


def fetch_media(bridge: Bridge, url: str, limits: Limits = DEFAULT_LIMITS, seconds: float = TIME_LIMIT_S) -> bytes:
    """Gives the bytes behind a link. Raises RequestError, whatever goes wrong: the link is part of the request."""
    plan = plan_download(url)
    if not isinstance(plan, Download):
        raise RequestError.of("media_inline", "The link holds its data itself; there is nothing to download.")
    try:
        return bridge.run(lambda: _download(plan, limits, seconds, os.environ))
    except HopRefusedError:
        raise RequestError.of(
            "media_redirect",
            f"The link at {plan.host} leads to an address that downloads must not reach (inside the network, or a metadata service).",
            f"Give the address of the file itself, {SEND_BASE64}",
        ) from None
    except (OSError, aiohttp.ClientError) as error:
        fault = next(text for kind, text in FAULTS if isinstance(error, kind)).format(seconds=seconds)
        raise RequestError.of("media_unreachable", f"The file at {plan.host} cannot be downloaded: {fault}.", REACH) from None
    except ValueError:
        raise RequestError.of(
            "media_redirect", f"The link at {plan.host} leads to no well-formed address.", "Give the address of the file itself."
        ) from None


async def _download(plan: Download, limits: Limits, seconds: float, environment: Mapping[str, str]) -> bytes:
    resolver = PinnedResolver()
    guard = HopGuard(resolver.lookup.resolve)
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)
    async with asyncio.timeout(seconds), aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        hop = plan
        for _ in range(MOST_REDIRECTS + 1):
            url = _as_sent(hop.url)
            proxy = _proxy(url, environment)
            host, resolver.is_proxied = url.raw_host or "", proxy is not None
            resolver.pins[host] = await guard.judge(host, url.port or 0, is_proxied=resolver.is_proxied)
            async with session.get(url, headers=HEADERS, allow_redirects=False, proxy=proxy) as response:
                target = response.headers.get("Location", "")
                if response.status not in REDIRECTS or not target:
                    return await _read(response, plan, limits)
                hop = _hop(urljoin(hop.url, target), plan)
    raise RequestError.of("media_redirects", f"The link at {plan.host} redirects too often.", "Give the address of the file itself.")


def _hop(url: str, first: Download) -> Download:
    hop = plan_download(url)
    if isinstance(hop, Download):
        return hop
    raise RequestError.of("media_redirect", f"The link at {first.host} leads to no web address.", "Give the address of the file itself.")


def _as_sent(url: str) -> URL:
    """Signed links must arrive as they are; only what no request may hold is escaped."""
    return URL(url, encoded=url.isascii())


async def _read(response: aiohttp.ClientResponse, plan: Download, limits: Limits) -> bytes:
    if response.status != 200:
        raise RequestError.of(
            "media_not_there",
            f"The file at {plan.host} cannot be downloaded (HTTP status {response.status}).",
            f"Links of Dify expire (FILES_ACCESS_TIMEOUT): send the file again, {SEND_BASE64}",
        )
    if (response.content_length or 0) > limits.image_bytes:
        raise _too_large(plan, limits)
    parts: list[bytes] = []
    size = 0
    async for data in response.content.iter_chunked(PIECE):
        size += len(data)
        if size > limits.image_bytes:
            raise _too_large(plan, limits)
        parts.append(data)
    return b"".join(parts)


def _too_large(plan: Download, limits: Limits) -> RequestError:
    size = f"{limits.image_bytes / MIB:.1f} MiB"
    return RequestError.of("media_too_large", f"The file at {plan.host} is larger than {size}.", "Send a smaller version of it.")


def _proxy(url: URL, environment: Mapping[str, str]) -> str | None:
    return proxy_for(url.scheme, url.raw_host or "", url.port or 0, environment=environment, mode=ProxyMode.AUTO)

"""Downloads a picture or a sound that Dify gave as a link (MULTIMODAL_SEND_FORMAT=url).

Enters: an http(s) URL. Leaves: its bytes, bounded in size and time. Redirects are followed only to addresses that the rule of
`media_urls` allows, and the connection goes to the very address that was checked. No message shows more of the URL than its host.
"""

import asyncio
import os
import socket
from urllib.parse import urljoin, urlsplit

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from plugin_entry.bridge import Bridge
from plugin_entry.transport_errors import Phase, describe_transport_error
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, Limits
from translator.network_places import ProxyMode, proxy_for
from translator.request.media_urls import Download, is_private_address, plan_download, redirect_allowed

TIME_LIMIT_S = 30.0
REDIRECTS = 3
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
PIECE = 64 * 1024


class RedirectRefusedError(OSError):
    """A redirect leads to an address inside the network."""


@attrs.define(eq=False)
class GuardedResolver(AbstractResolver):
    """Resolves names, remembers whether the first host was private, and hides forbidden addresses from the hops after it."""

    first_is_private: bool | None = None
    _resolver: AbstractResolver = attrs.field(factory=ThreadedResolver)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if self.first_is_private is None:
            self.first_is_private = all(is_private_address(item["host"]) for item in found)
            return found
        return [item for item in found if self._allowed(item["host"])] or self._refuse()

    def check(self, host: str) -> None:
        """The same rule for hosts that are addresses already, which are never resolved. Raises RedirectRefusedError."""
        if not _is_address(host):
            return
        if self.first_is_private is None:
            self.first_is_private = is_private_address(host)
        elif not self._allowed(host):
            self._refuse()

    async def close(self) -> None:
        await self._resolver.close()

    def _allowed(self, address: str) -> bool:
        return redirect_allowed(bool(self.first_is_private), address)

    def _refuse(self) -> list[ResolveResult]:
        raise RedirectRefusedError


def fetch_media(bridge: Bridge, url: str, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Gives the bytes behind a link. Raises RequestError (what is wrong with the link) or ServerError (its server cannot be reached)."""
    plan = plan_download(url)
    if not isinstance(plan, Download):
        raise RequestError.of("media_inline", "The link holds its data itself; there is nothing to download.")
    try:
        return bridge.run(lambda: _download(plan, limits))
    except RequestError:
        raise
    except RedirectRefusedError:
        raise RequestError.of(
            "media_redirect", f"The link at {plan.host} leads on to an address inside the network.", "Give the address of the file itself."
        ) from None
    except Exception as error:
        parts = urlsplit(plan.url)
        raise describe_transport_error(
            error, f"{parts.scheme}://{plan.host}", phase=Phase.FIRST_BYTE, limit_seconds=TIME_LIMIT_S
        ) from error


async def _download(plan: Download, limits: Limits) -> bytes:
    resolver = GuardedResolver()
    connector = aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False)
    async with asyncio.timeout(TIME_LIMIT_S), aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        url = plan.url
        for _ in range(REDIRECTS + 1):
            resolver.check(urlsplit(url).hostname or "")
            async with session.get(url, allow_redirects=False, proxy=_proxy(url)) as response:
                if response.status not in REDIRECT_STATUSES:
                    return await _read(response, plan, limits)
                url = urljoin(url, response.headers.get("Location", ""))
                plan_download(url)
    raise RequestError.of("media_redirects", f"The link at {plan.host} redirects too often.", "Give the address of the file itself.")


async def _read(response: aiohttp.ClientResponse, plan: Download, limits: Limits) -> bytes:
    if response.status != 200:
        raise RequestError.of(
            "media_not_there",
            f"The file at {plan.host} cannot be downloaded (HTTP status {response.status}).",
            "Links of Dify expire (FILES_ACCESS_TIMEOUT); send the file again, or set MULTIMODAL_SEND_FORMAT=base64 in Dify's environment.",
        )
    parts: list[bytes] = []
    size = 0
    async for data in response.content.iter_chunked(PIECE):
        size += len(data)
        if size > limits.image_bytes:
            raise RequestError.of(
                "media_too_large", f"The file at {plan.host} is larger than {limits.image_bytes} bytes.", "Make it smaller."
            )
        parts.append(data)
    return b"".join(parts)


def _proxy(url: str) -> str | None:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return proxy_for(parts.scheme, parts.hostname or "", port, environment=os.environ, mode=ProxyMode.AUTO)


def _is_address(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True

"""Downloads pictures and sounds that Dify gave as links (MULTIMODAL_SEND_FORMAT=url).

`link_rules.py` says where a link and its redirects may lead; the address is checked when the connection is made. Errors say that a file
could not be downloaded and never why, as links could otherwise be used to find out which hosts and ports of a network answer; the reason is
in the log. No message shows more of a link than its host.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from urllib.parse import urljoin

import aiohttp
import attrs
from yarl import URL

from plugin_entry.network.bridge import Bridge
from plugin_entry.network.client import Request, replied
from plugin_entry.network.connections import new_session
from plugin_entry.network.errors import AddressRefusedError
from plugin_entry.network.link_rules import VARIABLE, LinkRules
from plugin_entry.network.names import NameLookups
from plugin_entry.network.redirects import MOST_REDIRECTS
from translator.addresses import address_in
from translator.errors import RequestError
from translator.limits import DEFAULT_LIMITS, MIB, Limits
from translator.media.urls import Download, plan_download
from translator.settings.network_places import ProxyMode, proxy_for

logger = logging.getLogger(__name__)

TIME_LIMIT_S = 30.0
"""For one file."""
AT_ONCE = 4
"""Links of one message that are under way."""
PIECE = 64 * 1024
HEADERS = {"User-Agent": "dify-ollama", "Accept": "*/*"}

SEND_BASE64 = "or set MULTIMODAL_SEND_FORMAT=base64 in Dify's environment."
UNREACHABLE = (
    "Links of Dify expire (FILES_ACCESS_TIMEOUT): send the file again. If it happens again, check that Dify's plugin service can reach "
    f"the host (FILES_URL, INTERNAL_FILES_URL, proxy; its log says more), {SEND_BASE64}"
)
NOT_ALLOWED = (
    f"Whoever runs Dify can allow it: set FILES_URL and INTERNAL_FILES_URL for the plugin service as for Dify's API, name the host in "
    f"{VARIABLE} there, {SEND_BASE64}"
)


class NotThereError(Exception):
    """The server gave no file; the text is for the log."""


def fetch_media(
    bridge: Bridge, urls: Iterable[str], owner: str = "", limits: Limits = DEFAULT_LIMITS, seconds: float = TIME_LIMIT_S
) -> dict[str, bytes]:
    """The bytes behind each of the links, some of them at the same time, each within `seconds`.

    `owner` is the tenant who asks. Raises RequestError, whatever goes wrong: the links are part of the request.
    """
    plans = {url: plan_download(url) for url in urls}
    if not plans:
        return {}
    get = partial(_file, limits=limits, seconds=seconds)
    return bridge.run(lambda: _all(bridge.lookups(), owner, plans, get))


type Get = Callable[["Link"], Awaitable[bytes]]


async def _all(lookups: NameLookups, owner: str, plans: Mapping[str, Download], get: Get) -> dict[str, bytes]:
    turns = asyncio.Semaphore(AT_ONCE)
    rules = LinkRules.of(os.environ)

    async def in_turn(plan: Download) -> bytes:
        async with turns:
            return await get(Link(plan, rules, lookups, owner))

    tasks = [asyncio.ensure_future(in_turn(plan)) for plan in plans.values()]
    try:
        return dict(zip(plans, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()


async def _file(link: "Link", *, limits: Limits, seconds: float) -> bytes:
    """The bytes of one file. Raises RequestError."""
    host = link.plan.host
    try:
        async with asyncio.timeout(seconds):
            return await link.get(limits)
    except RequestError:
        raise
    except (OSError, ValueError, aiohttp.ClientError, NotThereError) as error:
        if link.is_refused:
            inside = f"The link at {host} leads into the network of Dify's plugin service, where links may not lead."
            raise RequestError.of("media_not_allowed", inside, NOT_ALLOWED) from None
        reason = str(error) if isinstance(error, NotThereError) else type(error).__name__
        logger.warning("a file at %s cannot be downloaded: %s", host, reason)
        raise RequestError.of("media_unreachable", f"The file at {host} cannot be downloaded.", UNREACHABLE) from None


@attrs.define(slots=True, eq=False)
class Link:
    """One link on its way through its redirects."""

    plan: Download
    _rules: LinkRules
    _lookups: NameLookups
    _owner: str
    _url: URL = attrs.field(factory=URL)
    _proxy: str | None = None
    _verdicts: set[bool] = attrs.field(factory=set)

    @property
    def is_refused(self) -> bool:
        """No address that was found is allowed."""
        return self._verdicts == {False}

    async def get(self, limits: Limits) -> bytes:
        """The bytes. Raises RequestError for a file that is too large, NotThereError, and what a connection raises."""
        first = await self._request_to(self.plan.url)
        async with (
            new_session(self._lookups, may_connect=self._may_connect, keep=False, owner=self._owner) as session,
            replied(session, first, self._redirected) as response,
        ):
            return await _read(response, self.plan.host, limits)

    async def _redirected(self, request: Request, response: aiohttp.ClientResponse, followed: int) -> Request:
        location = response.headers.get("Location", "")
        if followed >= MOST_REDIRECTS or not location:
            raise NotThereError("it redirects too often, or without an address")
        try:
            return await self._request_to(plan_download(urljoin(str(request.url), location)).url)
        except RequestError:
            raise NotThereError("it redirects to no web address") from None

    async def _request_to(self, text: str) -> Request:
        """The request for the next address. Signed links must arrive as they are; only what no request may hold is escaped."""
        url = self._url = URL(text, encoded=text.isascii())
        self._proxy = proxy_for(url.scheme, url.raw_host or "", url.port or 0, environment=os.environ, mode=ProxyMode.AUTO)
        self._verdicts.clear()
        if self._proxy is not None:
            await self._check_before_proxy()
        return Request(method="GET", url=url, headers=HEADERS, proxy=self._proxy)

    def _may_connect(self, address: str) -> bool:
        """Checks an address when the connection is made; that of a proxy, which the environment names, is always allowed."""
        if self._proxy is not None:
            return True
        self._verdicts.add(is_allowed := self._rules.allow(self._url, address))
        return is_allowed

    async def _check_before_proxy(self) -> None:
        """Checks the addresses before a proxy is asked; a name that is unknown here is left to the proxy."""
        host = self._url.raw_host or ""
        try:
            addresses = (host,) if address_in(host) else await self._lookups.addresses(host, self._owner)
        except OSError:
            return
        self._verdicts |= {self._rules.allow(self._url, address) for address in addresses}
        if self.is_refused:
            raise AddressRefusedError("the address is not allowed")


async def _read(response: aiohttp.ClientResponse, host: str, limits: Limits) -> bytes:
    if response.status != 200:
        raise NotThereError(f"HTTP status {response.status}")
    if (response.content_length or 0) > limits.image_bytes:
        raise _too_large(host, limits)
    parts: list[bytes] = []
    size = 0
    async for data in response.content.iter_chunked(PIECE):
        size += len(data)
        if size > limits.image_bytes:
            raise _too_large(host, limits)
        parts.append(data)
    return b"".join(parts)


def _too_large(host: str, limits: Limits) -> RequestError:
    size = f"{limits.image_bytes / MIB:.1f} MiB"
    return RequestError.of("media_too_large", f"The file at {host} is larger than {size}.", "Send a smaller version of it.")

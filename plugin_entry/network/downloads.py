"""Downloads pictures and sounds that Dify gave as links (MULTIMODAL_SEND_FORMAT=url).

`link_rules.py` says where a link and its redirects may lead; the address is checked when the connection is made. Errors say that a file
could not be downloaded and never why, as links could otherwise be used to find out which hosts and ports of a network answer; the reason is
in the log. No message shows more of a link than its host.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Mapping
from urllib.parse import urljoin

import aiohttp
import attrs
from yarl import URL

from plugin_entry.network.bridge import Bridge
from plugin_entry.network.client import Request, body_within, replied
from plugin_entry.network.connections import new_session
from plugin_entry.network.errors import AddressRefusedError
from plugin_entry.network.link_rules import VARIABLE, may_lead_to
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
    return bridge.run(lambda: _all(plans, owner, bridge.lookups(), limits, seconds)) if plans else {}


async def _all(plans: Mapping[str, Download], owner: str, lookups: NameLookups, limits: Limits, seconds: float) -> dict[str, bytes]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(plan: Download) -> bytes:
        async with turns:
            return await Link(plan, owner, lookups, limits).file(seconds)

    tasks = [asyncio.ensure_future(in_turn(plan)) for plan in plans.values()]
    try:
        return dict(zip(plans, await asyncio.gather(*tasks), strict=True))
    finally:
        for task in tasks:
            task.cancel()


@attrs.define(slots=True, eq=False)
class Link:
    """One link on its way through its redirects."""

    _plan: Download
    _owner: str
    _lookups: NameLookups
    _limits: Limits
    _url: URL = attrs.field(factory=URL)
    _proxy: str | None = None
    _verdicts: set[bool] = attrs.field(factory=set)

    async def file(self, seconds: float) -> bytes:
        """The bytes. Raises RequestError."""
        host = self._plan.host
        try:
            async with asyncio.timeout(seconds):
                return await self._get()
        except RequestError:
            raise
        except (OSError, ValueError, aiohttp.ClientError, NotThereError) as error:
            if self.is_refused:
                inside = f"The link at {host} leads into the network of Dify's plugin service, where links may not lead."
                raise RequestError.of("media_not_allowed", inside, NOT_ALLOWED) from None
            reason = str(error) if isinstance(error, NotThereError) else type(error).__name__
            logger.warning("a file at %s cannot be downloaded: %s", host, reason)
            raise RequestError.of("media_unreachable", f"The file at {host} cannot be downloaded.", UNREACHABLE) from None

    @property
    def is_refused(self) -> bool:
        """No address that was found is allowed."""
        return self._verdicts == {False}

    async def _get(self) -> bytes:
        first = await self._request_to(self._plan.url)
        async with (
            new_session(self._lookups, may_connect=self._may_connect, keep=False, owner=self._owner) as session,
            replied(session, first, self._redirected) as response,
        ):
            return await self._read(response)

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
        self._verdicts.add(is_allowed := may_lead_to(self._url, address, os.environ))
        return is_allowed

    async def _check_before_proxy(self) -> None:
        """Checks the addresses before a proxy is asked; a name that is unknown here is left to the proxy."""
        host = self._url.raw_host or ""
        try:
            addresses = (host,) if address_in(host) else await self._lookups.addresses(host, self._owner)
        except OSError:
            return
        self._verdicts |= {may_lead_to(self._url, address, os.environ) for address in addresses}
        if self.is_refused:
            raise AddressRefusedError("the address is not allowed")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """The whole body. Raises RequestError for a file that is too large, NotThereError when there is none."""
        if response.status != 200:
            raise NotThereError(f"HTTP status {response.status}")
        body = await body_within(response, self._limits.image_bytes)
        if body is None:
            cause = f"The file at {self._plan.host} is larger than {self._limits.image_bytes / MIB:.1f} MiB."
            raise RequestError.of("media_too_large", cause, "Send a smaller version of it.")
        return body

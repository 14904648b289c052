"""Which addresses a download may reach, hop by hop.

Enters: the host of a link or of a redirect, and a way to look names up. Leaves: the addresses that may be connected to. The first host is
the one Dify gave, so it may be anything but a metadata service and its like; later hosts may be public, or private if the first was
private itself, or the first host again. An attacker's page can therefore not send the plugin into the network it stands in.
"""

import ipaddress
import socket
from collections.abc import Awaitable, Callable

import attrs
from aiohttp.abc import ResolveResult

from translator.media.urls import is_private_address, redirect_allowed
from translator.settings.network_places import is_address

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

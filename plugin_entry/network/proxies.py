"""The proxy between the plugin and a server: how it is recognised, and which failures it may be the reason for."""

from collections.abc import Mapping

import attrs

from plugin_entry.network.server import Server
from translator.errors import ServerError
from translator.failures.build import with_proxy
from translator.failures.proxies import SYSTEM, SYSTEM_PROXY, Proxy, proxy_in
from translator.failures.stream import ENDED
from translator.shapes.headers import Headers

NO_HEADERS: Mapping[str, str] = Headers()

HELD_BACK = "{proxy} in between may hold it back: raise its time limit for answers, and switch their buffering off."
REDIRECTED = "{proxy} in between may have made this redirect itself."
MAY_BE_WHY: dict[str, str] = {
    "payload_cut": ENDED,
    "transport_failed": ENDED,
    "connection_reset": ENDED,
    "connect_reset": "{proxy} in between may have closed it.",
    "stalled": HELD_BACK,
    "first_byte_timeout": HELD_BACK,
    "payload_encoding": "{proxy} in between may have changed it.",
    "response_invalid": "{proxy} in between may be what answers.",
    "tls_untrusted": "{proxy} in between may have put its own certificate in place of the server's; then name the proxy's authority.",
    "tls_failed": "{proxy} in between may allow no encrypted connections to this port.",
    "redirect_elsewhere": REDIRECTED,
    "redirect_downgrade": REDIRECTED,
    "redirect_see_other": REDIRECTED,
    "redirect_unusable": REDIRECTED,
    "too_many_redirects": REDIRECTED,
}
"""What is added to a failure of the connection, by code, where a proxy is in between."""


def proxy_between(server: Server, headers: Mapping[str, str] = NO_HEADERS) -> Proxy:
    """The proxy that may have a part in what happens to an exchange; `headers` are those of the reply, if there is one."""
    told = proxy_in(headers)
    if server.proxy is None:
        return told
    return attrs.evolve(told, is_system=told.is_system or _is_tunnelled(server)) if told.part else SYSTEM_PROXY


def with_own_proxy(headers: Headers, server: Server) -> Headers:
    """The headers of a reply; a proxy that the plugin itself asked is in `Via` then, as a proxy should write itself (RFC 9110, 7.6.3)."""
    if server.proxy is None or _is_tunnelled(server) or "via" in headers:
        return headers
    return Headers((*headers.pairs, ("Via", f"1.1 {SYSTEM}")))


def with_proxy_named(failure: ServerError, proxy: Proxy) -> ServerError:
    """The same failure, with a sentence about the proxy where it may be the reason."""
    return with_proxy(failure, proxy, MAY_BE_WHY)


def _is_tunnelled(server: Server) -> bool:
    """What comes through a tunnel is the server's own: the proxy cannot write into it, only end it."""
    return server.base_url.scheme == "https"

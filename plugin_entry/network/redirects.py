"""Where a redirect may lead, as a rule without a connection.

Enters: a call, the status and the `Location` that answered it. Leaves: the call to send instead, with the same method, body and headers; or
a `ServerError` that says where the address leads. Followed is only what stays where the person pointed: the same host and port, or the same
host by https (RFC 9110, section 15.4, leaves this to the client). So a key never reaches another place, and a POST never becomes a GET,
which is what most libraries make of a 301, 302 or 303 and what a server answers with a bare 404 or 405.
"""

import re
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import attrs

from plugin_entry.network.transport_entries import ENTRIES, Entry
from translator.errors import Family, ServerError
from translator.settings.base_url import DEFAULT_PORTS

if TYPE_CHECKING:
    from plugin_entry.network.transport import Call

FOLLOWED = frozenset({301, 302, 307, 308})
SEE_OTHER = 303
REDIRECTS = FOLLOWED | {SEE_OTHER}
"""Statuses for `next_call`; 300, 304, 305 and 306 are answers like any other."""
MOST_REDIRECTS = 3
"""Redirects in a row; a server's own (0.24.0 `error-double-slash`) and one or two of a proxy."""

REFUSALS: dict[str, Entry] = {
    "redirect_elsewhere": Entry(
        Family.CONNECTION,
        "The server at {place} redirects to {detail}, where the request was not sent: it may hold a key, and that is another place.",
        "If you trust that address, enter it as the base URL; if it is a sign-in page, give the server's own address behind it.",
    ),
    "redirect_downgrade": Entry(
        Family.CONNECTION,
        "The server at {place} redirects from https to {detail}, which is not encrypted.",
        "Correct the proxy in front of the server, or enter the unencrypted address as the base URL.",
    ),
    "redirect_see_other": Entry(
        Family.CONNECTION,
        "The server at {place} answers with a redirect to a page (status 303) instead of an answer.",
        "That is no route of Ollama: check the base URL, and whether a sign-in page stands in front of the server.",
    ),
    "too_many_redirects": ENTRIES["too_many_redirects"],
    "redirect_unusable": ENTRIES["redirect_unusable"],
}

_HOST = re.compile(r"[a-z0-9_.:%-]{1,253}")


def next_call(call: "Call", status: int, location: str, *, followed: int) -> "Call | ServerError":
    """The call that a redirect leads to, with nothing changed but its address, or why it is not followed; see `next_url`."""
    target = next_url(call.url, call.server.place, status, location, followed=followed)
    return target if isinstance(target, ServerError) else attrs.evolve(call, url=target)


def next_url(url: str, place: str, status: int, location: str, *, followed: int) -> str | ServerError:
    """The address that a redirect of `url` leads to, or why it is not followed. `followed` counts the redirects before this one.

    `status` is one of `REDIRECTS`; `location` is the header's value, "" when there is none. `place` is `BaseUrl.place`, for the message.
    """
    if status == SEE_OTHER:
        return _refusal(place, "redirect_see_other")
    if followed >= MOST_REDIRECTS:
        return _refusal(place, "too_many_redirects")
    target = _target(url, location)
    if target is None:
        return _refusal(place, "redirect_unusable")
    reason = _reason_against(urlsplit(url), target)
    if reason:
        return _refusal(place, reason, _place(target))
    return urlunsplit((target.scheme, target.netloc.rpartition("@")[2], target.path, target.query, ""))


def _target(url: str, location: str) -> SplitResult | None:
    """The whole address, None for one that cannot be asked."""
    if not location.strip() or any(char < "!" for char in location.strip()):
        return None
    try:
        target = urlsplit(urljoin(url, location.strip()))
        usable = target.scheme in DEFAULT_PORTS and _HOST.fullmatch(target.hostname or "") and target.port != 0
    except ValueError:
        return None
    return target if usable else None


def _reason_against(origin: SplitResult, target: SplitResult) -> str:
    if _host(target) != _host(origin):
        return "redirect_elsewhere"
    if origin.scheme == "https" and target.scheme == "http":
        return "redirect_downgrade"
    same_port = _port(target) == _port(origin)
    return "" if same_port or (origin.scheme, target.scheme) == ("http", "https") else "redirect_elsewhere"


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").removesuffix(".")


def _port(parts: SplitResult) -> int:
    return parts.port or DEFAULT_PORTS[parts.scheme]


def _place(target: SplitResult) -> str:
    """Scheme, host and port, safe to show."""
    host = target.hostname or ""
    return f"{target.scheme}://{f'[{host}]' if ':' in host else host}" + (f":{target.port}" if target.port else "")


def _refusal(place: str, code: str, detail: str = "") -> ServerError:
    entry = REFUSALS[code]
    return ServerError.of(code, entry.cause.format(place=place, detail=detail, within=""), entry.remedy, family=entry.family)

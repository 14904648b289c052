"""Decides where a redirect may lead.

Followed are redirects to the same host and port, or to the same host by https (RFC 9110, section 15.4, leaves this to the client). So a key
never reaches another place. Method, body and headers stay as they are: most libraries make a GET of a POST after a 301, 302 or 303, which a
server answers with a bare 404 or 405.
"""

import re
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from plugin_entry.network.error_rows import own_failure
from translator.errors import ServerError
from translator.settings.base_url import DEFAULT_PORTS

FOLLOWED = frozenset({301, 302, 307, 308})
SEE_OTHER = 303
REDIRECTS = FOLLOWED | {SEE_OTHER}
"""Statuses for `next_url`; 300, 304, 305 and 306 are answers like any other."""
MOST_REDIRECTS = 3
"""Redirects in a row; a server's own (0.24.0 `error-double-slash`) and one or two of a proxy."""

_HOST = re.compile(r"[a-z0-9_.:%-]{1,253}")


def next_url(url: str, place: str, status: int, location: str, *, followed: int) -> str | ServerError:
    """The address that a redirect of `url` leads to, or why it is not followed. `followed` counts the redirects before this one.

    `status` is one of `REDIRECTS`; `location` is the header's value, "" when there is none. `place` is `BaseUrl.place`, for the message.
    """
    if status == SEE_OTHER:
        return own_failure("redirect_see_other", place)
    if followed >= MOST_REDIRECTS:
        return own_failure("too_many_redirects", place)
    target = _target(url, location)
    if target is None:
        return own_failure("redirect_unusable", place)
    reason = _reason_against(urlsplit(url), target)
    if reason:
        return own_failure(reason, place, _place(target))
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

"""Finds the proxy that a reply came through in its headers, and whether the proxy passed the reply on or wrote it.

The name that is shown is a brand, or what the proxy calls itself as long as that is a plain host name. An address, a port or a text is
never shown, because `Via` may hold anything.

Most proxies mark every reply that they pass on; few mark those that they write. A reply that was passed on keeps its own meaning where its
words are known; otherwise it may be the proxy's or the server's.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

import attrs

from translator.failures.bodies import PROXY_NAMED, proxy_named_in
from translator.failures.quoting import quotable
from translator.shapes.headers import as_headers

VALUE_CHARS = 1000
"""Of a header that are looked at, from its end: each proxy adds itself there, so the nearest is the last."""

SYSTEM = "system-proxy"
"""The name, in `Via`, of the proxy that the plugin itself sent a request to; for one that does not tell of itself."""


class Part(StrEnum):
    """What a proxy did; the value is for the page of errors."""

    NONE = ""
    PASSED = "passed on by a proxy"
    WROTE = "written by a proxy"


@attrs.frozen(slots=True, kw_only=True)
class Proxy:
    """A proxy on the way of a reply. `name` is empty when it is unknown; `is_system` when the plugin itself sent the request there."""

    part: Part = Part.NONE
    name: str = ""
    is_system: bool = False

    @property
    def shown(self) -> str:
        """How a sentence calls it."""
        match self.name, self.is_system:
            case "", True:
                return "the system proxy"
            case "", False:
                return "a proxy or gateway"
            case name, True:
                return f"a proxy ({name}, or the system proxy)"
            case name, _:
                return f"a proxy ({name})"


NO_PROXY = Proxy()
SYSTEM_PROXY = Proxy(part=Part.PASSED, is_system=True)

HOST = re.compile(r"(?=.*[a-z])[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?", re.IGNORECASE)
PASSED_ON = re.compile(
    r"(?:[a-z][\w-]{0,20}/)?\d(?:\.\d)?[ \t]+(?P<by>[^\s,()]{1,200})(?:[ \t]+\((?P<comment>[^()]{0,200})\))?", re.IGNORECASE
)
"""One step of `Via` (RFC 9110, 7.6.3): protocol, who received it, a comment."""
STATUS_MEMBER = re.compile(r"(?:^|,)\s*\"?(?P<by>[^\s\";,]{1,200})\"?\s*(?P<facts>(?:;[^,]{0,300})?)")
"""One member of `Proxy-Status` (RFC 9209): who, and what it has to say."""
FROM = re.compile(r"\bfrom\s+(?P<by>[^\s,;]{1,200})", re.IGNORECASE)


def _printable(name: str) -> str:
    """A brand, else a host name without its port; empty for anything that may be more than a name."""
    host = name.partition("/")[0] if ":" not in name else re.sub(r":\d{1,5}$", "", name)
    return proxy_named_in(name) or (host if HOST.fullmatch(host) and quotable(host) == host else "")


def _of_via(value: str) -> str:
    """The last step that has a name, which is the nearest."""
    steps = [proxy_named_in(step["comment"] or "") or _printable(step["by"]) for step in PASSED_ON.finditer(value)]
    return next(filter(None, reversed(steps)), "")


def _of_status(value: str) -> str:
    """Who reports an error, else the nearest."""
    members = list(STATUS_MEMBER.finditer(value))
    failed = [member for member in members if "error" in member["facts"]]
    return next(filter(None, (_printable(member["by"]) for member in reversed(failed or members))), "")


def _of_cache(value: str) -> str:
    seen = FROM.search(value)
    return _printable(seen["by"]) if seen else ""


def _always(name: str) -> Callable[[str], str]:
    return lambda _: name


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


@attrs.frozen(slots=True)
class Sign:
    """A header that tells of a proxy: which part it had when `pattern` is found in the value, and how the value names it."""

    header: str
    part: Part
    pattern: re.Pattern[str] = attrs.field(converter=_pattern)
    name: Callable[[str], str]


SIGNS: tuple[Sign, ...] = (
    Sign("x-squid-error", Part.WROTE, r"\S", _always("squid")),
    Sign("proxy-status", Part.WROTE, r";\s*error\s*=", _of_status),
    Sign("proxy-authenticate", Part.WROTE, r"\S", proxy_named_in),
    Sign("server", Part.WROTE, r"\b(?:squid|tinyproxy|privoxy|mitmproxy|zscaler)\b", proxy_named_in),
    Sign("via", Part.PASSED, r"\S", _of_via),
    Sign("proxy-status", Part.PASSED, r"\S", _of_status),
    Sign("x-cache", Part.PASSED, r"\bfrom\s", _of_cache),
    Sign("x-cache-lookup", Part.PASSED, r"\bfrom\s", _of_cache),
    Sign("server", Part.PASSED, PROXY_NAMED.pattern, proxy_named_in),
    Sign("cf-ray", Part.PASSED, r"\S", _always("cloudflare")),
    Sign("x-amz-cf-id", Part.PASSED, r"\S", _always("cloudfront")),
    Sign("x-varnish", Part.PASSED, r"\S", _always("varnish")),
    Sign("x-envoy-upstream-service-time", Part.PASSED, r"\S", _always("envoy")),
)
"""The first sign decides the part, the first name counts. Forward proxies put their name into `Server` only in replies of their own;
RFC 9110, 11.7.1: `Proxy-Authenticate` is for the next hop. Squid: src/errorpage.cc (X-Squid-Error), src/client_side_reply.cc (X-Cache).
"""


def proxy_in(headers: Mapping[str, str]) -> Proxy:
    """The proxy that these headers of a reply, in any case, tell of."""
    values = {name.lower(): value[-VALUE_CHARS:] for name, value in as_headers(headers).items()}
    seen = [sign for sign in SIGNS if sign.pattern.search(values.get(sign.header, ""))]
    names = [name for sign in seen if (name := sign.name(values[sign.header]))]
    return Proxy(
        part=seen[0].part if seen else Part.NONE,
        name=next((name for name in names if name != SYSTEM), ""),
        is_system=SYSTEM in names,
    )


def proxy_behind(headers: Mapping[str, str], page_by: str) -> Proxy:
    """The same for a reply whose body is a web page that names `page_by`; the page says more than the headers."""
    told = proxy_in(headers)
    return attrs.evolve(told, part=told.part or Part.PASSED, name=page_by) if page_by else told

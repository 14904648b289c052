"""Turns exceptions of aiohttp and the operating system into the codes and sentences of failed connections.

The text of an exception is never passed on: it may hold paths, addresses of proxies, or bytes of an answer.

Dify rests a load-balanced credential for ten seconds after a connection error and tries the next one, so everything that fails before
the request was accepted has the family CONNECTION; what fails later may have run on the server and is UNAVAILABLE.
"""

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from enum import StrEnum
from urllib.parse import SplitResult, unquote, urlsplit

import aiohttp
from aiohttp import http_exceptions

from plugin_entry.network.error_rows import ROWS, remedy_at
from plugin_entry.network.names import PATIENCE_S, NameTimeoutError
from translator.errors import ServerError
from translator.failures.proxies import proxy_in
from translator.settings.credentials import Timeouts


class AddressRefusedError(OSError):
    """A name leads to an address that nothing may be sent to."""


class ProxyTimeoutError(TimeoutError):
    """A proxy did not let us through to the server in time."""


CONNECTING = (aiohttp.ConnectionTimeoutError, ProxyTimeoutError)
"""What is raised when the time limit for connecting runs out."""


def ran_out(error: BaseException, limits: Timeouts) -> float:
    """The time limit, in seconds, that a request without a reply ran into if it ran into one."""
    connecting = limits.connect or limits.first_byte
    if isinstance(error, NameTimeoutError):
        return min(connecting or PATIENCE_S, PATIENCE_S)
    return connecting if isinstance(error, CONNECTING) else limits.first_byte


class Phase(StrEnum):
    """How far the exchange had come."""

    CONNECT = "connect"
    FIRST_BYTE = "first_byte"
    BODY = "body"


TYPES: tuple[tuple[type[BaseException], str], ...] = (
    (aiohttp.ClientHttpProxyError, "proxy_refused"),
    (aiohttp.ClientProxyConnectionError, "proxy_failed"),
    (AddressRefusedError, "address_refused"),
    (NameTimeoutError, "name_timeout"),
    (socket.gaierror, "name_not_resolved"),
    (aiohttp.ClientConnectorCertificateError, "tls_untrusted"),
    (ssl.SSLCertVerificationError, "tls_untrusted"),
    (aiohttp.ServerFingerprintMismatch, "tls_untrusted"),
    (ssl.SSLError, "tls_failed"),
    (ProxyTimeoutError, "proxy_silent"),
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (TimeoutError, "timeout"),
    (aiohttp.InvalidURL, "address_invalid"),
    (aiohttp.NonHttpUrlClientError, "address_invalid"),
    (http_exceptions.ContentEncodingError, "payload_encoding"),
    (aiohttp.ClientResponseError, "response_invalid"),
    (aiohttp.ServerDisconnectedError, "closed"),
    (ConnectionResetError, "closed"),
    (BrokenPipeError, "closed"),
    (ConnectionAbortedError, "closed"),
)
"""First match counts: subclasses stand before their bases."""

ERRNOS: dict[int, str] = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ETIMEDOUT: "timeout",
    errno.ECONNRESET: "closed",
    errno.ECONNABORTED: "closed",
    errno.EPIPE: "closed",
    errno.EMFILE: "too_many_files",
    errno.ENFILE: "too_many_files",
    errno.EACCES: "connection_blocked",
    errno.EPERM: "connection_blocked",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.ENETUNREACH: "host_unreachable",
    errno.EHOSTDOWN: "host_unreachable",
    errno.ENETDOWN: "host_unreachable",
    errno.EADDRNOTAVAIL: "host_unreachable",
    errno.EAFNOSUPPORT: "host_unreachable",
    errno.EINVAL: "host_unreachable",  # a link-local address without its zone
}
"""In order of weight: of several addresses of a host, one that refused says more than one without a route."""

BY_PHASE: dict[str, dict[Phase, str]] = {
    "timeout": {Phase.CONNECT: "connect_timeout", Phase.FIRST_BYTE: "first_byte_timeout", Phase.BODY: "stalled"},
    "closed": {Phase.CONNECT: "connect_reset", Phase.FIRST_BYTE: "connection_reset", Phase.BODY: "payload_cut"},
    "other": {Phase.CONNECT: "connect_failed", Phase.FIRST_BYTE: "transport_failed", Phase.BODY: "transport_failed"},
}

VERIFY_CODES: dict[int, str] = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its authority is unknown",
    20: "its authority is unknown",
    21: "its authority is unknown",
    62: "it is made for another host name",
    64: "it is made for another address",
}
"""OpenSSL's X509_V_ERR numbers."""

NO_WAY = "it cannot reach the server"
PROXY_STATUSES: dict[int, str] = {403: "its rules forbid it", 407: "it wants user and password", 502: NO_WAY, 503: NO_WAY, 504: NO_WAY}
"""Why a proxy opens no tunnel."""

NOWHERE = SplitResult("", "", "", "", "")


def describe_transport_error(error: BaseException, place: str, *, phase: Phase, limit_seconds: float | None = None) -> ServerError:
    """The failure in plain words.

    `place` is `BaseUrl.place`; anything but scheme, host and port in it is left out. `limit_seconds` is the time limit that ran out.
    An error of the connector counts as CONNECT whatever `phase` says, as aiohttp sends and connects in one call.
    """
    where = _split(place)
    code = _code(error, where, phase)
    row = ROWS[code]
    within = "" if limit_seconds is None else f" within {limit_seconds:g} seconds"
    cause = row.cause.format(place=_shown(where), within=within, detail=_detail(error))
    return ServerError.of(code, cause, remedy_at(code, where), family=row.family)


def _split(place: str) -> SplitResult:
    try:
        parts = urlsplit(place)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return NOWHERE
    return parts if is_whole else NOWHERE


def _code(error: BaseException, where: SplitResult, phase: Phase) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        phase = Phase.CONNECT
        if _is_other_host(error, where):
            return "proxy_failed"
    unknown = "name_not_resolved" if isinstance(error, aiohttp.ClientConnectorDNSError) else "other"
    kind = next((kind for link in _links(error) if (kind := _kind(link))), unknown)
    if kind == "other" and phase is not Phase.CONNECT and isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientConnectionError):
        kind = "closed"
    return BY_PHASE[kind][phase] if kind in BY_PHASE else kind


def _kind(error: BaseException) -> str:
    for type_, kind in TYPES:
        if isinstance(error, type_):
            return kind
    numbers = _numbers(error)
    return next((kind for number, kind in ERRNOS.items() if number in numbers), "")


def _numbers(error: BaseException) -> set[int]:
    """The error numbers; several attempts to connect end in one exception that has them only in its text."""
    if not isinstance(error, OSError):
        return set()
    return {error.errno} if error.errno is not None else {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(error))}


def _links(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what it wraps, each once."""
    waiting, seen = [error], set[int]()
    while waiting:
        link = waiting.pop(0)
        if id(link) not in seen:
            seen.add(id(link))
            yield link
            wrapped = (getattr(link, "os_error", None), getattr(link, "certificate_error", None), link.__cause__)
            waiting += [inner for inner in wrapped if isinstance(inner, BaseException)]


def _is_other_host(error: aiohttp.ClientConnectorError, where: SplitResult) -> bool:
    """True when the connection that failed did not go to the place itself, hence to a proxy."""
    asked = unquote(where.hostname or "")
    return bool(asked) and unquote(error.host).strip("[]").lower() != asked


def _detail(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError | aiohttp.ServerFingerprintMismatch):
        reasons = (VERIFY_CODES.get(getattr(link, "verify_code", 0)) for link in _links(error))
        return next(filter(None, reasons), "its check failed")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        said = (proxy_in(error.headers or {}).name, f"HTTP status {error.status}", PROXY_STATUSES.get(error.status, ""))
        return ", ".join(filter(None, said))
    return type(error).__name__


def _shown(where: SplitResult) -> str:
    host = where.netloc.rpartition("@")[2]
    return f"{where.scheme}://{host}" if host else "the base URL"

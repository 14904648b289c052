"""The sentences for connections that fail: one row per code, and hints for addresses that often fail.

Data only, also for a page of the documentation; `errors.py` decides which code an exception has.
"""

from collections.abc import Callable
from functools import partial
from urllib.parse import SplitResult

import attrs

from translator.addresses import is_loopback
from translator.errors import Family, ServerError
from translator.settings.base_url import CLOUD_HOST, OLLAMA_PORT


@attrs.frozen(slots=True)
class ErrorRow:
    """Family, cause and remedy; `{place}`, `{within}` and `{detail}` are filled in."""

    family: Family
    cause: str
    remedy: str


_connection = partial(ErrorRow, Family.CONNECTION)
"""The request was not accepted; Dify tries the next credential of a load-balanced model."""
_unavailable = partial(ErrorRow, Family.UNAVAILABLE)
"""The server may have worked on the request."""
_bad_request = partial(ErrorRow, Family.BAD_REQUEST)
"""Nothing but other settings will help."""

LISTENING = (
    "Check that Ollama runs there and that host and port of the base URL are right; to be reached from another machine or container "
    "it must listen on all addresses (OLLAMA_HOST=0.0.0.0) and the firewall must let the port through."
)
PROXY = "Check HTTP_PROXY and HTTPS_PROXY of Dify's plugin service, add the host to NO_PROXY, or set the use of the system proxy to never."
SERVER_LOG = "The server's log says why; out of memory and a restart are the usual reasons, or a proxy in between that gave up."

ROWS: dict[str, ErrorRow] = {
    "connection_refused": _connection("Nothing accepts connections at {place}.", LISTENING),
    "connect_timeout": _connection("The server at {place} did not accept a connection{within}.", LISTENING),
    "host_unreachable": _connection("No network route leads to {place}.", LISTENING),
    "connect_reset": _connection("The server at {place} closed the connection while it was being set up.", LISTENING),
    "connect_failed": _connection("The connection to {place} failed ({detail}).", LISTENING),
    "name_not_resolved": _connection(
        "The host name of {place} is unknown where Dify's plugin service runs.",
        "Check its spelling, and the name resolution inside the plugin service's container.",
    ),
    "name_timeout": _connection(
        "The host name of {place} could not be looked up{within}: the name servers did not answer in time.",
        "Try again; if it happens again, check the name servers of the plugin service's container, or use the IP address.",
    ),
    "address_refused": _bad_request(
        "The host name of {place} leads to the metadata service of a cloud, which hands out credentials and is no Ollama server.",
        "Use the address of the Ollama server.",
    ),
    "connection_blocked": _connection(
        "The operating system does not let the plugin connect to {place}.",
        "Allow the connection in the firewall or the sandbox rules of the machine that runs Dify's plugin service.",
    ),
    "tls_untrusted": _connection(
        "The certificate of {place} is not trusted: {detail}.",
        "Use the host name the certificate is made for, name its authority in the credentials, or switch verification off there.",
    ),
    "tls_failed": _connection(
        "No encrypted connection to {place} came about.",
        "If the server has no certificate, the base URL starts with http://; otherwise its TLS versions are too old or too strict.",
    ),
    "proxy_failed": _connection("The proxy on the way to {place} cannot be reached.", PROXY),
    "proxy_silent": _connection("The proxy on the way to {place} did not let the request through{within}.", PROXY),
    "proxy_refused": _connection("The proxy on the way to {place} refused to pass the request on ({detail}).", PROXY),
    "too_many_redirects": _connection(
        "The server at {place} redirects in a circle.",
        "Give the address at the end of the redirects as base URL.",
    ),
    "redirect_unusable": _connection(
        "The server at {place} redirects to something that is no http address.",
        "Give the address of Ollama itself as base URL.",
    ),
    "response_invalid": _connection(
        "What answers at {place} does not speak proper HTTP.",
        "Check the port of the base URL, and whether the server wants https://.",
    ),
    "redirect_elsewhere": _connection(
        "The server at {place} redirects to {detail}, where the request was not sent: it may hold a key, and that is another place.",
        "If you trust that address, enter it as the base URL; if it is a sign-in page, give the server's own address behind it.",
    ),
    "redirect_downgrade": _connection(
        "The server at {place} redirects from https to {detail}, which is not encrypted.",
        "Correct the proxy in front of the server, or enter the unencrypted address as the base URL.",
    ),
    "redirect_see_other": _connection(
        "The server at {place} answers with a redirect to a page (status 303) instead of an answer.",
        "That is no route of Ollama: check the base URL, and whether a sign-in page stands in front of the server.",
    ),
    "address_invalid": _bad_request("The address {place} cannot be asked.", "Correct the base URL."),
    "too_many_files": _unavailable(
        "The plugin process has no file handle left for a connection to {place}.",
        "Raise the limit of open files (ulimit -n) of Dify's plugin service, or send fewer requests at once.",
    ),
    "connection_reset": _unavailable("The server at {place} closed the connection before it answered.", SERVER_LOG),
    "first_byte_timeout": _unavailable(
        "The server at {place} took the request and answered nothing{within}.",
        "A large model may still be loading or a long prompt being read: raise the time limit for the first byte (0 = none), "
        "or keep the model loaded (keep_alive).",
    ),
    "stalled": _unavailable(
        "The server at {place} stopped in the middle of an answer and sent nothing more{within}.",
        "Raise the time limit between chunks (0 = none) if the machine is only slow; the server's log tells more.",
    ),
    "payload_cut": _unavailable("The connection to {place} ended in the middle of the answer.", SERVER_LOG),
    "payload_encoding": _unavailable(
        "The compressed answer of {place} cannot be unpacked.",
        "Switch compression off in the proxy in front of it.",
    ),
    "transport_failed": _unavailable("The exchange with {place} failed ({detail}).", SERVER_LOG),
}

OWN: dict[str, ErrorRow] = {
    "plugin_fault": _unavailable(
        "The plugin lost its connection to {place} through an error of its own.",
        "Try again; if it happens again, report it with the log of Dify's plugin service.",
    ),
    "plugin_stopping": _unavailable(
        "The plugin is being stopped or restarted, so this answer was ended.",
        "Try again in a moment.",
    ),
    "turn_timeout": _unavailable(
        "Earlier requests with the same settings kept the server at {place} busy for {detail}, so this one was not sent.",
        "Try again later, or raise the number of requests at a time in the model's settings if the server can do more.",
    ),
    "reply_too_large": _unavailable(
        "The reply of {place} is larger than {detail}.",
        "Check that the base URL leads to an Ollama server.",
    ),
}
"""For exchanges that the plugin itself ended: no exception of a connection leads here."""

NOT_CONNECTED = frozenset({"connection_refused", "connect_timeout", "host_unreachable", "connect_reset", "connect_failed"})

type Predicate = Callable[[SplitResult], bool]


def _host_ends_with(ending: str) -> Predicate:
    return lambda place: (place.hostname or "").endswith(ending)


HINTS: tuple[tuple[frozenset[str], Predicate, str], ...] = (
    (
        NOT_CONNECTED,
        lambda place: is_loopback(place.hostname or ""),
        "Inside a container localhost is the container itself: use host.docker.internal, the address of the Docker gateway "
        "(often 172.17.0.1), or the name of Ollama's service (http://ollama:11434).",
    ),
    (
        NOT_CONNECTED | {"response_invalid"},
        lambda place: place.scheme == "http" and place.port in (None, 80),
        f"Port 80 was tried; Ollama listens on {OLLAMA_PORT} unless told otherwise.",
    ),
    (
        frozenset({"tls_failed", "connect_reset"}),
        lambda place: place.scheme == "https" and place.port == OLLAMA_PORT,
        "Ollama itself speaks plain http: try http:// instead of https://.",
    ),
    (
        frozenset({"name_not_resolved"}),
        _host_ends_with(".docker.internal"),
        "On Linux this name exists only where the container has the line extra_hosts: host.docker.internal:host-gateway.",
    ),
    (
        frozenset({"name_not_resolved"}),
        _host_ends_with(".local"),
        "Names ending in .local are usually unknown inside containers: use the IP address.",
    ),
    (
        frozenset({"name_not_resolved"}),
        lambda place: "." not in (place.hostname or "."),
        "The name of a Docker service works only when Ollama and Dify's plugin service share a Docker network.",
    ),
)
"""More to say for certain places."""

CLOUD_REMEDY = "Check that Dify's plugin service may reach the internet, and its proxy settings."


def remedy_at(code: str, where: SplitResult) -> str:
    """What to do about `code` at a place, given as the split scheme, host and port."""
    if where.hostname == CLOUD_HOST and code in NOT_CONNECTED | {"name_not_resolved"}:
        return CLOUD_REMEDY
    hints = [hint for codes, applies, hint in HINTS if code in codes and applies(where)]
    return " ".join([ROWS[code].remedy, *hints])


def own_failure(code: str, place: str = "", detail: str = "") -> ServerError:
    """The error of an exchange that the plugin itself ended, one of `OWN`, or of a redirect that is not followed.

    `detail` fills the gap of that name in the row, such as where a redirect leads.
    """
    row = OWN.get(code) or ROWS[code]
    return ServerError.of(code, row.cause.format(place=place, detail=detail, within=""), row.remedy, family=row.family)

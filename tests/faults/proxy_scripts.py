"""What a proxy in between does in each fault: its own replies, and the server's with its headers on them.

The scripts work like those of `scripts.py`, and play them behind the proxy.
"""

from collections.abc import Callable, Mapping

from tests.faults import replies, scripts
from tests.faults.server import Script, Visit

SQUID: tuple[bytes, ...] = (b"Via: 1.1 cache7 (squid/5.7)",)
CADDY: tuple[bytes, ...] = (b"Via: 1.1 Caddy",)
SQUID_ITSELF = (*SQUID, b"Server: squid/5.7", b"X-Squid-Error: ERR_ACCESS_DENIED 0")
HTML, JSON = b"Content-Type: text/html", b"Content-Type: application/json"
PAGE = b"<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>by cache7 (squid)</body></html>"
SIGN_IN = b'Proxy-Authenticate: Basic realm="cache7"'


def passed(script: Script, headers: tuple[bytes, ...]) -> Script:
    """The server's own doing, through a proxy that says so."""

    def play(visit: Visit) -> None:
        visit.passed_by = headers
        script(visit)

    return play


def answered(status: bytes, *headers: bytes) -> Script:
    """A page of the proxy's own."""

    def play(visit: Visit) -> None:
        visit.whole(status, PAGE, HTML, b"Retry-After: 0", *headers)

    return play


def at_gate(status: bytes, *headers: bytes) -> Script:
    """A tunnel that is refused."""

    def play(visit: Visit) -> None:
        visit.whole(status, PAGE, HTML, *SQUID, *headers)
        visit.hang_up()

    return play


sign_in_at_gate = at_gate(b"407 Proxy Authentication Required", SIGN_IN)
forbidden_at_gate = at_gate(b"403 Forbidden")
unreached_at_gate = at_gate(b"502 Bad Gateway")


def opened_and_reset(visit: Visit) -> None:
    """A tunnel that ends before anything has passed through it."""
    visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    visit.reset()


def forbids_in_json(visit: Visit) -> None:
    visit.whole(b"403 Forbidden", replies.refused("denied by policy"), JSON)


def model_missing(visit: Visit) -> None:
    visit.whole(b"404 Not Found", replies.refused("model 'm' not found"), JSON)


PROXY_SCRIPTS: Mapping[str, Callable[[Visit], None]] = {
    "proxy": passed(scripts.good, SQUID),
    "proxy-silent": scripts.silent,
    "proxy-sign-in": answered(b"407 Proxy Authentication Required", SIGN_IN, *SQUID),
    "proxy-forbids": answered(b"403 Forbidden", *SQUID_ITSELF),
    "proxy-forbids-in-json": passed(forbids_in_json, SQUID),
    "proxy-sign-in-page": passed(scripts.html_page, SQUID),
    "proxy-502": answered(b"502 Bad Gateway", *SQUID),
    "proxy-503": answered(b"503 Service Unavailable", *SQUID_ITSELF),
    "proxy-504": answered(b"504 Gateway Timeout", *SQUID),
    "proxy-passes-a-refusal-on": passed(model_missing, SQUID),
    "proxy-cuts": passed(scripts.cut_inside_line, SQUID),
    "proxy-stalls": passed(scripts.stalled, SQUID),
    "proxy-without-via-cuts": scripts.cut_inside_line,
    "tunnel-cut": scripts.cut_inside_line,
    "tunnel-stalls": scripts.stalled,
    "reverse-proxy": passed(scripts.good, CADDY),
    "reverse-proxy-forbids": passed(forbids_in_json, CADDY),
    "reverse-proxy-cuts": passed(scripts.cut_inside_line, CADDY),
    "reverse-proxy-resets": passed(scripts.reset_after_first_byte, CADDY),
    "reverse-proxy-cuts-in-order": passed(scripts.cut_inside_line_in_order, CADDY),
    "reverse-proxy-stalls": passed(scripts.stalled, CADDY),
    "reverse-proxy-stalls-after-the-headers": passed(scripts.stalled_after_headers, CADDY),
}

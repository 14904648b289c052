"""Rows of the matrix with a proxy in between: a forward proxy that the environment names, with and without a tunnel, or a reverse proxy.

Data only. Loopback is asked without the environment's proxy, so these rows have the credential that forces it. Each error has to name the
proxy (`names`), except where the words are the server's own.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.faults.cells import WORKS, Expected, Fault, Kind, Outcome
from translator.errors import Family

SECTION = "A proxy in between"
SHORT = "0.8"
AUTHORITY = {"ca_certificate": (Path(__file__).parent.parent / "data" / "tls" / "authority.pem").read_text()}
DIRECT: Mapping[str, str] = {}
ALWAYS = {"proxy": "always"}
TUNNEL = ALWAYS | AUTHORITY
CONNECT, FIRST_BYTE, BETWEEN = {"connect_timeout": SHORT}, {"connect_timeout": SHORT, "first_byte_timeout": SHORT}, {"chunk_timeout": SHORT}
ANSWERS = (Kind.CHAT, Kind.GENERATE)
THE_PROXY, SQUID, CADDY, SYSTEM = "the proxy on the way", "a proxy (squid)", "a proxy (caddy)", "the system proxy"


def _no_way(code: str) -> Outcome:
    return Outcome(code, Family.CONNECTION)


def _away(code: str, delivered: str = "") -> Outcome:
    return Outcome(code, Family.UNAVAILABLE, delivered)


def _bad(code: str) -> Outcome:
    return Outcome(code, Family.BAD_REQUEST)


def _row(name: str, says: str, names: str, saved: Mapping[str, str], every: Expected, rest: Mapping[Kind, Expected] | None = None) -> Fault:
    expected = dict.fromkeys(Kind, every) | dict(rest or {})
    return Fault(name=name, section=SECTION, says=f"is behind {says}", names=names, saved=saved, expected=expected)


def _broken(code: str) -> tuple[Outcome, Mapping[Kind, Expected]]:
    """Broken in the second line of a stream."""
    return _away(code), dict.fromkeys(ANSWERS, _away(code, "text[Hel]"))


IN_ORDER: Mapping[Kind, Expected] = {
    Kind.EMBED: _away("embed_reply_unreadable"),
    Kind.RERANK: _away("rerank_reply_unreadable"),
    Kind.VALIDATE: _bad("model_description"),
}


def proxy_rows() -> Iterator[Fault]:
    """All of them, forward proxies first."""
    yield _row("proxy", "a proxy that passes everything on", "", ALWAYS, WORKS)
    yield _row("proxy-down", "a proxy that does not run", THE_PROXY, ALWAYS, _no_way("proxy_failed"))
    yield _row("proxy-black-hole", "a proxy that swallows everything", THE_PROXY, ALWAYS | CONNECT, _no_way("proxy_silent"))
    yield _row("proxy-silent", "a proxy that never answers", SYSTEM, ALWAYS | FIRST_BYTE, _away("first_byte_timeout"))
    yield _row("proxy-sign-in", "a proxy that wants a password (407)", SQUID, ALWAYS, _bad("proxy_sign_in"))
    yield _row("proxy-forbids", "a proxy that bars the way (403, a page)", SQUID, ALWAYS, _bad("proxy_refused"))
    yield _row("proxy-forbids-in-json", "a proxy that says 403 in JSON", SQUID, ALWAYS, _bad("proxy_or_key"))
    yield _row("proxy-sign-in-page", "a proxy that answers with a page of its own (200)", "proxy", ALWAYS, _bad("not_ollama"), IN_ORDER)
    yield _row("proxy-502", "a proxy that does not reach it (502)", SQUID, ALWAYS, _away("proxy_gateway"))
    yield _row("proxy-503", "a proxy that does not reach it (503)", SQUID, ALWAYS, _away("proxy_gateway"))
    yield _row(
        "proxy-504",
        "a proxy that does not wait for it (504)",
        SQUID,
        ALWAYS,
        _away("proxy_timeout"),
        {Kind.RERANK: _away("rerank_failed")},
    )
    missing = {Kind.RERANK: _bad("rerank_model_unknown")}
    yield _row("proxy-passes-a-refusal-on", "a proxy, and has no such model", "", ALWAYS, _bad("model_missing"), missing)
    yield _row("proxy-cuts", "a proxy that ends the answer inside a line", SQUID, ALWAYS, *_broken("payload_cut"))
    yield _row("proxy-without-via-cuts", "a proxy that does the same and has no `Via`", SYSTEM, ALWAYS, *_broken("payload_cut"))
    yield _row("proxy-stalls", "a proxy that stops inside the answer", SQUID, ALWAYS | BETWEEN, *_broken("stalled"))
    yield _row("tunnel", "a proxy that opens a tunnel (https)", "", TUNNEL, WORKS)
    yield _row("tunnel-sign-in", "a proxy that wants a password for a tunnel (407)", "squid", TUNNEL, _no_way("proxy_refused"))
    yield _row("tunnel-forbidden", "a proxy that opens no tunnel there (403)", "squid", TUNNEL, _no_way("proxy_refused"))
    yield _row("tunnel-502", "a proxy whose tunnel does not reach it (502)", "squid", TUNNEL, _no_way("proxy_refused"))
    yield _row("tunnel-closed", "a proxy that closes the connection instead of a tunnel", SYSTEM, TUNNEL, _away("connection_reset"))
    yield _row("tunnel-reset", "a proxy that opens the tunnel and ends it at once", SYSTEM, TUNNEL, _no_way("connect_reset"))
    yield _row("tunnel-silent", "a proxy that never opens the tunnel", THE_PROXY, TUNNEL | CONNECT, _no_way("proxy_silent"))
    yield _row("tunnel-cut", "a tunnel that is cut inside a line", SYSTEM, TUNNEL, *_broken("payload_cut"))
    yield _row("tunnel-stalls", "a tunnel in which nothing moves any more", SYSTEM, TUNNEL | BETWEEN, *_broken("stalled"))
    yield _row("reverse-proxy", "a reverse proxy", "", DIRECT, WORKS)
    yield _row("reverse-proxy-forbids", "a reverse proxy that says 403 in JSON", CADDY, DIRECT, _bad("proxy_or_key"))
    yield _row("reverse-proxy-cuts", "a reverse proxy that ends the answer inside a line", CADDY, DIRECT, *_broken("payload_cut"))
    yield _row(
        "reverse-proxy-resets",
        "a reverse proxy that resets the connection in the second line",
        CADDY,
        DIRECT,
        *_broken("payload_cut"),
    )
    yield _row(
        "reverse-proxy-cuts-in-order",
        "a reverse proxy that ends the answer inside a line, in good order",
        "proxy",
        DIRECT,
        _away("cut_short", "text[Hel]"),
        IN_ORDER,
    )
    yield _row("reverse-proxy-stalls", "a reverse proxy that stops inside the answer", CADDY, BETWEEN, *_broken("stalled"))
    yield _row(
        "reverse-proxy-stalls-after-the-headers",
        "a reverse proxy that says nothing after its headers",
        CADDY,
        BETWEEN,
        _away("stalled"),
    )

"""The table: what can go wrong between Dify's plugin and a server, row by row, and what a user gets for it, cell by cell. Data only.

A row holds for seven operations (`cells.Operation`). What is expected of `every` operation is overridden for the `rest`, by name, and for
`answers`, which are chat and completion, streamed and whole. An outcome names the plugin's code for the error, whose sentences are in the
catalogue; the class that Dify shows follows from its family, and is CredentialsValidateFailedError wherever a form is checked.
"""

from collections.abc import Mapping

import attrs

from tests.faults.cells import WORKS, Cell, Expected, Fault, Kind, NotApplicable, Outcome, Reply, cells_of
from tests.faults.proxied import AUTHORITY, BETWEEN, CONNECT, FIRST_BYTE, proxy_rows
from tests.faults.refusals import refusal_rows
from translator.errors import Family

ONE_DOCUMENT = NotApplicable("the answer is one JSON document")


def _no_way(code: str) -> Outcome:
    return Outcome(code, Family.CONNECTION)


def _away(code: str, delivered: str = "") -> Outcome:
    return Outcome(code, Family.UNAVAILABLE, delivered)


def _bad(code: str, delivered: str = "") -> Outcome:
    return Outcome(code, Family.BAD_REQUEST, delivered)


NOTHING_ELSE: Mapping[str, Expected] = {}
UNREADABLE: Mapping[str, Expected] = {
    "embed": _away("embed_reply_unreadable"),
    "rerank": _away("rerank_reply_unreadable"),
    "validate": _bad("model_description"),
}
"""A document that is not what was asked for."""
NO_DOCUMENT: Mapping[str, Expected] = dict.fromkeys(("embed", "rerank", "validate"), ONE_DOCUMENT)


def _row(
    name: str,
    says: str,
    every: Expected = WORKS,
    *,
    answers: Expected | None = None,
    rest: Mapping[str, Expected] = NOTHING_ELSE,
    reply: Reply = Reply.PLAIN,
    saved: Mapping[str, str] | None = None,
) -> Fault:
    expected: dict[Kind, Expected] = {kind: rest.get(kind.value, every) for kind in Kind}
    if answers is not None:
        expected |= dict.fromkeys((Kind.CHAT, Kind.GENERATE), answers)
    return Fault(name=name, section="", says=says, expected=expected, reply=reply, saved=saved or {})


SECTIONS: Mapping[str, tuple[Fault, ...]] = {
    "No connection": (
        _row("connection-refused", "does not run", _no_way("connection_refused")),
        _row("name-not-resolved", "has a name that nobody knows", _no_way("name_not_resolved")),
        _row("black-hole", "is behind a firewall that swallows everything", _no_way("connect_timeout"), saved=CONNECT),
        _row("plain-http-behind-https", "speaks plain http, the base URL says https", _no_way("tls_failed")),
        _row("https-behind-http", "speaks https, the base URL says http", _bad("https_expected"), rest={"rerank": _bad("rerank_refused")}),
        _row("silent-behind-https", "takes the connection and never begins with TLS", _no_way("connect_timeout"), saved=CONNECT),
        _row("certificate-of-an-unknown-authority", "has a certificate of an authority that nobody knows", _no_way("tls_untrusted")),
        _row("certificate-for-another-name", "has the certificate of another host", _no_way("tls_untrusted"), saved=AUTHORITY),
        _row("own-authority", "has a certificate of the authority in the form", saved=AUTHORITY),
        _row("another-protocol", "is a mail server", _no_way("response_invalid")),
    ),
    "Nothing comes back": (
        _row("never-accepted", "lets the connection wait and never takes it", _away("first_byte_timeout"), saved=FIRST_BYTE),
        _row("never-answered", "takes the request and says nothing", _away("first_byte_timeout"), saved=FIRST_BYTE),
        _row("slow-headers", "begins its headers and does not end them", _away("first_byte_timeout"), saved=FIRST_BYTE),
        _row("reset-before-the-first-byte", "resets the connection after the request, each time", _away("connection_reset")),
        _row("closed-before-the-first-byte", "closes the connection after the request, each time", _away("connection_reset")),
        _row("closed-inside-headers", "closes the connection in the middle of its headers", _away("connection_reset")),
        _row("reset-once", "resets the connection once, as one that restarts", rest={"validate": _away("connection_reset")}),
    ),
    "Redirected": (
        _row("redirect-to-itself", "redirects to another address of its own (307)"),
        _row("redirect-with-301", "redirects with 301, after which most programs lose the request's body"),
        _row("redirect-elsewhere", "redirects to another host", _no_way("redirect_elsewhere")),
        _row("redirect-loop", "redirects in a circle", _no_way("too_many_redirects")),
        _row("redirect-see-other", "redirects to a page (303)", _no_way("redirect_see_other")),
        _row("redirect-without-address", "redirects without an address", _no_way("redirect_unusable")),
    ),
    "The connection breaks inside the answer": (
        _row("reset-after-the-headers", "resets the connection after its headers", _away("payload_cut")),
        _row(
            "reset-after-the-first-byte",
            "resets the connection in the second line",
            _away("payload_cut"),
            answers=_away("payload_cut", "text[Hel]"),
        ),
        _row("cut-inside-a-line", "closes the connection inside a line", _away("payload_cut"), answers=_away("payload_cut", "text[Hel]")),
        _row(
            "cut-inside-a-line-in-order",
            "ends the answer inside a line, in good order",
            answers=_away("cut_short", "text[Hel]"),
            rest=UNREADABLE,
        ),
        _row(
            "cut-inside-a-character",
            "closes the connection inside a character",
            _away("payload_cut"),
            answers=_away("payload_cut", "text[Hel]"),
        ),
        _row(
            "cut-inside-a-chunk",
            "closes the connection inside an HTTP chunk",
            _away("payload_cut"),
            answers=_away("payload_cut", "text[Hel]"),
        ),
        _row(
            "cut-inside-a-chunk-size",
            "closes the connection inside the size of a chunk",
            _away("payload_cut"),
            answers=_away("payload_cut", "text[Hel]"),
        ),
        _row("broken-chunk-size", "sends a chunk size that is no number", _away("payload_cut"), answers=_away("payload_cut", "text[Hel]")),
        _row(
            "shorter-than-announced",
            "sends fewer bytes than Content-Length says",
            _away("payload_cut"),
            answers=_away("payload_cut", "text[Hel]"),
        ),
        _row("stalled-after-the-headers", "says nothing after its headers", _away("stalled"), saved=BETWEEN),
        _row(
            "stalled-stream",
            "stops inside the answer and keeps the connection",
            _away("stalled"),
            answers=_away("stalled", "text[Hel]"),
            saved=BETWEEN,
        ),
        _row(
            "stalled-while-thinking",
            "stops while the model thinks",
            answers=_away("stalled", "think[hm]"),
            rest=NO_DOCUMENT,
            reply=Reply.THOUGHT,
            saved=BETWEEN,
        ),
        _row("broken-gzip", "says gzip and sends something else", _away("payload_encoding")),
        _row("cut-gzip", "ends a compressed answer too early", answers=_away("cut_short", "text[Hello]"), rest=UNREADABLE),
    ),
    "The answer is none": (
        _row("empty-answer", "answers 200 and nothing", answers=_away("cut_short"), rest=UNREADABLE),
        _row("no-content", "answers 204", _away("unknown"), rest={"rerank": _away("rerank_failed")}),
        _row("web-page", "answers 200 with a web page", answers=_bad("not_ollama"), rest=UNREADABLE),
        _row("other-json", "answers 200 with JSON of another service", answers=_away("cut_short"), rest=UNREADABLE),
        _row("request-echoed", "refuses and repeats all it was sent", _bad("unknown"), rest={"rerank": _bad("rerank_refused")}),
        _row("json-list", "answers 200 with a JSON list", answers=_away("cut_short"), rest=UNREADABLE),
        _row("garbage-line", "sends a line that is no JSON", answers=_away("garbled_line", "text[Hel]"), rest=UNREADABLE),
        _row("endless-line", "sends a line that never ends", _away("reply_too_large"), answers=_away("line_too_long", "text[Hel]")),
        _row(
            "error-first",
            "answers 200 with an error as its first line",
            _away("runner_crashed"),
            rest={"rerank": _away("rerank_reply_unreadable")},
        ),
        _row("error-after-text", "sends an error after some text", answers=_away("runner_crashed", "text[Hel]"), rest=NO_DOCUMENT),
        _row(
            "error-after-thinking-opened",
            "sends an error while the model thinks",
            answers=_away("runner_crashed", "think[hm]"),
            rest=NO_DOCUMENT,
            reply=Reply.THOUGHT,
        ),
        _row(
            "error-between-tool-calls",
            "sends an error between two tool calls",
            answers=_away("runner_crashed"),
            rest=NO_DOCUMENT,
            reply=Reply.CALLS,
        ),
        _row(
            "tool-call-cut",
            "closes the connection inside the second tool call",
            answers=_away("payload_cut"),
            rest=NO_DOCUMENT,
            reply=Reply.CALLS,
        ),
        _row(
            "tool-call-cut-in-order",
            "ends the answer inside the second tool call",
            answers=_away("cut_short"),
            rest=NO_DOCUMENT,
            reply=Reply.CALLS,
        ),
        _row("done-missing", "ends the answer without its last line", answers=_away("cut_short", "text[Hello]"), rest=NO_DOCUMENT),
        _row(
            "done-missing-after-calls",
            "ends the answer after two tool calls, without its last line",
            answers=_away("cut_short"),
            rest=NO_DOCUMENT,
            reply=Reply.CALLS,
        ),
        _row(
            "closed-without-done",
            "closes a connection without framing before the last line",
            answers=_away("cut_short", "text[Hello]"),
            rest=NO_DOCUMENT,
        ),
        _row("only-loaded", "loads the model and generates nothing", answers=_bad("only_loaded"), rest=NO_DOCUMENT),
        _row(
            "length-while-thinking",
            "ends the answer inside the thinking (length)",
            answers=_bad("thinking_spent_everything", "think[hm]"),
            rest=NO_DOCUMENT,
            reply=Reply.THOUGHT,
        ),
    ),
    "Strange, and no fault": (
        _row("bytes-after-done", "goes on after its last line", WORKS, rest=UNREADABLE),
        _row("flood-after-done", "goes on after its last line and never stops", _away("reply_too_large"), answers=WORKS),
        _row("kept-open-after-done", "never ends the body after its last line", _away("stalled"), answers=WORKS, saved=BETWEEN),
        _row("wrong-content-type", "calls its answer text/plain"),
        _row("gzip", "compresses its answer (gzip)"),
        _row("deflate", "compresses its answer (deflate)"),
        _row("continue-100", "says 100 Continue first"),
        _row("early-hints-103", "says 103 Early Hints first"),
        _row("until-closed", "speaks HTTP/1.0 and ends its answer by closing"),
        _row("byte-by-byte", "sends every byte in a chunk of its own"),
        _row("blank-lines", "sends blank lines and CR LF"),
        _row("byte-order-mark", "begins with a byte order mark"),
    ),
}

FAULTS: tuple[Fault, ...] = (
    *(attrs.evolve(row, section=section) for section, rows in SECTIONS.items() for row in rows),
    *proxy_rows(),
    *refusal_rows(),
)
CELLS: tuple[Cell, ...] = tuple(cell for fault in FAULTS for cell in cells_of(fault))

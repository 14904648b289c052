"""What the server does in each fault, byte by byte, on the one route where it is not healthy. One function per row of the table.

A script gets a `Visit`: a request with its good answer. A script that returns leaves the
connection open for the next request; one that never does is ended by the client.
"""

import gzip
import zlib
from collections.abc import Callable, Mapping
from http import HTTPStatus

from tests.faults import replies
from tests.faults.refusals import BODIES
from tests.faults.server import OK, Script, Visit

PAGE = b"<!DOCTYPE html>\n<html><head><title>Welcome to nginx!</title></head><body>hello</body></html>\n"
BLOCK = b"x" * 262144


def _first(visit: Visit) -> bytes:
    """What comes before a cut: the first line of a stream, nothing of a whole answer."""
    return visit.lines[0] if visit.streams else b""


def _half(visit: Visit) -> bytes:
    """The line that is cut, up to its middle."""
    line = visit.lines[1 if visit.streams else 0]
    return line[: len(line) // 2]


def _whole(visit: Visit) -> bytes:
    return b"".join(visit.lines)


# --- before the first byte -------------------------------------------------------------------------------------------------------


def good(visit: Visit) -> None:
    visit.answer(*visit.lines)


def silent(visit: Visit) -> None:
    visit.hold()


def slow_headers(visit: Visit) -> None:
    visit.send(OK + b"Content-")
    visit.hold()


def reset(visit: Visit) -> None:
    visit.reset()


def closed(visit: Visit) -> None:
    visit.hang_up()


def closed_in_headers(visit: Visit) -> None:
    visit.send(OK + b"Content-Type: app")
    visit.hang_up()


def reset_once(visit: Visit) -> None:
    if visit.tries == 1:
        visit.reset()
    visit.answer(*visit.lines)


def another_protocol(visit: Visit) -> None:
    visit.send(b"220 mail.example ESMTP\r\n")
    visit.hang_up()


# --- the connection, inside the answer -------------------------------------------------------------------------------------------


def reset_after_headers(visit: Visit) -> None:
    visit.begin()
    visit.reset()


def reset_after_first_byte(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit) + _half(visit))
    visit.reset()


def cut_inside_line(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit) + _half(visit))
    visit.hang_up()


def cut_inside_line_in_order(visit: Visit) -> None:
    visit.answer(_first(visit), _half(visit))


def cut_inside_character(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit) + _half(visit) + "é".encode()[:1])
    visit.hang_up()


def cut_inside_chunk(visit: Visit) -> None:
    visit.begin()
    data = _first(visit) + _half(visit)
    visit.send(b"%x\r\n%b" % (len(data) + 100, data))
    visit.hang_up()


def cut_inside_chunk_size(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit) or _half(visit))
    visit.send(b"1")
    visit.hang_up()


def broken_chunk_size(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit) or _half(visit))
    visit.wait_until_heard()
    visit.send(b"zz\r\n" + _half(visit))
    visit.hold()


def shorter_than_announced(visit: Visit) -> None:
    data = _first(visit) + _half(visit)
    visit.send(OK + b"Content-Length: %d\r\n\r\n%b" % (len(data) + 100, data))
    visit.hang_up()


def stalled(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit) + _half(visit))
    visit.hold()


def stalled_after_headers(visit: Visit) -> None:
    visit.begin()
    visit.hold()


def empty(visit: Visit) -> None:
    visit.answer()


# --- what is said ----------------------------------------------------------------------------------------------------------------


def garbage_line(visit: Visit) -> None:
    visit.answer(_first(visit), b"\x00\xff{]]\n", *visit.lines[1:])


def endless_line(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_first(visit))
    while True:
        visit.chunk(BLOCK)


def html_page(visit: Visit) -> None:
    visit.whole(b"200 OK", PAGE, b"Content-Type: text/html; charset=utf-8")


def other_json(visit: Visit) -> None:
    visit.whole(b"200 OK", b'{"status":"ok"}', b"Content-Type: application/json")


def json_list(visit: Visit) -> None:
    visit.whole(b"200 OK", b"[1,2,3]", b"Content-Type: application/json")


def error_first(visit: Visit) -> None:
    visit.answer(replies.refused("model runner has unexpectedly stopped"))


def error_after_first_line(visit: Visit) -> None:
    visit.answer(visit.lines[0], replies.refused("model runner has unexpectedly stopped"), *visit.lines[1:])


def call_cut(visit: Visit) -> None:
    visit.begin()
    visit.chunk(visit.lines[0] + visit.lines[1][:-30])
    visit.hang_up()


def call_cut_in_order(visit: Visit) -> None:
    visit.answer(visit.lines[0] + visit.lines[1][:-30])


def no_done(visit: Visit) -> None:
    visit.answer(*visit.lines[:-1])


def only_loaded(visit: Visit) -> None:
    visit.answer(replies.done(visit.route, done_reason="load"))


def length_while_thinking(visit: Visit) -> None:
    visit.answer(visit.lines[0], replies.done(visit.route, done_reason="length"))


def no_content(visit: Visit) -> None:
    visit.send(b"HTTP/1.1 204 No Content\r\n\r\n")


def echo(visit: Visit) -> None:
    words = b"; ".join(b"%b: %b" % header for header in visit.headers.items()) + b"; " + visit.body
    said = replies.refused("cannot take the request " + words.decode("utf-8", "replace"))
    visit.whole(b"400 Bad Request", said, b"Content-Type: application/json")


# --- strange, and to be borne ----------------------------------------------------------------------------------------------------


def after_done(visit: Visit) -> None:
    visit.answer(_whole(visit) + b'{"surprise":1}\n', b"\xff\x00 and more\n")


def kept_open(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_whole(visit))
    visit.hold()


def flood_after_done(visit: Visit) -> None:
    visit.begin()
    visit.chunk(_whole(visit))
    while True:
        visit.chunk(BLOCK)


def wrong_type(visit: Visit) -> None:
    visit.answer(*visit.lines, content_type=b"text/plain")


def gzipped(visit: Visit) -> None:
    visit.begin(b"Content-Encoding: gzip")
    visit.chunk(gzip.compress(_whole(visit)))
    visit.finish()


def deflated(visit: Visit) -> None:
    visit.begin(b"Content-Encoding: deflate")
    visit.chunk(zlib.compress(_whole(visit)))
    visit.finish()


def broken_gzip(visit: Visit) -> None:
    visit.begin(b"Content-Encoding: gzip")
    visit.chunk(b"this is not compressed")
    visit.finish()


def cut_gzip(visit: Visit) -> None:
    visit.begin(b"Content-Encoding: gzip")
    visit.chunk(gzip.compress(_whole(visit))[:-20])
    visit.finish()


def informed(status: bytes) -> Script:
    def script(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 " + status + b"\r\n\r\n")
        visit.answer(*visit.lines)

    return script


def until_closed(visit: Visit) -> None:
    visit.send(b"HTTP/1.0 200 OK\r\n\r\n" + _whole(visit))
    visit.hang_up()


def until_closed_without_done(visit: Visit) -> None:
    visit.send(b"HTTP/1.0 200 OK\r\n\r\n" + b"".join(visit.lines[:-1]))
    visit.hang_up()


def byte_by_byte(visit: Visit) -> None:
    data = _whole(visit)
    visit.begin()
    for start in range(len(data)):
        visit.chunk(data[start : start + 1])
    visit.finish()


def blank_lines(visit: Visit) -> None:
    visit.answer(*(b"\r\n\n" + line.replace(b"\n", b"\r\n") for line in visit.lines))


def byte_order_mark(visit: Visit) -> None:
    visit.answer(b"\xef\xbb\xbf" + visit.lines[0], *visit.lines[1:])


def redirected(location: str, status: bytes = b"307 Temporary Redirect") -> Script:
    """`{host}` stands for the server's own address, `{path}` for the path that was asked."""

    def script(visit: Visit) -> None:
        if visit.tries == 2 and "again" not in location:
            visit.answer(*visit.lines)
            return
        target = location.format(host=visit.headers[b"host"].decode(), path=visit.route)
        visit.whole(status, b"", *([b"Location: " + target.encode()] if target else []))

    return script


def refusing(status: int, shape: str) -> Script:
    """A refusal with a status and one of the bodies that the wire knows."""

    def script(visit: Visit) -> None:
        content_type, body = BODIES[shape]
        kind = [b"Content-Type: " + content_type] if content_type else []
        visit.whole(b"%d %b" % (status, HTTPStatus(status).phrase.encode()), body, b"Retry-After: 0", *kind)

    return script


SCRIPTS: Mapping[str, Callable[[Visit], None]] = {
    "never-answered": silent,
    "slow-headers": slow_headers,
    "reset-before-the-first-byte": reset,
    "reset-once": reset_once,
    "closed-before-the-first-byte": closed,
    "closed-inside-headers": closed_in_headers,
    "another-protocol": another_protocol,
    "reset-after-the-headers": reset_after_headers,
    "reset-after-the-first-byte": reset_after_first_byte,
    "cut-inside-a-line": cut_inside_line,
    "cut-inside-a-line-in-order": cut_inside_line_in_order,
    "cut-inside-a-character": cut_inside_character,
    "cut-inside-a-chunk": cut_inside_chunk,
    "cut-inside-a-chunk-size": cut_inside_chunk_size,
    "broken-chunk-size": broken_chunk_size,
    "shorter-than-announced": shorter_than_announced,
    "stalled-stream": stalled,
    "stalled-while-thinking": stalled,
    "stalled-after-the-headers": stalled_after_headers,
    "empty-answer": empty,
    "no-content": no_content,
    "garbage-line": garbage_line,
    "endless-line": endless_line,
    "web-page": html_page,
    "other-json": other_json,
    "json-list": json_list,
    "error-first": error_first,
    "error-after-text": error_after_first_line,
    "error-after-thinking-opened": error_after_first_line,
    "error-between-tool-calls": error_after_first_line,
    "tool-call-cut": call_cut,
    "tool-call-cut-in-order": call_cut_in_order,
    "done-missing": no_done,
    "done-missing-after-calls": no_done,
    "closed-without-done": until_closed_without_done,
    "only-loaded": only_loaded,
    "request-echoed": echo,
    "length-while-thinking": length_while_thinking,
    "broken-gzip": broken_gzip,
    "cut-gzip": cut_gzip,
    "bytes-after-done": after_done,
    "kept-open-after-done": kept_open,
    "flood-after-done": flood_after_done,
    "wrong-content-type": wrong_type,
    "gzip": gzipped,
    "deflate": deflated,
    "continue-100": informed(b"100 Continue"),
    "early-hints-103": informed(b"103 Early Hints\r\nLink: </style.css>; rel=preload"),
    "until-closed": until_closed,
    "byte-by-byte": byte_by_byte,
    "blank-lines": blank_lines,
    "byte-order-mark": byte_order_mark,
    "redirect-to-itself": redirected("http://{host}{path}"),
    "redirect-with-301": redirected("{path}", b"301 Moved Permanently"),
    "redirect-elsewhere": redirected("http://elsewhere.invalid/login"),
    "redirect-loop": redirected("{path}?again"),
    "redirect-see-other": redirected("/login", b"303 See Other"),
    "redirect-without-address": redirected("", b"302 Found"),
}

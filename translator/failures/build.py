"""Builds the `ServerError` of a server's refusal, of an error inside a stream, and of a reply that broke.

The message is a cause and a remedy from the catalogue. It may quote a short piece of the server's own words, without secrets and echoes
of the request. These functions raise nothing, whatever comes in.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import attrs

from translator.errors import ServerError
from translator.failures.bodies import FailureText, Shape, unwrap, unwrap_text, unwrap_value
from translator.failures.catalogue import LOADING, RETRYABLE, STREAM_FAULTS, problem_of
from translator.failures.http import HTTP
from translator.failures.proxies import Proxy, proxy_behind, proxy_in
from translator.failures.quoting import printable_name
from translator.failures.row import Moment, Refusal, facts_of, filled, proxy_sentence
from translator.failures.stream import IN_BETWEEN
from translator.limits import MIB
from translator.shapes.headers import as_headers

IN_STREAM = 200
"""The status of an error inside a stream; before 0.12.6 also of an error that is the first line."""


def failure_from_reply(
    status: int,
    body: bytes,
    *,
    content_type: str = "",
    model: str = "",
    route: str = "/api/chat",
    headers: Mapping[str, str] | None = None,
) -> ServerError:
    """The error of a whole reply.

    `status` is the HTTP status, `body` its bytes (the first 64 KiB matter), `route` the path that was asked, `model` the name that
    was sent. `headers` are the reply's, in any case; they name a proxy and give the content type when `content_type` is empty.
    """
    told = as_headers(headers or {})
    found = unwrap(body, content_type or told.first("Content-Type"))
    return _server_error(found, status=status, model=model, route=route, proxy=proxy_behind(told, found.page_by))


def failure_in_stream(error: object, *, model: str = "", route: str = "/api/chat") -> ServerError:
    """The error of a line `{"error": ...}` inside a stream; `error` is the decoded line or the value of its `error` key."""
    found = unwrap_text(error) if isinstance(error, str) else unwrap_value(error) or FailureText(kind=Shape.NAMELESS)
    return _server_error(found, status=IN_STREAM, model=model, route=route, proxy=proxy_behind({}, found.page_by), moment=Moment.STREAM)


def is_retryable(error: ServerError) -> bool:
    """Whether the same request may succeed within seconds. Valid only as long as no byte of an answer was read."""
    return error.code in RETRYABLE


def is_loading(error: ServerError) -> bool:
    """Whether the server refuses only until a model is loaded: worth asking again for as long as one waits for a first byte."""
    return error.code in LOADING


def _stream_fault(code: str, model: str = "", **facts: str) -> ServerError:
    refusal = Refusal(status=IN_STREAM, found=FailureText(), model=model)
    return ServerError(filled(STREAM_FAULTS[code], facts_of(refusal, {}) | facts))


def _line_fault(code: str, line_number: int, length: int) -> ServerError:
    return _stream_fault(code, line=f"{line_number:,}", length=f"{length:,} bytes")


garbled_line = partial(_line_fault, "garbled_line")
"""A line, by its number from 1 and its length in bytes, is no JSON object."""
line_too_long = partial(_line_fault, "line_too_long")
"""A line had so many bytes when reading it was given up."""
line_too_full = partial(_line_fault, "line_too_full")
"""A line holds more values than a reply line may."""
only_loaded = partial(_stream_fault, "only_loaded")
"""The reply of a model has `done_reason` load or unload: nothing was generated."""
call_without_tool = partial(_stream_fault, "call_without_tool")
"""A tool call is named by markup of the model's format, which leads to no tool."""
arguments_unreadable = partial(_stream_fault, "arguments_unreadable")
"""The arguments of a tool call are a text that is no object."""
empty_answer = partial(_stream_fault, "empty_answer")
"""The reply ended well, and nothing in it can be shown. The same request often gets an answer when it is sent once more."""
thinking_spent_everything = partial(_stream_fault, "thinking_spent_everything")
"""The reply ended with `done_reason` length, with thinking and without an answer."""


def cut_short(lines: int, model: str = "") -> ServerError:
    """The reply or its connection ended after `lines` lines, without `done`."""
    where = "before its first line" if lines < 1 else "after 1 line" if lines == 1 else f"after {lines:,} lines"
    return _stream_fault("cut_short", model, where=where)


def answer_too_large(length: int, limit: int, model: str = "") -> ServerError:
    """Text, thinking and tool arguments had `length` bytes when reading the answer was given up, because `limit` bytes are allowed."""
    return _stream_fault("answer_too_large", model, length=f"{length:,} bytes", limit=_size(limit))


def calls_too_large(length: int, model: str = "") -> ServerError:
    """The tool calls of an answer have at least `length` bytes."""
    return _stream_fault("calls_too_large", model, length=f"{length:,} bytes")


def too_many_calls(limit: int, model: str = "") -> ServerError:
    """The answer holds more than `limit` tool calls."""
    return _stream_fault("too_many_calls", model, limit=f"{limit:,}")


def says_nothing(lines: int) -> ServerError:
    """More than `lines` lines in a row held nothing that belongs to an answer."""
    return _stream_fault("says_nothing", limit=f"{lines:,}")


def reply_without_end(limit: int) -> ServerError:
    """The reply had not ended when `limit` bytes of it were read (a line counts for 1 KiB more)."""
    return _stream_fault("reply_without_end", limit=_size(limit))


def time_is_up(seconds: float, model: str = "") -> ServerError:
    """Nothing that can be shown came within the time limit of a whole answer."""
    return _stream_fault("time_up", model, limit=f"{seconds:g} seconds")


def with_proxy(error: ServerError, proxy: Proxy, in_between: Mapping[str, str] = IN_BETWEEN) -> ServerError:
    """The same error, with a sentence about the proxy where it may be the reason; `in_between` has the sentences by code.

    An error that already has this sentence, about a proxy that a web page named, does not get it twice.
    """
    template = in_between.get(error.code)
    if template is None or not proxy.part or template.removeprefix("{proxy}") in error.problem.cause:
        return error
    return ServerError(attrs.evolve(error.problem, cause=error.problem.cause + proxy_sentence(template, proxy)))


@contextmanager
def naming_proxy(headers: Mapping[str, str]) -> Iterator[None]:
    """Around the reading of a whole reply with these headers: what it raises names the proxy that they tell of."""
    try:
        yield
    except ServerError as error:
        raise with_proxy(error, proxy_in(headers)) from None


def https_expected() -> ServerError:
    """A port that the base URL says http for speaks https, as was found out; a server that says so itself gets the same row."""
    return ServerError(filled(next(row for row in HTTP if row.code == "https_expected"), {}))


def _server_error(found: FailureText, *, status: int, model: str, route: str, proxy: Proxy, moment: Moment = Moment.REPLY) -> ServerError:
    if status < 400 and found.status is not None and 400 <= found.status < 600:
        status = found.status
    return ServerError(problem_of(Refusal(status=status, found=found, moment=moment, route=_path(route), model=model, proxy=proxy)))


def _size(length: int) -> str:
    return f"{length:,} bytes" if length % MIB else f"{length // MIB:,} MiB"


def _path(route: str) -> str:
    """The path alone: a whole URL may hold credentials."""
    path = route.partition("://")[2].partition("/")[2] if "://" in route else route.removeprefix("/")
    return printable_name("/" + path.partition("?")[0].partition("#")[0])

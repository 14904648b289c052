"""The standard input, read without a thread, and requests that start where they are read."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import gevent
import pytest
from dify_plugin.core.entities.plugin.io import PluginInStream
from dify_plugin.core.server.stdio.request_reader import StdioRequestReader
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from gevent import monkey
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.dify.requests import LONG_LINE, Input, LineReader

CLOSE = monkey.get_original("os", "close")
"""At once, as the daemon's end is closed; gevent's waits for its hub."""


def reading(descriptor: int) -> AbstractContextManager[Input]:
    return closing(Input(descriptor))


@pytest.fixture(name="pipe")
def own_pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    yield out, into
    CLOSE(out)


def test_gives_what_is_there_and_then_the_end(pipe: tuple[int, int]) -> None:
    out, into = pipe
    os.write(into, b"one\ntwo\n")
    with reading(out) as source:
        assert source.read(4) == b"one\n"
        assert source.read(100) == b"two\n"
        CLOSE(into)
        assert source.read(100) == b""


def test_others_run_while_nothing_comes(pipe: tuple[int, int]) -> None:
    out, into = pipe
    with reading(out) as source:
        reader = gevent.spawn(source.read, 100)
        gevent.idle()
        assert not reader.ready()
        os.write(into, b"late")
        assert reader.get(timeout=60) == b"late"
    CLOSE(into)


def test_the_pipe_itself_is_left_as_it_was(pipe: tuple[int, int]) -> None:
    """Its other users, if there are any, expect one that waits."""
    out, into = pipe
    os.write(into, b"x")
    with reading(out) as source:
        source.read(1)
        assert os.get_blocking(out)
    CLOSE(into)


def test_a_file_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    path.write_bytes(b"line\n")
    with path.open("rb") as file, reading(file.fileno()) as source:
        assert source.read(100) == b"line\n"
        assert source.read(100) == b""


class EndOfTestError(Exception):
    """The parts are used up."""


def read_by(reader: StdioRequestReader, parts: list[bytes]) -> list[PluginInStream]:
    """What a reader gives of lines that arrive in these parts."""
    waiting = iter([*parts, None])

    def next_part() -> bytes:
        part = next(waiting)
        if part is None:
            raise EndOfTestError
        return part

    reader._read_async = next_part  # type: ignore[method-assign]  # the only place where it reads
    return list(_until_the_end(reader._read_stream()))


def _until_the_end(requests: Iterator[PluginInStream]) -> Iterator[PluginInStream]:
    with suppress(EndOfTestError):
        yield from requests


def line(number: int, **more: Any) -> bytes:
    return json.dumps({"session_id": f"s{number}", "event": "request", "data": {"text": "é 你\n", "number": number}, **more}).encode()


def facts(request: PluginInStream) -> tuple[Any, ...]:
    ids = (request.session_id, request.conversation_id, request.message_id, request.app_id, request.endpoint_id)
    return (*ids, request.event, request.data, request.context)


@given(
    numbers=st.lists(st.integers(min_value=0, max_value=9), max_size=5),
    ends=st.sampled_from([b"\n", b"\n\n", b" \r\n"]),
    cuts=st.lists(st.integers(min_value=0), max_size=12),
)
def test_lines_are_what_the_sdk_reads_however_they_are_cut(numbers: list[int], ends: bytes, cuts: list[int]) -> None:
    text = b"".join(line(number, app_id="a", context={"k": [number]}) + ends for number in numbers)
    places = sorted({0, len(text), *(place % (len(text) + 1) for place in cuts)})
    parts = [text[start:end] for start, end in pairwise(places)]
    ours, sdks = ([facts(request) for request in read_by(reader, parts)] for reader in (LineReader(), StdioRequestReader()))
    assert ours == sdks
    assert len(ours) == len(numbers)


NO_REQUESTS = (b"secret words", b"[1]", b'{"event": "request"}', b'"\xff"', b'{"session_id": 7, "event": "request", "data": {}}')


def test_a_line_that_is_no_request_is_told_without_a_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(StdioResponseWriter, "error", lambda _, session_id=None, data=None: told.append(data["error"]))
    found = read_by(LineReader(), [b"\n".join([*NO_REQUESTS, line(1), b""])])
    assert [request.session_id for request in found] == ["s1"]
    with gevent.Timeout(60):
        while len(told) < len(NO_REQUESTS):
            gevent.sleep(0)
    assert [text for text in told if "secret" in text] == []
    wanted = [f"A request line of {len(each)} bytes cannot be read" for each in NO_REQUESTS]
    assert sorted(text.partition(" (")[0] for text in told) == sorted(wanted)


OF_A_SESSION = (
    b'{"session_id": "s", "event": "secret", "data": {}}',
    b'{"event":"request","session_id":"s","data":{"x":"secret \\ud800"}, broken',
    b'{"session_id":"s","event":"request","data":' + b"[" * 300 + b"]" * 300 + b"}",
    b'{"session_id":"s","event":"request","data":null}',
    b'{"session_id":"s","event":"request","data":["secret"]}',
)


@pytest.mark.parametrize("text", OF_A_SESSION, ids=["no such event", "no JSON", "nested too deeply", "nothing", "a list"])
def test_a_line_that_cannot_be_read_is_answered_in_its_session(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    told: list[Any] = []
    monkeypatch.setattr(
        StdioResponseWriter,
        "session_message",
        lambda _, session_id=None, data=None: told.append((session_id, data.model_dump() if hasattr(data, "model_dump") else data)),
    )
    assert list(read_by(LineReader(), [text + b"\n"])) == []
    (first, error), (second, end) = told
    assert (first, second) == ("s", "s")
    assert (error["type"].value, error["data"]["error_type"], end["type"].value) == ("error", "InvokeBadRequestError", "end")
    assert f"A request line of {len(text)} bytes cannot be read" in error["data"]["message"]
    assert "secret" not in str(told)


def test_an_answer_of_the_daemon_is_never_refused_as_if_it_were_a_request() -> None:
    """Its session runs, and would end."""
    reader, answers = LineReader(), list[tuple[str, object]]()
    reader.on_answer = lambda session_id, data: answers.append((session_id, data))
    lines = (b'{"session_id":"s","event":"backwards_response"%b}\n' % data for data in (b"", b',"data":null', b',"data":[1]'))
    assert read_by(reader, [b"".join(lines)]) == []
    assert answers == [("s", None), ("s", None), ("s", [1])]


@pytest.mark.parametrize(("length", "turns"), [(LONG_LINE + 1, 1), (1000, 0)], ids=["long", "usual"])
def test_others_have_their_turn_before_a_long_line_is_parsed(length: int, turns: int) -> None:
    seen: list[int] = []
    other = gevent.spawn(seen.append, 1)
    (request,) = read_by(LineReader(), [line(1, context={"text": "x" * length}) + b"\n"])
    assert request.context == {"text": "x" * length}
    assert len(seen) == turns
    other.join()


def test_requests_start_where_they_are_read_and_the_rest_goes_to_the_sdk() -> None:
    reader = LineReader()
    started: list[PluginInStream] = []
    reader.start = started.append
    waiting = reader.read(lambda _: True)
    for request in read_by(reader, [line(1) + b"\n" + line(2, event="backwards_response") + b"\n"]):
        reader._process_line(request)
    assert [request.session_id for request in started] == ["s1"]
    assert [request.session_id for request in waiting.queue.queue] == ["s2"]


def test_the_end_of_the_input_is_told_once_and_nothing_is_read_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Input, "read", lambda *_: b"")
    reader, ended = LineReader(), []
    reader.on_end = lambda: ended.append(True)
    waiting = gevent.spawn(reader._read_async)
    gevent.idle()
    assert (ended, waiting.dead) == ([True], False)
    waiting.kill()


def test_a_request_that_was_started_is_not_kept() -> None:
    """A line of 200 MB stayed with its reader until the next one came."""
    reader, started, held = LineReader(), [0], list[dict[str, Any]]()
    reader.start = lambda request: started.append(len(request.data))
    parts = iter([line(1)[:9], line(1)[9:] + b"\n"])

    def next_part() -> bytes:
        part = next(parts, None)
        if part is None:
            held.append(sys._getframe(1).f_locals)
            raise EndOfTestError
        return part

    reader._read_async = next_part  # type: ignore[method-assign]  # the only place where it reads
    assert list(_until_the_end(reader._read_stream())) == []
    assert len(started) == 2
    assert (held[0]["line"], held[0]["other"], held[0]["request"]) == (b"", b"", None)

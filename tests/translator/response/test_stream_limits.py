"""Replies that cost much and say little: each kind ends with an error of its own, and no part of the work is large."""

import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translator.stream_player import new_stream
from translator.limits import SLICE_BYTES, SLICE_LINES, Limits
from translator.response.stream import ReplyStream
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta, TextDelta, ThinkDelta

A_CALL = b'{"message":{"tool_calls":[{"function":{"name":"f"}}]},"done":false}\n'
TEXT = b'{"message":{"content":"a"},"done":false}\n'
DONE = b'{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":1}\n'
FEW = Limits(silent_lines=50, reply_bytes=200_000, calls=20, calls_bytes=5_000)

SILENT: dict[str, bytes] = {
    "empty objects": b"{}\n",
    "bare line feeds": b"\n",
    "lines of blanks": b"  \t\r\n",
    "empty content": b'{"message":{"role":"assistant","content":""},"done":false}\n',
    "empty thinking": b'{"message":{"content":"","thinking":""},"done":false}\n',
    "empty message": b'{"message":{},"done":false}\n',
    "no message": b'{"model":"m","done":false}\n',
    "null for all": b'{"message":{"content":null,"thinking":null,"tool_calls":null},"done":null}\n',
    "no calls": b'{"message":{"content":"","tool_calls":[]},"done":false}\n',
    "empty response": b'{"response":"","done":false}\n',
    "blank content": b'{"message":{"content":" \\n"},"done":false}\n',
    "blank thinking": b'{"message":{"thinking":"\\n"},"done":false}\n',
    "unknown keys": b'{"status":"pulling manifest"}\n',
}


def failed(stream: ReplyStream, line: bytes, most: int = 20_000) -> str:
    """Feeds the same line until the answer fails; gives the code."""
    for _ in range(most):
        deltas = stream.feed(line)
        if stream.finished:
            assert isinstance(deltas[-1], FailureDelta)
            return deltas[-1].error.code
    return "it went on"


def limited(limits: Limits = FEW) -> ReplyStream:
    return ReplyStream(model="m", new_id=map(str, count()).__next__, estimate_prompt=lambda: 1, limits=limits)


@pytest.mark.parametrize("line", SILENT.values(), ids=SILENT)
def test_lines_that_say_nothing_end_the_answer(line: bytes) -> None:
    assert failed(limited(), line) == "says_nothing"


@pytest.mark.parametrize("line", SILENT.values(), ids=SILENT)
def test_so_do_those_that_arrive_together_and_those_after_text(line: bytes) -> None:
    stream = limited()
    deltas = stream.feed(TEXT + line * 60)
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "says_nothing"
    assert "More than 50 lines" in str(deltas[-1].error)


@pytest.mark.parametrize("line", SILENT.values(), ids=SILENT)
def test_some_of_them_between_words_do_not_matter(line: bytes) -> None:
    stream = limited(Limits(silent_lines=50))
    deltas = [delta for _ in range(10) for delta in stream.feed(line * 40 + TEXT)] + stream.feed(line * 40 + DONE)
    assert isinstance(deltas[-1], FinalDelta)
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)).replace(" \n", "") == "a" * 10


def test_calls_without_end_are_counted() -> None:
    assert failed(limited(), A_CALL) == "too_many_calls"
    large = json.dumps({"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"a": "x" * 1_500}}}]}}).encode() + b"\n"
    assert failed(limited(), large) == "calls_too_large"


@pytest.mark.parametrize("line", [TEXT, b'{"message":{"thinking":"a"},"done":false}\n', b'{"response":"a","done":false}\n'])
def test_an_answer_without_end_is_given_up(line: bytes) -> None:
    assert failed(limited(), line) == "reply_without_end"


def test_much_around_little_text_is_given_up() -> None:
    line = json.dumps({"message": {"content": "a"}, "done": False, "padding": "x" * 50_000}).encode() + b"\n"
    assert failed(limited(), line) == "reply_without_end"


def test_the_limits_leave_sane_answers_alone() -> None:
    """An answer of 100,000 tokens with a line break for every second one, and an agent that asks for fifty tools."""
    stream = new_stream()
    words = b"".join([TEXT, b'{"message":{"content":"\\n"},"done":false}\n']) * 500
    for _ in range(100):
        stream.feed(words)
    deltas = stream.feed(A_CALL * 50 + DONE)
    assert isinstance(deltas[-2], CallsDelta)
    assert len(deltas[-2].calls) == 50


# --- values ----------------------------------------------------------------------------------------------------------------------


def rest_of(values: bytes, line: bytes = b'{"message":{"content":"a"},"done":false,"x":%s}\n') -> bytes:
    return line % values


FULL: dict[str, bytes] = {
    "empty lists": rest_of(b"[" + b"[]," * 70_000 + b"0]"),
    "empty objects": rest_of(b"[" + b"{}," * 70_000 + b"0]"),
    "nested lists": rest_of(b"[" * 70_000 + b"]" * 70_000),
    "numbers": rest_of(b"[" + b"1," * 400_000 + b"1]"),
    "texts": rest_of(b"[" + b'"",' * 400_000 + b'""]'),
    "texts of escapes": rest_of(b"[" + b'"\\"\\\\",' * 400_000 + b'""]'),
    "arguments of a call": b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":[' + b"1," * 400_000 + b"1]}}}]}}\n",
}


@pytest.mark.parametrize("line", FULL.values(), ids=FULL)
def test_a_line_of_very_many_values_is_not_parsed(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translator.response.stream.read_line", None)
    deltas = new_stream().feed(b"\n" + line)
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "line_too_full"
    assert f"Line 2 of the reply ({len(line) - 1:,} bytes)" in str(deltas[-1].error)


JSON_TEXT = json.dumps([{"a": [1, {}, []], 'q"uote\\': "[,{"}] * 20_000)
LEGAL: dict[str, dict[str, object]] = {
    "a text full of marks": {"message": {"content": JSON_TEXT}},
    "a table of commas": {"message": {"content": "1," * 500_000}},
    "a call that writes such a file": {"message": {"tool_calls": [{"function": {"name": "f", "arguments": {"text": JSON_TEXT}}}]}},
    "the context of a long conversation": {"response": "a", "context": list(range(262_144))},
}


@pytest.mark.parametrize("row", LEGAL.values(), ids=LEGAL)
def test_marks_in_texts_and_long_contexts_are_no_such_line(row: dict[str, object]) -> None:
    line = json.dumps(row | {"done": True, "done_reason": "stop"}).encode() + b"\n"
    assert isinstance(new_stream().feed(line)[-1], FinalDelta)


# --- counters --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["eval_count", "prompt_eval_count", "total_duration", "eval_duration"])
@pytest.mark.parametrize(
    "odd", ['"7"', "-5", "NaN", "Infinity", "1e400", "[]", "[1,2]", "{}", "true", "null", '""', "1e300", "9" * 400, "0.5"]
)
def test_odd_counters_do_not_break_an_answer(key: str, odd: str) -> None:
    row = f'{{"message":{{"content":"yes"}},"done":true,"done_reason":"stop","{key}":{odd}}}\n'
    text, final = new_stream().feed(row.encode())
    assert text == TextDelta("yes")
    assert isinstance(final, FinalDelta)
    assert final.usage.estimated
    assert final.usage.prompt_tokens > 0
    assert final.usage.completion_tokens > 0


# --- slices ----------------------------------------------------------------------------------------------------------------------

ROWS = st.sampled_from([TEXT, DONE, A_CALL, *SILENT.values(), b'{"message":{"thinking":"b"},"done":false}\n', b"{oops}\n", TEXT * 300])


def said(deltas: list[Delta]) -> list[object]:
    """The deltas, with texts as characters, since slices do not join what is in two of them."""
    told: list[object] = []
    for delta in deltas:
        is_text = isinstance(delta, TextDelta | ThinkDelta)
        told += [(type(delta), char) for char in delta.text] if isinstance(delta, TextDelta | ThinkDelta) and is_text else [repr(delta)]
    return told


@given(st.lists(ROWS, max_size=30), st.integers(1, 60_000))
def test_slices_give_what_feed_gives(rows: list[bytes], size: int) -> None:
    data = b"".join(rows)
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    whole, sliced = new_stream(), new_stream()
    fed = [delta for part in parts for delta in whole.feed(part)] + whole.end()
    cut = [delta for part in parts for deltas in sliced.slices(part) for delta in deltas] + sliced.end()
    assert said(cut) == said(fed)


@pytest.mark.parametrize("line", [b"{}\n", TEXT, A_CALL, b"\n"], ids=["objects", "text", "calls", "line feeds"])
def test_a_slice_reads_no_more_than_its_lines(line: bytes) -> None:
    stream, before, most = new_stream(), 0, SLICE_LINES + SLICE_BYTES // len(line) + 1
    for _ in stream.slices(line * 5_000):
        assert stream.lines - before <= most
        before = stream.lines
    assert stream.finished or stream.lines == 5_000


def test_slices_end_with_the_answer() -> None:
    stream = new_stream()
    (deltas,) = stream.slices(DONE + TEXT * 1_000)
    assert isinstance(deltas[-1], FailureDelta)
    assert stream.lines < SLICE_BYTES // len(TEXT) + 2


# --- progress --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [TEXT, A_CALL, DONE, b'{"message":{"thinking":"b"},"done":false}\n', b'{"response":"a","done":false}\n'])
def test_what_brings_the_answer_on_is_progress(line: bytes) -> None:
    stream = new_stream()
    stream.feed(line)
    assert stream.progress == 1


@pytest.mark.parametrize("line", [*SILENT.values(), b"x", b'{"message":'], ids=[*SILENT, "a letter", "a piece of a line"])
def test_what_does_not_is_none(line: bytes) -> None:
    stream = new_stream()
    stream.feed(TEXT)
    for _ in range(5):
        stream.feed(line)
    assert stream.progress == 1

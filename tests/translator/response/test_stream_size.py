"""An answer over the limit ends with a clear error, and what came before stays."""

import json
import uuid
from typing import Any

import pytest

from translator.limits import MIB, Limits
from translator.response.chunks import collect, deltas_to_chunks
from translator.response.decode import CALLS_KEY, _least_bytes
from translator.response.lines import OF_A_CALL
from translator.response.stream import ReplyStream
from translator.shapes.dify import FinishReason
from translator.shapes.events import Delta, FailureDelta, FinalDelta, TextDelta, ThinkClose, ThinkDelta, ThinkOpen

MOST = 100
DONE = {"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 1, "prompt_eval_count": 1}


def stream_of(most: int = MOST) -> ReplyStream:
    return ReplyStream(model="m", new_id=lambda: uuid.uuid4().hex, estimate_prompt=lambda: 1, limits=Limits(answer_bytes=most))


def line(done: bool = False, **message: Any) -> bytes:
    return json.dumps({"message": message, "done": done}).encode() + b"\n"


def call(size: int) -> dict[str, Any]:
    """A call whose arguments have so many bytes."""
    return {"function": {"name": "f", "arguments": {"x": "y" * (size - len('{"x":""}'))}}}


PIECES = {
    "text": {"content": "x" * 10},
    "thinking": {"thinking": "x" * 10},
    "text of several bytes per character": {"content": "é" * 5},
    "a lone surrogate": {"content": "x" * 7 + "\ud800"},
    "thinking and text in one line": {"thinking": "x" * 4, "content": "x" * 6},
    "text in tags": {"content": "<think>" + "x" * 3},
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_every_kind_of_piece_counts_to_the_byte(piece: dict[str, Any]) -> None:
    stream = stream_of()
    for _ in range(MOST // 10):
        assert not any(isinstance(delta, FailureDelta) for delta in stream.feed(line(**piece)))
    deltas = stream.feed(line(**piece))
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "answer_too_large"
    assert stream.finished


def test_calls_count_too() -> None:
    stream = stream_of()
    deltas = [delta for _ in range(MOST // OF_A_CALL + 1) for delta in stream.feed(line(tool_calls=[call(10)]))]
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "answer_too_large"


def test_an_answer_of_just_the_limit_is_whole() -> None:
    stream = stream_of()
    deltas = stream.feed(line(content="x" * MOST) + json.dumps(DONE).encode() + b"\n")
    assert [type(delta) for delta in deltas] == [TextDelta, FinalDelta]


def test_delivered_text_stays_and_an_open_block_is_closed() -> None:
    deltas: list[Delta] = []
    stream = stream_of()
    for _ in range(2):
        deltas += stream.feed(line(thinking="t" * 60))
    assert [type(delta) for delta in deltas] == [ThinkOpen, ThinkDelta, ThinkClose, FailureDelta]
    assert stream.feed(line(content="more")) == stream.end() == []


def test_what_follows_in_the_same_line_or_the_same_bytes_is_not_read() -> None:
    last = json.dumps(DONE | {"message": {"content": "x" * (MOST + 1), "tool_calls": [call(10)]}}).encode() + b"\n"
    deltas = stream_of().feed(last + line(content="more"))
    assert [type(delta) for delta in deltas] == [FailureDelta]


def test_a_blocking_answer_ends_the_same_way() -> None:
    """`stream: false` gives one line with everything."""
    stream = stream_of()
    deltas = stream.feed(json.dumps(DONE | {"message": {"content": "x" * (MOST + 1)}}).encode()) + stream.end()
    with pytest.raises(Exception, match="101 bytes, which is more than the limit of 100 bytes"):
        collect(deltas_to_chunks(deltas))


def test_the_default_leaves_every_sane_answer_alone() -> None:
    stream = ReplyStream(model="m", new_id=lambda: uuid.uuid4().hex, estimate_prompt=lambda: 1)
    piece = line(content="x" * MIB)
    deltas = [delta for _ in range(63) for delta in stream.feed(piece)] + stream.feed(json.dumps(DONE).encode() + b"\n")
    assert isinstance(deltas[-1], FinalDelta)
    assert deltas[-1].finish_reason is FinishReason.STOP


def test_an_endless_answer_ends_by_default_too() -> None:
    stream = ReplyStream(model="m", new_id=lambda: uuid.uuid4().hex, estimate_prompt=lambda: 1)
    piece = line(content="x" * MIB)
    fed = 0
    while not stream.finished:
        stream.feed(piece)
        fed += 1
    assert fed == 65


# --- calls that Dify cannot take -------------------------------------------------------------------------------------------------


def stream_with_calls_of(most: int) -> ReplyStream:
    return ReplyStream(model="m", new_id=lambda: uuid.uuid4().hex, estimate_prompt=lambda: 1, limits=Limits(calls_bytes=most))


def test_calls_over_the_limit_end_the_answer_and_text_before_them_stays() -> None:
    stream = stream_with_calls_of(2000)
    deltas = [*stream.feed(line(content="before")), *stream.feed(line(tool_calls=[call(3000)]))]
    assert [type(delta) for delta in deltas] == [TextDelta, FailureDelta]
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "calls_too_large"
    assert stream.finished


WITHIN: dict[str, dict[str, Any]] = {
    "text alone": {"content": "x" * 3000},
    "text that speaks of calls": {"content": '"tool_calls"' + "x" * 3000},
    "much text and a small call": {"content": "x" * 3000, "tool_calls": [call(20)]},
    "escapes": {"tool_calls": [call(20), {"function": {"name": "f", "arguments": {"x": "é" * 600}}}]},
    "blanks": {"tool_calls": [{"function": {"name": "f", "arguments": {"x": " " * 1500}}}]},
}


@pytest.mark.parametrize("message", WITHIN.values(), ids=WITHIN)
def test_a_long_line_whose_calls_may_fit_is_read(message: dict[str, Any]) -> None:
    stream = stream_with_calls_of(2000)
    deltas = stream.feed(line(**message) + json.dumps(DONE).encode() + b"\n")
    assert isinstance(deltas[-1], FinalDelta)


@pytest.mark.parametrize("arguments", [{"x": "<&>é\u2028/"}, {"a": [1, 2, {"b": None}], "c": "d e"}, {}], ids=str)
@pytest.mark.parametrize("spell", [json.dumps, lambda value: json.dumps(value, indent=2, ensure_ascii=False)], ids=["escaped", "spread"])
def test_the_bound_is_never_more_than_calls_have(arguments: dict[str, Any], spell: Any) -> None:
    """As Go spells them, with escapes, or with blanks; compared with the shortest spelling."""
    calls = {"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
    shortest = json.dumps(calls, ensure_ascii=False, separators=(",", ":")).encode()
    spelled = spell(calls).replace("<", "\\u003c").replace("&", "\\u0026").replace("/", "\\/").replace("\n", " ").encode()
    assert json.loads(spelled) == calls
    assert 0 < _least_bytes(spelled, spelled.find(CALLS_KEY)) <= len(shortest)

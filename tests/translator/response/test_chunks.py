"""Deltas to chunks, and chunks to one answer."""

import pytest

from translator.errors import ServerError
from translator.response.chunks import CLOSE_TAG, OPEN_TAG, Chunk, collect, deltas_to_chunks
from translator.shapes.dify import FinishReason, ToolCall, Usage
from translator.shapes.events import LINE_BREAK, THINK_CLOSE, THINK_OPEN, CallsDelta, Delta, FailureDelta, FinalDelta, TextDelta, ThinkDelta

CALLS = (ToolCall(id="1", name="f", arguments="{}"),)
USAGE = Usage(prompt_tokens=1, completion_tokens=2)
DELTAS: list[Delta] = [
    THINK_OPEN,
    ThinkDelta("hm"),
    THINK_CLOSE,
    LINE_BREAK,
    TextDelta("a"),
    CallsDelta(CALLS),
    FinalDelta(FinishReason.TOOL_CALLS, USAGE),
]
FINAL = Chunk(finish_reason=FinishReason.TOOL_CALLS, usage=USAGE)


def test_each_delta_is_a_chunk_of_its_own() -> None:
    assert list(deltas_to_chunks(DELTAS)) == [
        Chunk(OPEN_TAG),
        Chunk("hm"),
        Chunk(CLOSE_TAG),
        Chunk("\n"),
        Chunk("a"),
        Chunk(tool_calls=CALLS),
        FINAL,
    ]


def test_tags_are_what_agents_look_for() -> None:
    assert (OPEN_TAG.strip(), CLOSE_TAG.strip()) == ("<think>", "</think>")


def test_a_failure_is_raised_where_it_stands() -> None:
    error = ServerError.of("x", "No.")
    chunks = deltas_to_chunks([TextDelta("a"), FailureDelta(error)])
    assert next(chunks).text == "a"
    with pytest.raises(ServerError) as raised:
        next(chunks)
    assert raised.value is error


def test_collected_answer() -> None:
    answer = collect(deltas_to_chunks(DELTAS))
    assert (answer.text, answer.tool_calls, answer.finish_reason, answer.usage) == (
        "<think>\nhm\n</think>\na",
        CALLS,
        FinishReason.TOOL_CALLS,
        USAGE,
    )


def test_chunks_without_an_end_are_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="final"):
        collect([Chunk("a")])

"""The X-ray of a reply says what the plugin's own reader says, line by line."""

import itertools

import attrs
import pytest

from fixtures.chunking import at_random, original, single_bytes
from fixtures.recordings import load
from tests.translator.stream_player import ESTIMATED_PROMPT, answers, outcome, play
from translator.errors import Family
from translator.response.chunks import CLOSE_TAG, OPEN_TAG
from translator.shapes.dify import FinishReason
from translator.shapes.events import CallsDelta, Event, FailureDelta, State
from translator.tracing import Trace, trace_reply


def traced(version: str, scenario: str) -> Trace:
    exchange = load(version, scenario)
    return trace_reply(exchange.chunks, model="m", status=exchange.status, content_type=exchange.content_type, route=exchange.path)


@pytest.mark.parametrize("chunking", [original, single_bytes, at_random(3)], ids=["original", "single-bytes", "random"])
def test_every_recording_is_traced_to_what_the_reader_says(chunking: object) -> None:
    assert callable(chunking)
    for exchange in answers():
        trace = trace_reply(chunking(exchange), model="m", estimate_prompt=lambda: ESTIMATED_PROMPT)
        seen = outcome(delta for line in trace.lines for delta in line.deltas)
        read = outcome(play([exchange.body]))
        assert (seen.text, seen.call_facts, seen.finish_reason, seen.usage, seen.error) == (
            read.text, read.call_facts, read.finish_reason, read.usage, read.error,
        ), exchange.address  # fmt: skip


def test_states_are_a_chain_and_lines_are_those_of_the_wire() -> None:
    for exchange in answers():
        trace = trace_reply(exchange.chunks, model="m")
        assert trace.lines[0].before is State.START
        assert all(first.after is second.before for first, second in itertools.pairwise(trace.lines)), exchange.address
        steps = [(line, step) for line in trace.lines for step in line.steps]
        assert all(step.before is not step.after or step.event is not Event.DONE for _, step in steps)
        assert len([line for line in trace.lines if line.wire]) == len(exchange.lines), exchange.address


def test_every_line_that_says_something_has_its_event() -> None:
    """The stream has a shorter way for pieces that change nothing; who watches sees them all the same."""
    for exchange in answers():
        for line in trace_reply(exchange.chunks, model="m").lines:
            assert bool(line.steps) >= bool(line.deltas), (exchange.address, line.number)


def test_each_line_has_its_own_time_events_and_chunks() -> None:
    trace = traced("0.24.0", "think-false")
    first, second, closing = trace.lines[0], trace.lines[1], trace.lines[11]
    assert [step.event for step in first.steps] == [Event.TAG_OPEN]
    assert (first.before, first.after, first.chunks) == (State.START, State.TAG_SEEN, ())
    assert [chunk.text for chunk in second.chunks] == [OPEN_TAG, "The"]
    assert [(step.event, step.after) for step in closing.steps] == [(Event.TEXT, State.TAGGED), (Event.TAG_CLOSE, State.START)]
    assert [chunk.text for chunk in closing.chunks[-2:]] == [CLOSE_TAG, "\n"]
    assert [line.number for line in trace.lines] == list(range(1, 20))
    assert [line.ms for line in trace.lines] == [ms for ms, _ in load("0.24.0", "think-false").chunks]
    assert trace.first_chunk_ms == second.ms
    assert trace.final is not None
    assert trace.final.finish_reason is FinishReason.STOP


def test_calls_are_named_where_they_come_and_given_at_the_end() -> None:
    trace = traced("0.24.0", "tool-two")
    assert [step.text for line in trace.lines for step in line.steps] == ["get_weather", "get_weather", ""]
    assert [type(delta) for line in trace.lines[:2] for delta in line.deltas] == []
    assert isinstance(trace.lines[2].deltas[0], CallsDelta)


@pytest.mark.parametrize(
    ("version", "scenario", "event", "code"),
    [
        ("0.24.0", "server-killed-midway", Event.CUT, "cut_short"),
        ("0.24.0", "runner-killed-midway", Event.REFUSED, "runner_crashed"),
        ("0.24.0", "think-length-budget", Event.DONE, "thinking_spent_everything"),
    ],
)
def test_the_event_that_failed_is_named(version: str, scenario: str, event: Event, code: str) -> None:
    trace = traced(version, scenario)
    assert trace.lines[-1].steps[-1].event is event
    assert trace.lines[-1].after is State.FAILED
    assert trace.problem is not None
    assert trace.problem.code == code


def test_the_end_of_the_bytes_is_no_line() -> None:
    end = traced("0.24.0", "server-killed-midway").lines[-1]
    assert (end.number, end.wire) == (0, "")
    assert isinstance(end.deltas[-1], FailureDelta)
    assert end.chunks == ()


def test_a_refusal_is_one_line() -> None:
    trace = traced("0.24.0", "error-no-tools")
    assert [(line.number, line.after) for line in trace.lines] == [(1, State.FAILED)]
    assert trace.problem is not None
    assert (trace.problem.code, trace.problem.family) == ("no_tools", Family.BAD_REQUEST)


def test_a_refusal_of_a_rerank_service_is_read_as_the_plugin_reads_it() -> None:
    trace = traced("rerank", "tei-over-batch-limit")
    assert trace.problem is not None
    assert (trace.problem.code, trace.problem.family) == ("rerank_too_many", Family.BAD_REQUEST)


def test_lines_after_the_end_are_shown_as_not_read() -> None:
    done = b'{"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}\n'
    trace = trace_reply([(1.0, done), (2.0, b'{"message":{"content":"late"}}\n')], model="m")
    assert [(line.read, len(line.deltas)) for line in trace.lines] == [(True, 1), (False, 0)]


def test_a_line_over_the_limit_is_seen_before_it_ends() -> None:
    pieces = [(float(count), b"x" * (1 << 20)) for count in range(18)]
    trace = trace_reply(pieces, model="m")
    assert trace.problem is not None
    assert trace.problem.code == "line_too_long"
    assert trace.lines[0].ms < pieces[-1][0]


def test_a_line_without_end_and_bytes_that_are_no_text() -> None:
    trace = trace_reply([(1.0, b'{"message":{"content":"\xff'), (2.0, b'"},"done":true}')], model="m")
    assert len(trace.lines) == 1
    assert "\\xff" in trace.lines[0].wire


def test_nothing_at_all_is_a_cut() -> None:
    trace = trace_reply([], model="m")
    assert trace.problem is not None
    assert trace.first_chunk_ms is None
    assert attrs.asdict(trace)["status"] == 200

"""The machine: what readers rely on holds for any sequence of events, not only for those that servers send."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import ServerError
from translator.response.chunks import CLOSE_TAG, OPEN_TAG, deltas_to_chunks
from translator.response.machine import Machine
from translator.response.table import READING, IllegalStepError
from translator.shapes.dify import FinishReason
from translator.shapes.events import (
    CallsDelta,
    Delta,
    Event,
    FailureDelta,
    FinalDelta,
    Reading,
    State,
    TextDelta,
    ThinkClose,
    ThinkDelta,
    ThinkOpen,
    WireEvent,
)
from translator.shapes.wire import Reply, WireFunctionCall, WireToolCall

ERROR = ServerError.of("broken", "It broke.")


def machine() -> Machine:
    ids = itertools.count()
    return Machine(model="m", new_id=lambda: f"id{next(ids)}", estimate_prompt=lambda: 5)


def run(events: list[WireEvent]) -> tuple[list[Delta], Machine]:
    """Opening tags inside a block are left out: the stream does not look for any there."""
    subject = machine()
    for event in events:
        if event.kind is not Event.TAG_OPEN or READING[subject.state] is not Reading.BLOCK:
            subject.feed(event)
    return subject.out.take(), subject


def call(name: str = "f", identity: str | None = None) -> WireToolCall:
    return WireToolCall(id=identity, function=WireFunctionCall(name=name, arguments={"a": 1}))


def text(value: str) -> WireEvent:
    return WireEvent(Event.TEXT, value)


def thinking(value: str) -> WireEvent:
    return WireEvent(Event.THINKING, value)


def calls(*items: WireToolCall) -> WireEvent:
    return WireEvent(Event.CALLS, calls=items)


def done(reason: str = "stop", **counters: Any) -> WireEvent:
    return WireEvent(Event.DONE, reply=Reply(done=True, done_reason=reason, **counters))


OPEN, CLOSE = WireEvent(Event.TAG_OPEN, "<think>"), WireEvent(Event.TAG_CLOSE, "</think>")
REFUSED = WireEvent(Event.REFUSED, error=ERROR)

WORDS = st.sampled_from(["a", " b", "\n", "  ", "c\n"])
PIECES = st.one_of(
    WORDS.map(text),
    WORDS.map(thinking),
    st.just(OPEN),
    st.just(CLOSE),
    st.lists(st.builds(call, identity=st.sampled_from([None, "", "x", "y"])), min_size=1, max_size=3).map(lambda items: calls(*items)),
)
ENDS = st.sampled_from(
    [
        done(),
        done("length"),
        done("stop", prompt_eval_count=3, eval_count=4),
        done("load"),
        REFUSED,
        WireEvent(Event.GARBLED, error=ERROR),
        WireEvent(Event.CUT, error=ERROR),
        WireEvent(Event.LOST, error=ERROR),
        WireEvent(Event.CUT, error=ERROR, repeats=True),
        WireEvent(Event.TIME_UP, error=ERROR),
        WireEvent(Event.STOP),
    ]
)


@given(st.lists(PIECES, max_size=25), ENDS)
def test_order_tags_calls_and_end(events: list[WireEvent], end: WireEvent) -> None:
    deltas, subject = run([*events, end])
    kinds = [type(delta) for delta in deltas]

    blocks = [kind for kind in kinds if kind in {ThinkOpen, ThinkClose}]
    assert blocks == [ThinkOpen, ThinkClose] * (len(blocks) // 2), "opened and closed in turn, never nested, closed at the end"
    for before, after in itertools.pairwise(kinds):
        assert not (before is ThinkOpen and after is not ThinkDelta), "a block begins with thinking, so no empty pair"
        assert not (after is ThinkClose and before is not ThinkDelta)

    ends = [index for index, kind in enumerate(kinds) if kind in {FinalDelta, FailureDelta}]
    assert ends == ([] if end.kind is Event.STOP else [len(kinds) - 1]), "one end, and nothing after it"
    held = [item for event in events for item in event.calls]
    given_calls = [index for index, kind in enumerate(kinds) if kind is CallsDelta]
    good_end = bool(kinds) and kinds[-1] is FinalDelta
    assert given_calls == ([len(kinds) - 2] if held and good_end else []), "all calls at once, right before a good end"
    if given_calls:
        delta = deltas[given_calls[0]]
        assert isinstance(delta, CallsDelta)
        assert len(delta.calls) == len(held)
        assert all(item.id for item in delta.calls)
        assert len({item.id for item in delta.calls}) == len(held)
    assert subject.finished


@given(st.lists(PIECES, max_size=25))
def test_no_text_is_lost_or_repeated(events: list[WireEvent]) -> None:
    deltas, _ = run([*events, text("."), done(prompt_eval_count=1, eval_count=1)])
    shown = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta | ThinkDelta))
    events = [*events, text(".")]
    said = "".join(event.text for event in events if event.kind in {Event.TEXT, Event.THINKING})
    assert re.sub(r"\s|</?think>", "", shown) == re.sub(r"\s", "", said)
    outside = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    if not any(event.kind is Event.TAG_OPEN for event in events):
        assert outside.replace("</think>", "") == "".join(event.text for event in events if event.kind is Event.TEXT)


@given(st.lists(PIECES, max_size=15), ENDS, st.sampled_from(list(Event)))
def test_after_the_end_nothing_is_legal(events: list[WireEvent], end: WireEvent, late: Event) -> None:
    _, subject = run([*events, end])
    state = subject.state
    with pytest.raises(IllegalStepError, match=late.name):
        subject.feed(WireEvent(late))
    assert subject.state is state
    assert subject.out.take() == []


FINISHES = {
    "stop": ([text("a"), done()], FinishReason.STOP),
    "length": ([text("a"), done("length")], FinishReason.LENGTH),
    "unknown reason": ([text("a"), done("cloud_said_so")], FinishReason.STOP),
    "no reason": ([text("a"), done("")], FinishReason.STOP),
    "calls win over stop": ([calls(call()), done()], FinishReason.TOOL_CALLS),
    "calls win over length": ([calls(call()), done("length")], FinishReason.TOOL_CALLS),
    "time is up": ([text("a"), WireEvent(Event.TIME_UP, error=ERROR)], FinishReason.LENGTH),
    "time is up while thinking": ([thinking("a"), WireEvent(Event.TIME_UP, error=ERROR)], FinishReason.LENGTH),
    "calls win over time": ([calls(call()), WireEvent(Event.TIME_UP, error=ERROR)], FinishReason.TOOL_CALLS),
    "repeat abort": ([text("a"), WireEvent(Event.CUT, error=ERROR, repeats=True)], FinishReason.STOP),
}


@pytest.mark.parametrize(("events", "reason"), FINISHES.values(), ids=FINISHES.keys())
def test_finish_reason(events: list[WireEvent], reason: FinishReason) -> None:
    deltas, subject = run(events)
    final = deltas[-1]
    assert isinstance(final, FinalDelta)
    assert final.finish_reason is reason
    assert subject.state is State.FINISHED


def test_counters_are_the_servers_and_estimates_are_marked() -> None:
    counted, _ = run([text("abc"), done(prompt_eval_count=11, eval_count=3, eval_duration=2_000_000_000)])
    guessed, _ = run([text("abcdefghijkl"), text("d"), done()])
    assert isinstance(counted[-1], FinalDelta)
    assert isinstance(guessed[-1], FinalDelta)
    assert (counted[-1].usage.prompt_tokens, counted[-1].usage.completion_tokens, counted[-1].usage.estimated) == (11, 3, False)
    assert counted[-1].usage.tokens_per_second == 1.5
    assert (guessed[-1].usage.prompt_tokens, guessed[-1].usage.completion_tokens, guessed[-1].usage.estimated) == (5, 3, True)


def test_prompt_tokens_are_never_zero() -> None:
    subject = Machine(model="m", new_id=str, estimate_prompt=lambda: 0)
    subject.feed(text("a"))
    subject.feed(done())
    final = subject.out.take()[-1]
    assert isinstance(final, FinalDelta)
    assert final.usage.prompt_tokens == 1


SPENT = {
    "native thinking": [thinking("hm"), done("length")],
    "tagged thinking": [OPEN, text("hm"), done("length")],
    "blank text after it": [thinking("hm"), text("\n"), done("length")],
}


@pytest.mark.parametrize("events", SPENT.values(), ids=SPENT.keys())
def test_an_answer_that_is_all_thinking_is_an_error_with_its_remedies(events: list[WireEvent]) -> None:
    deltas, subject = run(events)
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "thinking_spent_everything"
    assert "max tokens" in str(deltas[-1].error)
    assert "thinking" in str(deltas[-1].error)
    assert subject.state is State.FAILED


def test_thinking_and_a_cut_answer_is_only_long() -> None:
    deltas, _ = run([thinking("hm"), text("so"), done("length")])
    assert isinstance(deltas[-1], FinalDelta)


def test_a_failed_turn_gives_its_text_and_not_its_calls() -> None:
    deltas, _ = run([thinking("hm"), calls(call()), text("so"), REFUSED])
    chunks = deltas_to_chunks(deltas)
    assert [next(chunks).text for _ in range(5)] == [OPEN_TAG, "hm", CLOSE_TAG, "\n", "so"]
    with pytest.raises(ServerError) as raised:
        next(chunks)
    assert raised.value is ERROR


def test_text_after_a_call_streams_on_before_the_calls() -> None:
    deltas, _ = run([text("a"), calls(call("f", "x")), text("b"), calls(call("g", "x")), done()])
    assert isinstance(deltas[0], TextDelta)
    assert deltas[0].text == "ab"
    assert isinstance(deltas[1], CallsDelta)
    assert [(item.id, item.name, item.arguments) for item in deltas[1].calls] == [("x", "f", '{"a":1}'), ("x_2", "g", '{"a":1}')]


@pytest.mark.parametrize("before", [[], [thinking("hm")]], ids=["nothing", "thinking"])
def test_a_server_that_only_loaded_the_model_is_an_error(before: list[WireEvent]) -> None:
    deltas, subject = run([*before, done("load")])
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "only_loaded"
    assert subject.state is State.FAILED


def test_an_event_that_fails_without_an_error_is_a_bug_of_the_caller() -> None:
    with pytest.raises(TypeError, match="REFUSED brought no error"):
        machine().feed(WireEvent(Event.REFUSED))


def ids_of(subject: Machine, *given: str | None) -> list[str]:
    """The ids that calls have at the end whose server gave these."""
    for identity in given:
        subject.feed(WireEvent(Event.CALLS, calls=(call(identity=identity),)))
    subject.feed(WireEvent(Event.DONE, reply=Reply(done=True)))
    calls, _ = subject.out.take()
    assert isinstance(calls, CallsDelta)
    return [call.id for call in calls.calls]


def test_calls_without_an_id_are_counted() -> None:
    assert ids_of(Machine(model="m"), None, "", None) == ["call_1", "call_2", "call_3"]


def test_an_id_that_repeats_gets_a_number() -> None:
    """Also one that the caller's function gives again and again: that went on for ever."""
    assert ids_of(Machine(model="m", new_id=lambda: "call"), None, None, None) == ["call", "call_2", "call_3"]
    assert ids_of(Machine(model="m"), "a", "a_2", "a", "a") == ["a", "a_2", "a_3", "a_4"]
    assert ids_of(Machine(model="m", new_id=str), None, None) == ["call", "call_2"]


def test_ids_that_run_out_are_said() -> None:
    subject = Machine(model="m", new_id=iter(["only"]).__next__)
    with pytest.raises(ValueError, match="new_id has no more ids"):
        ids_of(subject, None, None)

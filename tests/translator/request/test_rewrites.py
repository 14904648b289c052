"""Other forms of a conversation, each for a kind of model that refuses the ordinary one."""

import re

import pytest

from translator.request.rewrites import REMEMBERED, REWRITE_AFTER, KnownRewrites, Rewrite, rewritten
from translator.shapes.wire import WireFunctionCall, WireMessage, WireToolCall


def says(role: str, content: str = "", **fields: object) -> WireMessage:
    return WireMessage(role=role, content=content, **fields)  # type: ignore[arg-type]  # the fields that a test is about


def calls(*ids: str | None) -> WireMessage:
    return says("assistant", tool_calls=tuple(WireToolCall(id=each, function=WireFunctionCall(name="f")) for each in ids))


def result(call: str | None, content: str = "r") -> WireMessage:
    return says("tool", content, tool_call_id=call)


SYSTEM: dict[str, tuple[tuple[WireMessage, ...], tuple[WireMessage, ...]]] = {
    "in the middle": (
        (says("system", "a"), says("user", "u"), says("system", "b"), says("user", "v")),
        (says("system", "a\n\nb"), says("user", "u"), says("user", "v")),
    ),
    "at the end": ((says("user", "u"), says("system", "b")), (says("system", "b"), says("user", "u"))),
    "two in front": ((says("system", "a"), says("system", "b"), says("user", "u")), (says("system", "a\n\nb"), says("user", "u"))),
    "with a picture": (
        (says("user", "u"), says("system", "b", images=("x",))),
        (says("system", "b", images=("x",)), says("user", "u")),
    ),
    "in order": ((says("system", "a"), says("user", "u")), (says("system", "a"), says("user", "u"))),
    "none": ((says("user", "u"),), (says("user", "u"),)),
}


@pytest.mark.parametrize(("before", "after"), SYSTEM.values(), ids=SYSTEM)
def test_system_texts_are_joined_at_the_beginning(before: tuple[WireMessage, ...], after: tuple[WireMessage, ...]) -> None:
    assert rewritten(before, Rewrite.SYSTEM_FIRST) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((says("system", "a"), says("user", "u"), says("assistant", "x")), (says("user", "a\n\nu"), says("assistant", "x"))),
        ((says("assistant", "x"), says("user", "u"), says("system", "b")), (says("assistant", "x"), says("user", "b\n\nu"))),
        ((says("system", "a"), says("assistant", "x")), (says("system", "a"), says("assistant", "x"))),
        ((says("user", "u"),), (says("user", "u"),)),
    ],
)
def test_system_text_can_go_before_the_first_user_text(before: tuple[WireMessage, ...], after: tuple[WireMessage, ...]) -> None:
    assert rewritten(before, Rewrite.SYSTEM_IN_USER) == after


IN_TURN: dict[str, tuple[tuple[WireMessage, ...], tuple[WireMessage, ...]]] = {
    "a system text in the middle": (
        (says("user", "u"), says("assistant", "x"), says("system", "b"), says("user", "v")),
        (says("system", "b"), says("user", "u"), says("assistant", "x"), says("user", "v")),
    ),
    "questions in a row": (
        (says("system", "a"), says("user", "u", images=("p",)), says("user", ""), says("user", "v", images=("q",))),
        (says("system", "a"), says("user", "u\n\nv", images=("p", "q"))),
    ),
    "questions that a system text parted": (
        (says("user", "u"), says("system", "b"), says("user", "v")),
        (says("system", "b"), says("user", "u\n\nv")),
    ),
    "answers in a row": (
        (says("user", "u"), says("assistant", "x"), says("assistant", "y")),
        (says("user", "u"), says("assistant", "x\n\ny")),
    ),
    "calls and results": (
        (says("user", "u"), calls("a"), result("a"), result("a"), calls("b"), result("b"), says("assistant", "x")),
        (says("user", "u"), calls("a"), result("a"), result("a"), calls("b"), result("b"), says("assistant", "x")),
    ),
    "thinking": (
        (says("user", "u"), says("assistant", "x", thinking="hm"), says("assistant", "y")),
        (says("user", "u"), says("assistant", "x", thinking="hm"), says("assistant", "y")),
    ),
    "in order": (
        (says("user", "u"), says("assistant", "x"), says("user", "v")),
        (says("user", "u"), says("assistant", "x"), says("user", "v")),
    ),
}


@pytest.mark.parametrize(("before", "after"), IN_TURN.values(), ids=IN_TURN)
def test_users_and_assistants_take_turns(before: tuple[WireMessage, ...], after: tuple[WireMessage, ...]) -> None:
    assert rewritten(before, Rewrite.IN_TURN) == after


IDS: dict[str, tuple[tuple[WireMessage, ...], list[str | None]]] = {
    "by id": ((calls("call_a"), result("call_a")), ["call00001", "call00001"]),
    "in another order": (
        (calls("call_a", "call_b"), result("call_b"), result("call_a")),
        ["call00001", "call00002", "call00002", "call00001"],
    ),
    "without ids": ((calls(None, None), result(None), result(None)), ["call00001", "call00002", "call00001", "call00002"]),
    "results without ids": ((calls("x", "y"), result(None), result(None)), ["call00001", "call00002", "call00001", "call00002"]),
    "an id used twice": (
        (calls("x"), result("x"), calls("x"), result("x")),
        ["call00001", "call00001", "call00002", "call00002"],
    ),
    "a result without its call": ((says("user", "u"), result("gone")), ["call00001"]),
}


@pytest.mark.parametrize(("messages", "expected"), IDS.values(), ids=IDS)
def test_ids_of_nine_letters_and_digits(messages: tuple[WireMessage, ...], expected: list[str | None]) -> None:
    ids: list[str | None] = []
    for message in rewritten(messages, Rewrite.SHORT_CALL_IDS):
        ids += [call.id for call in message.tool_calls]
        ids += [message.tool_call_id] if message.role == "tool" else []
    assert ids == expected
    assert all(re.fullmatch(r"[a-zA-Z0-9]{9}", str(each)) for each in ids)


def test_thinking_of_earlier_answers_can_be_left_out() -> None:
    before = (says("user", "u"), says("assistant", "a", thinking="t"), says("user", "v"))
    assert rewritten(before, Rewrite.WITHOUT_THINKING) == (says("user", "u"), says("assistant", "a"), says("user", "v"))


@pytest.mark.parametrize("rewrite", set(Rewrite) - {Rewrite.NO_THINKING_BEFORE_FORMAT})
def test_a_rewrite_twice_is_a_rewrite_once(rewrite: Rewrite) -> None:
    messages = (says("system", "a"), says("user", "u"), calls("x"), result("x"), says("system", "b"), says("assistant", "z", thinking="t"))
    once = rewritten(messages, rewrite)
    assert once != messages
    assert rewritten(once, rewrite) == once


def test_every_rewrite_has_its_refusal() -> None:
    assert set(REWRITE_AFTER.values()) == set(Rewrite)


def test_what_helped_is_remembered_by_model() -> None:
    known = KnownRewrites()
    known.learn(("server", "m"), {Rewrite.SYSTEM_FIRST})
    known.learn(("server", "m"), {Rewrite.SHORT_CALL_IDS})
    known.learn(("server", "m"), ())
    assert known.of(("server", "m")) == {Rewrite.SYSTEM_FIRST, Rewrite.SHORT_CALL_IDS}
    assert known.of(("other", "m")) == frozenset()


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    known = KnownRewrites()
    for number in range(REMEMBERED + 1):
        known.learn(number, {Rewrite.SYSTEM_FIRST})
        known.learn(0 if number < REMEMBERED else number, {Rewrite.SYSTEM_FIRST})
    assert (bool(known.of(0)), bool(known.of(1)), bool(known.of(REMEMBERED))) == (True, False, True)


def test_models_without_rewrites_take_no_memory() -> None:
    known = KnownRewrites()
    known.learn("m", ())
    assert known.of("m") == frozenset()

"""What is sent instead after a server refused a turn, and what the user is told when nothing helps."""

import pytest

from fixtures.recordings import load
from tests.translator.turns import ABLE, LOOP, PLAIN, WEATHER, ask, chat, checked, saved, says, user
from translator.errors import ServerError
from translator.failures.build import empty_answer, failure_from_reply
from translator.response.capabilities import ModelInfo
from translator.shapes.dify import Role
from translator.turn import SHORTENED, Turn, plan_turn

OVERFLOWS = {
    "0.33, counted": ("0.33.0-rc2", "error-too-long", r"\(prompt 15001 tokens, context size 512 tokens, model maximum 4096 tokens\)"),
    "0.33, native": ("0.33.0-rc2", "native-too-long", r"\(prompt 7550 tokens, context size 512 tokens, model maximum 4096 tokens\)"),
    "0.33, no shift": ("0.33.0-rc2", "error-too-long-shift-off", r"model maximum 4096 tokens\)"),
    "0.24, not counted": (
        "0.24.0",
        "error-too-long",
        r"\(prompt of about \d+ tokens, context size 512 tokens, model maximum 4096 tokens\)",
    ),
}


def refusal(version: str, scenario: str) -> tuple[ServerError, bytes]:
    exchange = load(version, scenario)
    return failure_from_reply(exchange.status, exchange.body, content_type=exchange.content_type), exchange.body


@pytest.mark.parametrize(("version", "scenario", "message"), OVERFLOWS.values(), ids=OVERFLOWS)
def test_an_overflow_names_three_numbers(version: str, scenario: str, message: str) -> None:
    turn = plan_turn(ask(), PLAIN, saved(context_size="512"))
    error, body = refusal(version, scenario)
    explained = turn.explained(error, body)
    assert explained.code == "context_too_long"
    with pytest.raises(ServerError, match=message):
        raise explained
    assert turn.after_refusal(error, body) is None


def test_another_error_stays_as_it_is() -> None:
    error, body = refusal("0.24.0", "error-unknown-model")
    turn = plan_turn(ask(), PLAIN, saved())
    assert turn.explained(error, body) is error
    assert turn.after_refusal(error, body) is None


def test_older_turns_are_left_out_by_halves() -> None:
    history = tuple(user(str(number)) for number in range(6))
    turn: Turn | None = plan_turn(ask(says(Role.SYSTEM, "s"), *history), PLAIN, saved())
    error, body = refusal("0.33.0-rc2", "error-too-long")
    seen = []
    while turn is not None:
        seen.append("".join(message["content"] for message in checked(turn)["messages"]))
        turn = turn.after_refusal(error, body)
    assert seen == ["s012345", "s345", "s45", "s5"]


def test_left_out_is_said_and_never_cut() -> None:
    error, body = refusal("0.33.0-rc2", "error-too-long")
    turn = plan_turn(ask(user("a"), user("b")), PLAIN, saved()).after_refusal(error, body)
    assert turn is not None
    assert SHORTENED in turn.notes
    assert checked(turn) == chat({"role": "user", "content": "b"})
    assert not turn.is_countable


def test_results_leave_with_their_calls() -> None:
    asked = ask(*LOOP, user("and?"), *LOOP[1:], tools=(WEATHER,))
    error, body = refusal("0.33.0-rc2", "error-too-long")
    turn = plan_turn(asked, ABLE, saved()).after_refusal(error, body)
    assert turn is not None
    assert [message["role"] for message in checked(turn)["messages"]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_the_policy_error_drops_nothing(mode: str) -> None:
    error, body = refusal("0.33.0-rc2", "error-too-long")
    turn = plan_turn(ask(user("a"), user("b")), PLAIN, saved(mode=mode, overflow="error"))
    assert checked(turn)["truncate"] is False
    assert turn.after_refusal(error, body) is None


STEPS: dict[str, tuple[str, str, object, object]] = {
    "no thinking at all": ("0.24.0", "error-no-thinking", "on", None),
    "no levels": ("0.9.6", "think-high", "high", True),
    "no max": ("0.24.0", "think-bad-value", "max", "high"),
}


@pytest.mark.parametrize(("version", "scenario", "think", "then"), STEPS.values(), ids=STEPS)
def test_one_step_down(version: str, scenario: str, think: str, then: object) -> None:
    error, body = refusal(version, scenario)
    turn = plan_turn(ask(parameters={"think": think}), ModelInfo(), saved()).after_refusal(error, body)
    assert turn is not None
    assert checked(turn).get("think") == then
    assert turn.after_refusal(error, body) is None


def test_an_answer_that_said_nothing_is_asked_for_once_more() -> None:
    turn = plan_turn(ask(), PLAIN, saved())
    error = empty_answer("m")
    again = turn.after_refusal(error, b"")
    assert again is not None
    assert again.request == turn.request
    assert again.after_refusal(error, b"") is None


@pytest.mark.parametrize(
    ("info", "thinking", "thinks"),
    [(PLAIN, "auto", False), (ABLE, "auto", True), (ABLE, "no", True), (PLAIN, "yes", True), (PLAIN, "no", False)],
    ids=["neither", "by its server", "against its user", "by its user", "by nobody"],
)
def test_a_model_is_known_to_think_by_its_server_or_its_user(info: ModelInfo, thinking: str, thinks: bool) -> None:
    assert plan_turn(ask(), info, saved(thinking_support=thinking)).thinks is thinks

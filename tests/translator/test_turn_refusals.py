"""What is sent instead after a server refused a turn, and what the user is told when nothing helps."""

import attrs
import orjson
import pytest

from fixtures.recordings import load
from tests.translator.sample_turns import ABLE, CALL, CLOUD, LOOP, PLAIN, WEATHER, ask, chat, checked, saved, says, user
from translator.errors import ServerError
from translator.failures.build import empty_answer, failure_from_reply
from translator.request.rewrites import Rewrite
from translator.response.capabilities import ModelInfo
from translator.shapes.dify import Message, Role
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
    assert turn.after_refusal(error) is None


def test_another_error_stays_as_it_is() -> None:
    error, body = refusal("0.24.0", "error-unknown-model")
    turn = plan_turn(ask(), PLAIN, saved())
    assert turn.explained(error, body) is error
    assert turn.after_refusal(error) is None


def test_older_turns_are_left_out_by_halves() -> None:
    history = tuple(user(str(number)) for number in range(6))
    turn: Turn | None = plan_turn(ask(says(Role.SYSTEM, "s"), *history), PLAIN, saved())
    error, _ = refusal("0.33.0-rc2", "error-too-long")
    seen = []
    while turn is not None:
        seen.append("".join(message["content"] for message in checked(turn)["messages"]))
        turn = turn.after_refusal(error)
    assert seen == ["s012345", "s345", "s45", "s5"]


def test_left_out_is_said_and_never_cut() -> None:
    error, _ = refusal("0.33.0-rc2", "error-too-long")
    turn = plan_turn(ask(user("a"), user("b")), PLAIN, saved()).after_refusal(error)
    assert turn is not None
    assert SHORTENED in turn.notes
    assert checked(turn) == chat({"role": "user", "content": "b"})
    assert not turn.is_countable


def test_results_leave_with_their_calls() -> None:
    asked = ask(*LOOP, user("and?"), *LOOP[1:], tools=(WEATHER,))
    error, _ = refusal("0.33.0-rc2", "error-too-long")
    turn = plan_turn(asked, ABLE, saved()).after_refusal(error)
    assert turn is not None
    assert [message["role"] for message in checked(turn)["messages"]] == ["user", "assistant", "tool"]


@pytest.mark.parametrize("mode", ["chat", "completion"])
def test_the_policy_error_drops_nothing(mode: str) -> None:
    error, _ = refusal("0.33.0-rc2", "error-too-long")
    turn = plan_turn(ask(user("a"), user("b")), PLAIN, saved(mode=mode, overflow="error"))
    assert checked(turn)["truncate"] is False
    assert turn.after_refusal(error) is None


def said(status: int, text: str) -> tuple[ServerError, bytes]:
    body = orjson.dumps({"error": text})
    return failure_from_reply(status, body), body


def template(reason: str) -> tuple[ServerError, bytes]:
    """As llama-server says it, inside of what Ollama says."""
    message = (
        f"\n------------\nWhile executing CallExpression at line 85, column 32 in source:\n...\n      ^\nError: Jinja Exception: {reason}"
    )
    return said(500, orjson.dumps({"error": {"code": 500, "message": message, "type": "server_error"}}).decode())


def answer(content: str, *calls: str) -> Message:
    return Message(role=Role.ASSISTANT, content=content, tool_calls=tuple(attrs.evolve(CALL, id=each) for each in calls))


def result(call: str, content: str = "sunny") -> Message:
    return Message(role=Role.TOOL, content=content, name="get_weather", tool_call_id=call)


def roles(turn: Turn | None) -> str:
    assert turn is not None
    return "".join(message["role"][0] for message in checked(turn)["messages"])


LONG_LOOP = (user("the question"), *(each for n in range(6) for each in (answer("", f"c{n}"), result(f"c{n}", "long " * 20))))


def test_a_loop_keeps_its_question_and_whole_rounds() -> None:
    turn: Turn | None = plan_turn(ask(says(Role.SYSTEM, "s"), *LONG_LOOP, tools=(WEATHER,)), ABLE, saved())
    assert turn is not None
    assert checked(turn)["truncate"] is False, "a server would drop the question first"
    seen = []
    while turn is not None:
        seen.append(roles(turn))
        assert checked(turn)["messages"][1]["content"] == "the question"
        turn = turn.after_refusal(said(400, "the input length exceeds the context length")[0])
    assert seen == ["suatatatatatat", "suatatat", "suatat", "suat"]


def test_older_exchanges_leave_before_the_running_loop() -> None:
    turn = plan_turn(ask(user("1"), answer("2"), user("3"), answer("4"), *LONG_LOOP, tools=(WEATHER,)), ABLE, saved())
    shorter = turn.after_refusal(said(400, "prompt too long; exceeded max context length by 3044 tokens")[0])
    assert roles(shorter) == "uauatatatatatat"
    assert shorter is not None
    assert roles(shorter.shortened()) == "uatatatatatat"


NUMBERS: dict[str, tuple[str, str]] = {
    "over": ("prompt too long; exceeded max context length by 3044 tokens", r"prompt 134116 tokens, context size 131072 tokens"),
    "both": (
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens",
        r"prompt 9000 tokens, context size 8192 tokens",
    ),
    "none": ("Prompt exceeds max length", r"prompt of about \d+ tokens, context size 131072 tokens"),
}


@pytest.mark.parametrize(("text", "numbers"), NUMBERS.values(), ids=NUMBERS)
def test_the_cloud_is_shortened_and_then_explained_with_numbers(text: str, numbers: str) -> None:
    error, body = said(400, text)
    turn = plan_turn(ask(user("a"), answer("b"), user("c")), CLOUD, saved())
    assert roles(turn.after_refusal(error)) == "u"
    alone = plan_turn(ask(user("c")), CLOUD, saved())
    assert alone.after_refusal(error) is None
    with pytest.raises(ServerError, match=numbers):
        raise alone.explained(error, body)


LONG_CHAT = (*(each for n in range(6) for each in (user(f"{n} " * 900), answer(f"{n}"))), user("end"))
ROLE_WORDS = (
    "Conversation roles must alternate user/assistant/user/assistant/...",
    "After the optional system message, conversation roles must alternate user and assistant roles",
    "No user query found in messages.",
    "Conversation must start with a user turn",
)


@pytest.mark.parametrize("reason", ROLE_WORDS)
def test_a_template_that_raises_after_the_server_cut_gets_a_shorter_conversation(reason: str) -> None:
    turn = plan_turn(ask(*LONG_CHAT), PLAIN, saved())
    assert "truncate" not in checked(turn)
    shorter = turn.after_refusal(template(reason)[0])
    assert shorter is not None
    assert (roles(shorter), checked(shorter)["truncate"], SHORTENED in shorter.notes) == ("uauauau", False, True)
    assert shorter.after_refusal(template(reason)[0]) is None, "now the words are about what was sent"
    too_long = "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"
    assert roles(shorter.after_refusal(said(400, too_long)[0])) == "uau"


@pytest.mark.parametrize(
    "messages",
    [(user("a"), answer("b"), user("c")), (says(Role.SYSTEM, "s"), answer("hi"), user("b " * 9000))],
    ids=["short", "an answer first"],
)
def test_a_template_that_raises_because_of_the_prompt_is_believed(messages: tuple[Message, ...]) -> None:
    turn = plan_turn(ask(*messages), attrs.evolve(PLAIN, context_length=40960), saved(context_size="30000"))
    assert turn.after_refusal(template(ROLE_WORDS[0])[0]) is None


@pytest.mark.parametrize("reason", ROLE_WORDS)
def test_what_is_out_of_turn_is_joined_before_anything_is_left_out(reason: str) -> None:
    """gemma's template on 0.33.0 refuses a system text in the middle and two questions in a row."""
    turn = plan_turn(ask(*LONG_CHAT, says(Role.SYSTEM, "s"), user("really")), PLAIN, saved())
    joined = turn.after_refusal(template(reason)[0])
    assert joined is not None
    assert (roles(joined), checked(joined)["messages"][-1]["content"]) == ("s" + "ua" * 6 + "u", "end\n\nreally")
    assert Rewrite.IN_TURN.value in joined.notes
    assert roles(joined.after_refusal(template(reason)[0])) == "suauauau"


TALK = (
    says(Role.SYSTEM, "Be kind."),
    user("Hello"),
    answer("<think>hm</think>Hi"),
    says(Role.SYSTEM, "Now be brief."),
    user("weather?"),
    answer("", "call_abc-123"),
    result("call_abc-123"),
)

REFORMED: dict[str, tuple[tuple[ServerError, bytes], Rewrite]] = {
    "system at the beginning": (template("System message must be at the beginning."), Rewrite.SYSTEM_FIRST),
    "one system message": (template("Only one system message is allowed"), Rewrite.SYSTEM_FIRST),
    "no system message": (template("System role not supported"), Rewrite.SYSTEM_IN_USER),
    "nine characters": (template("Tool call IDs should be alphanumeric strings with length 9!"), Rewrite.SHORT_CALL_IDS),
    "nine characters, the service": (
        said(400, "Tool call id was call_abc-123 but must be a-z, A-Z, 0-9, with a length of 9."),
        Rewrite.SHORT_CALL_IDS,
    ),
    "thinking": (said(400, "'messages.2' : property 'reasoning_content' is unsupported"), Rewrite.WITHOUT_THINKING),
    "thinking, another service": (said(422, "messages.1.assistant.thinking: Extra inputs are not permitted"), Rewrite.WITHOUT_THINKING),
}


@pytest.mark.parametrize(("refused", "rewrite"), REFORMED.values(), ids=REFORMED)
def test_one_more_try_in_another_form(refused: tuple[ServerError, bytes], rewrite: Rewrite) -> None:
    turn = plan_turn(ask(*TALK, tools=(WEATHER,)), ABLE, saved())
    again = turn.after_refusal(refused[0])
    assert again is not None
    assert again.request != turn.request
    assert again.rewrites == frozenset({rewrite})
    assert rewrite.value in again.notes
    assert again.after_refusal(refused[0]) is None
    at_once = plan_turn(ask(*TALK, tools=(WEATHER,)), ABLE, saved(), known=again.rewrites)
    assert (at_once.request, at_once.notes) == (again.request, again.notes)
    assert checked(at_once) == checked(again)


def test_forms_add_up() -> None:
    turn: Turn | None = plan_turn(ask(*TALK, tools=(WEATHER,)), ABLE, saved())
    for refused, _ in (REFORMED["system at the beginning"], REFORMED["nine characters"], REFORMED["thinking"]):
        assert turn is not None
        turn = turn.after_refusal(refused[0])
    assert turn is not None
    assert roles(turn) == "suauat"
    assert checked(turn)["messages"][0]["content"] == "Be kind.\n\nNow be brief."
    assert [message["tool_call_id"] for message in checked(turn)["messages"] if message["role"] == "tool"] == ["call00001"]
    assert "thinking" not in checked(turn)["messages"][2]
    assert len(turn.rewrites) == 3


def test_a_form_that_changes_nothing_is_not_tried() -> None:
    turn = plan_turn(ask(says(Role.SYSTEM, "s"), user("hi")), PLAIN, saved())
    assert turn.after_refusal(template("System message must be at the beginning.")[0]) is None
    assert turn.after_refusal(template("Tool call IDs should be alphanumeric strings with length 9!")[0]) is None


def test_what_a_model_is_known_for_is_said_only_where_it_changes_something() -> None:
    turn = plan_turn(ask(user("hi")), PLAIN, saved(), known=frozenset(Rewrite))
    assert (turn.notes, turn.rewrites) == ((), frozenset())


def test_completion_mode_has_no_other_forms() -> None:
    turn = plan_turn(ask(user("hi")), PLAIN, saved(mode="completion"), known=frozenset(Rewrite))
    assert turn.after_refusal(template("System message must be at the beginning.")[0]) is None


STEPS: dict[str, tuple[str, str, object, object]] = {
    "no thinking at all": ("0.24.0", "error-no-thinking", "on", None),
    "no levels": ("0.9.6", "think-high", "high", True),
    "no max": ("0.24.0", "think-bad-value", "max", "high"),
}


@pytest.mark.parametrize(("version", "scenario", "think", "then"), STEPS.values(), ids=STEPS)
def test_one_step_down(version: str, scenario: str, think: str, then: object) -> None:
    error, _ = refusal(version, scenario)
    turn = plan_turn(ask(parameters={"think": think}), ModelInfo(), saved()).after_refusal(error)
    assert turn is not None
    assert checked(turn).get("think") == then
    assert turn.after_refusal(error) is None


def test_an_answer_that_said_nothing_is_asked_for_once_more() -> None:
    turn = plan_turn(ask(), PLAIN, saved())
    error = empty_answer("m")
    again = turn.after_refusal(error)
    assert again is not None
    assert again.request == turn.request
    assert again.after_refusal(error) is None


@pytest.mark.parametrize(
    ("info", "thinking", "thinks"),
    [(PLAIN, "auto", False), (ABLE, "auto", True), (ABLE, "no", True), (PLAIN, "yes", True), (PLAIN, "no", False)],
    ids=["neither", "by its server", "against its user", "by its user", "by nobody"],
)
def test_a_model_is_known_to_think_by_its_server_or_its_user(info: ModelInfo, thinking: str, thinks: bool) -> None:
    assert plan_turn(ask(), info, saved(thinking_support=thinking)).thinks is thinks

"""A conversation through its tool calls, with recorded answers."""

import json
from typing import Any

import pytest

from fixtures.recordings import load
from translator import Answer, Conversation, Credentials, RequestError, Role, Tool, Turn, collect, deltas_to_chunks, reply_stream

WEATHER = Tool(name="get_weather", parameters={"type": "object", "properties": {"city": {"type": "string"}}})


def played(conversation: Conversation, turn: Turn, version: str, scenario: str) -> Answer:
    """The recorded answer to a turn."""
    stream = conversation.stream(turn)
    return collect(deltas_to_chunks([*stream.feed(load(version, scenario).body), *stream.end()]))


def sent(turn: Turn) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(turn.body)
    return body


def test_a_tool_loop() -> None:
    conversation = Conversation(model="think-tools", system="Be brief.", tools=(WEATHER,))
    turn = conversation.say("How is the weather in Paris?")
    (call,) = conversation.take(played(conversation, turn, "0.24.0", "think-then-tool"))
    conversation.give(call, "21 °C, sunny")
    turn = conversation.turn()
    assert [message["role"] for message in sent(turn)["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent(turn)["messages"][2]["thinking"] == "Need the weather."
    assert sent(turn)["messages"][3] | {"tool_call_id": call.id} == {
        "role": "tool", "content": "21 °C, sunny", "tool_name": "get_weather", "tool_call_id": call.id,
    }  # fmt: skip
    assert conversation.take(played(conversation, turn, "0.24.0", "chat-plain")) == ()
    assert [message.role for message in conversation.messages] == [Role.USER, Role.ASSISTANT, Role.TOOL, Role.ASSISTANT]


def test_calls_without_an_id_are_counted_from_turn_to_turn() -> None:
    """Servers before 0.12.10 give none."""
    conversation = Conversation(model="think-tools", tools=(WEATHER,))
    ids = []
    for _ in range(2):
        (call,) = conversation.take(played(conversation, conversation.say("And now?"), "0.9.6", "think-then-tool"))
        conversation.give(call, "rain")
        ids.append(call.id)
    assert ids == ["call_1", "call_2"]


def test_a_forgotten_result_is_said() -> None:
    conversation = Conversation(model="think-tools", tools=(WEATHER,))
    answer = played(conversation, conversation.say("How is the weather?"), "0.24.0", "think-then-tool")
    (call,) = conversation.take(answer)
    for step in (conversation.turn, lambda: conversation.say("Well?"), lambda: conversation.take(answer)):
        with pytest.raises(ValueError, match="get_weather"):
            step()
    conversation.give(call, "rain")
    with pytest.raises(ValueError, match="No result of get_weather"):
        conversation.give(call, "rain")


def test_a_conversation_that_was_saved_goes_on_with_the_results() -> None:
    conversation = Conversation(model="think-tools", tools=(WEATHER,))
    (call,) = conversation.take(played(conversation, conversation.say("How is the weather?"), "0.9.6", "think-then-tool"))
    restored = Conversation(model="think-tools", tools=(WEATHER,), messages=list(conversation.messages))
    with pytest.raises(ValueError, match="get_weather"):
        restored.turn()
    restored.give(call, "rain")
    (further,) = restored.take(played(restored, restored.turn(), "0.9.6", "think-then-tool"))
    assert (call.id, further.id) == ("call_1", "call_2")


def test_what_cannot_be_sent_is_not_kept() -> None:
    conversation = Conversation(model="m", parameters={"temperature": "hot"})
    with pytest.raises(RequestError):
        conversation.say("Hello")
    assert conversation.messages == []


def test_settings_are_plain_keywords() -> None:
    turn = Conversation(model="m", settings=Credentials(context_size=4096, keep_alive="5m")).say("Hello")
    assert sent(turn)["options"] == {"num_ctx": 4096}
    assert sent(turn)["keep_alive"] == "5m"


def test_a_stream_reads_what_its_turn_asked_for() -> None:
    turn = Conversation(model="m", tools=(WEATHER,), parameters={"think": "off"}).say("Hello")
    stream = reply_stream(turn, new_id=lambda: "x")
    assert (stream.model, stream.tools, stream.show_thinking, stream.new_id()) == ("m", (WEATHER,), turn.show_thinking, "x")

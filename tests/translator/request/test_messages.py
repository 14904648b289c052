"""Dify's messages to Ollama's, as tables of input and exact wire JSON."""

from typing import Any

import pytest

from translator import codec
from translator.errors import RequestError
from translator.request.messages import messages_to_wire, split_thinking
from translator.shapes.dify import MediaKind, MediaPart, Message, Role, TextPart, ToolCall
from translator.shapes.wire import ChatRequest


def wire(*messages: Message) -> list[dict[str, Any]]:
    request = ChatRequest(model="m", messages=messages_to_wire(messages, lambda part: f"<{part.base64}>"))
    plain: list[dict[str, Any]] = codec.to_plain(request)["messages"]
    return plain


def system(content: str) -> Message:
    return Message(role=Role.SYSTEM, content=content)


def user(content: str) -> Message:
    return Message(role=Role.USER, content=content)


def assistant(content: str = "", *calls: ToolCall) -> Message:
    return Message(role=Role.ASSISTANT, content=content, tool_calls=calls)


def result(content: str, identity: str, name: str = "") -> Message:
    return Message(role=Role.TOOL, content=content, tool_call_id=identity, name=name)


def call(identity: str, name: str, arguments: str = "{}") -> ToolCall:
    return ToolCall(id=identity, name=name, arguments=arguments)


def image(data: str) -> MediaPart:
    return MediaPart(kind=MediaKind.IMAGE, base64=data)


HI = {"role": "user", "content": "hi"}
CASES: dict[str, tuple[list[Message], list[dict[str, Any]]]] = {
    "plain": ([system("s"), user("hi")], [{"role": "system", "content": "s"}, HI]),
    "developer becomes system": ([Message(role=Role.DEVELOPER, content="s"), user("hi")], [{"role": "system", "content": "s"}, HI]),
    "empty system is dropped": ([system("  "), user("hi")], [HI]),
    "several systems keep their places": (
        [system("a"), user("hi"), system("b")],
        [{"role": "system", "content": "a"}, HI, {"role": "system", "content": "b"}],
    ),
    "system alone gets a user turn": ([system("s")], [{"role": "system", "content": "s"}, {"role": "user", "content": ""}]),
    "nothing at all gets a user turn": ([], [{"role": "user", "content": ""}]),
    "consecutive users stay apart": ([user("a"), user("hi")], [{"role": "user", "content": "a"}, HI]),
    "trailing empty assistant is dropped": ([user("hi"), assistant("")], [HI]),
    "prefill stays": ([user("hi"), assistant("So")], [HI, {"role": "assistant", "content": "So"}]),
    "empty assistant in the middle stays": (
        [user("a"), assistant(""), user("hi")],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": ""}, HI],
    ),
    "agent placeholders are text": ([user("[image]\nwhat?")], [{"role": "user", "content": "[image]\nwhat?"}]),
    "parts are joined": (
        [Message(role=Role.USER, content=(TextPart("a "), TextPart("b")))],
        [{"role": "user", "content": "a b"}],
    ),
    "images of any role keep their order": (
        [
            Message(role=role, content=(image("1"), TextPart("t"), image("2")))
            for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL)
        ],
        [{"role": role, "content": "t", "images": ["<1>", "<2>"]} for role in ("system", "user", "assistant", "tool")],
    ),
    "past thinking goes apart": (
        [user("a"), assistant("<think>\nhm\n</think>\n\nyes"), user("hi")],
        [{"role": "user", "content": "a"}, {"role": "assistant", "content": "yes", "thinking": "hm"}, HI],
    ),
    "calls and results": (
        [
            user("hi"),
            assistant("<think>\nhm\n</think>", call("1", "f", '{"a": 1}'), call("2", "g", "")),
            result("r1", "1", "f"),
            result("r2", "2"),
        ],
        [
            HI,
            {
                "role": "assistant",
                "content": "",
                "thinking": "hm",
                "tool_calls": [
                    {"id": "1", "function": {"name": "f", "arguments": {"a": 1}}},
                    {"id": "2", "function": {"name": "g", "arguments": {}}},
                ],
            },
            {"role": "tool", "content": "r1", "tool_name": "f", "tool_call_id": "1"},
            {"role": "tool", "content": "r2", "tool_name": "g", "tool_call_id": "2"},
        ],
    ),
    "results are put in call order": (
        [user("hi"), assistant("", call("1", "f"), call("2", "g")), result("r2", "2"), result("r1", "1")],
        [
            HI,
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {"id": "1", "function": {"name": "f", "arguments": {}}},
                    {"id": "2", "function": {"name": "g", "arguments": {}}},
                ],
            },
            {"role": "tool", "content": "r1", "tool_name": "f", "tool_call_id": "1"},
            {"role": "tool", "content": "r2", "tool_name": "g", "tool_call_id": "2"},
        ],
    ),
    "a result nobody asked for stays": ([user("hi"), result("r", "9")], [HI, {"role": "tool", "content": "r", "tool_call_id": "9"}]),
    "an id used twice names the nearest call": (
        [user("hi"), assistant("", call("1", "f")), result("r", "1"), assistant("", call("1", "g")), result("q", "1")],
        [
            HI,
            {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "content": "r", "tool_name": "f", "tool_call_id": "1"},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "1", "function": {"name": "g", "arguments": {}}}]},
            {"role": "tool", "content": "q", "tool_name": "g", "tool_call_id": "1"},
        ],
    ),
}


@pytest.mark.parametrize(("messages", "expected"), CASES.values(), ids=CASES.keys())
def test_messages(messages: list[Message], expected: list[dict[str, Any]]) -> None:
    assert wire(*messages) == expected


def test_malformed_arguments_name_the_call_and_not_the_arguments() -> None:
    with pytest.raises(RequestError, match="get_weather") as raised:
        wire(user("hi"), assistant("", call("1", "get_weather", '{"city": "Par')))
    assert "Par" not in str(raised.value)


@pytest.mark.parametrize("kind", list(MediaKind), ids=str)
def test_media_raises_where_it_cannot_be_sent(kind: MediaKind) -> None:
    message = Message(role=Role.USER, content=(TextPart("t"), MediaPart(kind=kind, base64="QQ==")))
    with pytest.raises(RequestError, match=kind.value):
        messages_to_wire([message])


PAST = {
    "none": ("plain", "plain", ""),
    "less than": ("1 < 2", "1 < 2", ""),
    "one": ("<think>\na\n</think>\nb", "b", "a"),
    "two": ("<think>a</think>\n<think>c</think>d", "d", "a\nc"),
    "unclosed": ("<think>b a", "", "b a"),
    "after blanks": ("\n <think>a</think>b", "b", "a"),
    "as the answer was shown": ("<think>\na\n</think>\n\n\nb", "b", "a"),
    "in the middle": ("x <think>a</think> y\n", "x <think>a</think> y\n", ""),
    "after a block": ("<think>a</think>b <think>c</think> d", "b <think>c</think> d", "a"),
    "an open tag in the middle": ("b<think>a", "b<think>a", ""),
    "between back-ticks": ("It is `<think>`x`</think>`.", "It is `<think>`x`</think>`.", ""),
    "in a fence": ("```\n<think>\na\n</think>\n```", "```\n<think>\na\n</think>\n```", ""),
    "a back-tick first": ("`<think>` opens", "`<think>` opens", ""),
    "in quotes": ('"<think>a</think>" is thinking', '"<think>a</think>" is thinking', ""),
    "empty": ("<think>\n\n</think>b", "b", ""),
    "attributes and case": ('<THINK foo="1">a</THINK >b', "b", "a"),
    "another tag": ("<thinker>a</thinker>", "<thinker>a</thinker>", ""),
    "close alone": ("a</think>b", "a</think>b", ""),
}


@pytest.mark.parametrize(("text", "content", "thinking"), PAST.values(), ids=PAST.keys())
def test_past_thinking(text: str, content: str, thinking: str) -> None:
    assert split_thinking(text) == (content, thinking)

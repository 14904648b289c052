"""The SDK's messages and tools to ours, as the daemon's JSON makes them."""

from typing import Any

import pytest
from dify_plugin.entities.model.message import PromptMessageContent, PromptMessageTool, UserPromptMessage, ensure_prompt_message

from plugin_entry.dify.objects import messages_from_sdk, tools_from_sdk
from translator.errors import RequestError
from translator.shapes.dify import MediaKind, MediaPart, Message, Role, TextPart, Tool, ToolCall

DAEMON = {"name": "", "tool_call_id": "", "content": "", "tool_calls": None}
"""Keys that the daemon adds to every message."""
PICTURE = {
    "type": "image", "data": "data:image/png;base64,AAAA", "base64_data": "AAAA", "url": "", "encode_format": "", "format": "png",
    "mime_type": "image/png", "detail": "high", "filename": "a.png",
}  # fmt: skip
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}

MESSAGES: dict[str, tuple[dict[str, Any], Message]] = {
    "user": ({"role": "user", "content": "hi"}, Message(role=Role.USER, content="hi")),
    "system": ({"role": "system", "content": "s"}, Message(role=Role.SYSTEM, content="s")),
    "developer": ({"role": "developer", "content": "d"}, Message(role=Role.DEVELOPER, content="d")),
    "assistant": ({"role": "assistant", "content": "a", "tool_calls": []}, Message(role=Role.ASSISTANT, content="a")),
    "no content": ({"role": "assistant", "content": None, "tool_calls": []}, Message(role=Role.ASSISTANT, content="")),
    "calls": (
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="c1", name="f", arguments='{"a":1}'),)),
    ),
    "call without id": (
        {"role": "assistant", "content": "", "tool_calls": [{**CALL, "id": None}]},
        Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="", name="f", arguments='{"a":1}'),)),
    ),
    "result": (
        {"role": "tool", "content": "r", "tool_call_id": "c1", "name": "f"},
        Message(role=Role.TOOL, content="r", tool_call_id="c1", name="f"),
    ),
    "result without name": (
        {"role": "tool", "content": "r", "tool_call_id": "c1", "name": None},
        Message(role=Role.TOOL, content="r", tool_call_id="c1"),
    ),
    "parts in order": (
        {"role": "user", "content": [PICTURE, {"type": "text", "data": "look"}, {**PICTURE, "url": "http://h/1", "base64_data": ""}]},
        Message(
            role=Role.USER,
            content=(
                MediaPart(kind=MediaKind.IMAGE, base64="AAAA", mime_type="image/png", filename="a.png"),
                TextPart("look"),
                MediaPart(kind=MediaKind.IMAGE, url="http://h/1", mime_type="image/png", filename="a.png"),
            ),
        ),
    ),
    "no parts": ({"role": "user", "content": []}, Message(role=Role.USER, content=())),
}  # fmt: skip


@pytest.mark.parametrize(("given", "message"), MESSAGES.values(), ids=MESSAGES)
def test_messages(given: dict[str, Any], message: Message) -> None:
    assert messages_from_sdk([ensure_prompt_message(given)]) == (message,)


@pytest.mark.parametrize("kind", MediaKind)
def test_every_kind_of_file(kind: MediaKind) -> None:
    (message,) = messages_from_sdk([ensure_prompt_message({"role": "user", "content": [{**PICTURE, "type": kind.value}]})])
    assert message.content == (MediaPart(kind=kind, base64="AAAA", mime_type="image/png", filename="a.png"),)


def test_keys_of_the_daemon() -> None:
    given = {**DAEMON, "role": "tool", "content": "r", "tool_call_id": "c1"}
    assert messages_from_sdk([ensure_prompt_message(given)]) == (Message(role=Role.TOOL, content="r", tool_call_id="c1"),)


def test_unknown_parts_are_an_error() -> None:
    with pytest.raises(RequestError, match="PromptMessageContent, which this plugin does not know"):
        messages_from_sdk([UserPromptMessage.model_construct(content=[PromptMessageContent()])])


def test_tools() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert tools_from_sdk([PromptMessageTool(name="f", description="d", parameters=schema)]) == (
        Tool(name="f", description="d", parameters=schema),
    )
    assert tools_from_sdk(None) == ()
    assert tools_from_sdk([]) == ()

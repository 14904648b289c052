"""The SDK's prompt messages and tools to ours. Nothing is interpreted here; what a part means is the translator's business.

Enters: the SDK's objects. Leaves: `Message`, `Tool` and their parts.
"""

from collections.abc import Sequence

from dify_plugin.entities.model.message import (
    AssistantPromptMessage,
    MultiModalPromptMessageContent,
    PromptMessage,
    PromptMessageContent,
    PromptMessageTool,
    TextPromptMessageContent,
    ToolPromptMessage,
)

from translator.errors import RequestError
from translator.shapes.dify import MediaKind, MediaPart, Message, Part, Role, TextPart, Tool, ToolCall


def messages_from_sdk(messages: Sequence[PromptMessage]) -> tuple[Message, ...]:
    """Gives one Message per prompt message. Raises RequestError for a part of an unknown type."""
    return tuple(_message(message) for message in messages)


def tools_from_sdk(tools: Sequence[PromptMessageTool] | None) -> tuple[Tool, ...]:
    """Gives one Tool per offered tool; None means none."""
    return tuple(Tool(name=tool.name, description=tool.description, parameters=tool.parameters) for tool in tools or ())


def _message(message: PromptMessage) -> Message:
    return Message(
        role=Role(message.role.value),
        content=_content(message.content),
        name=message.name or "",
        tool_call_id=message.tool_call_id if isinstance(message, ToolPromptMessage) else "",
        tool_calls=_calls(message) if isinstance(message, AssistantPromptMessage) else (),
    )


def _content(content: str | Sequence[PromptMessageContent] | None) -> str | tuple[Part, ...]:
    if content is None or isinstance(content, str):
        return content or ""
    return tuple(_part(part) for part in content)


def _part(part: PromptMessageContent) -> Part:
    match part:
        case TextPromptMessageContent():
            return TextPart(part.data)
        case MultiModalPromptMessageContent():
            kind = MediaKind(str(getattr(part, "type", "")))
            return MediaPart(kind=kind, base64=part.base64_data, url=part.url, mime_type=part.mime_type, filename=part.filename)
        case _:
            raise RequestError.of("unknown_part", f"A message holds a part of type {type(part).__name__}, which this plugin does not know.")


def _calls(message: AssistantPromptMessage) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments) for call in message.tool_calls)

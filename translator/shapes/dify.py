"""What Dify means: prompt messages, parts, tools, tool calls and usage, mirrored without the Dify SDK.

Importing the SDK patches the standard library, so the pure side has its own small classes; `plugin_entry` converts at the edge.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs


def length_only(content: str | tuple[object, ...]) -> str:
    """Stands for a text, or for parts, wherever an object is printed: logs must not hold prompts and answers."""
    return f"<{len(content)} {'characters' if isinstance(content, str) else 'parts'}>"


class Role(StrEnum):
    """Who speaks. `developer` is known to the SDK only; Ollama understands the other four."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    DEVELOPER = "developer"


class Mode(StrEnum):
    """Which route a language model is asked through: `/api/chat` or `/api/generate`."""

    CHAT = "chat"
    COMPLETION = "completion"


class MediaKind(StrEnum):
    """What a non-text part holds."""

    IMAGE = "image"
    AUDIO = "audio"
    DOCUMENT = "document"
    VIDEO = "video"


@attrs.frozen(slots=True)
class TextPart:
    """A piece of text inside a list of parts."""

    text: str = attrs.field(repr=length_only)


@attrs.frozen(slots=True, kw_only=True)
class MediaPart:
    """A file inside a list of parts: `base64` (maybe with a data-URL prefix) or `url`, as Dify's MULTIMODAL_SEND_FORMAT decides."""

    kind: MediaKind
    base64: str = attrs.field(default="", repr=False)
    url: str = attrs.field(default="", repr=False)
    mime_type: str = ""
    filename: str = ""


type ContentPart = TextPart | MediaPart
"""A piece of a message: text or a file."""


@attrs.frozen(slots=True, kw_only=True)
class ToolCall:
    """A call the model asks for; `arguments` is a JSON text of an object."""

    id: str
    name: str
    arguments: str = attrs.field(repr=length_only)


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """One message of a conversation. `content` is a text, or parts where files are in it.

    `tool_calls` belong to what the assistant said; `name` (of the tool) and `tool_call_id` to the result of a call.
    """

    role: Role
    content: str | tuple[ContentPart, ...] = attrs.field(default="", repr=length_only)
    name: str = ""
    tool_call_id: str = ""
    tool_calls: tuple[ToolCall, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The pieces of text in order, without files."""
        if isinstance(self.content, str):
            return (self.content,)
        return tuple(part.text for part in self.content if isinstance(part, TextPart))


@attrs.frozen(slots=True, kw_only=True)
class Tool:
    """A function offered to the model; `parameters` is a JSON Schema of an object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = attrs.field(factory=dict)


class FinishReason(StrEnum):
    """Why an answer ended, in Dify's words."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"


@attrs.frozen(slots=True, kw_only=True)
class Usage:
    """Tokens of one answer; durations in nanoseconds as the server measured them, 0 when it did not say."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool = False
    total_ns: int = 0
    load_ns: int = 0
    prompt_ns: int = 0
    eval_ns: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens per second of decoding; 0.0 when the server gave no time."""
        return self.completion_tokens / (self.eval_ns / 1e9) if self.eval_ns else 0.0

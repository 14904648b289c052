"""What Ollama spells: request bodies and reply lines of `/api/chat` and `/api/generate`, field for field.

Names are those of the server's `api/types.go`. A field that is None (or empty, where empty means absent) is not sent; reply fields
that are absent and those that are null mean the same.
"""

from collections.abc import Mapping
from typing import Any

import attrs

type Think = bool | str
"""`think` on the wire: true, false, or a level (`low`, `medium`, `high`, `max`)."""

type KeepAlive = int | float | str
"""Seconds as a number (negative: forever), or a Go duration with a unit (`5m`)."""


@attrs.frozen(slots=True, kw_only=True)
class WireFunctionCall:
    """`arguments` is a JSON object, never a text (0.24.0 `error-arguments-string`)."""

    name: str
    arguments: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    index: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class WireToolCall:
    """`id` exists since 0.12.10 and may be absent or empty."""

    function: WireFunctionCall
    id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class WireMessage:
    """One message of a chat request. `content` is always a string; `images` are bare padded base64."""

    role: str
    content: str = attrs.field(default="", repr=False)
    thinking: str | None = attrs.field(default=None, repr=False)
    images: tuple[str, ...] = attrs.field(default=(), repr=False)
    tool_calls: tuple[WireToolCall, ...] = ()
    tool_name: str | None = None
    tool_call_id: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class WireFunction:
    """A function offered to the model; `parameters` is an object schema (see `schema/tools.py`)."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(slots=True, kw_only=True)
class WireTool:
    """The wrapper without which the server reads an empty tool."""

    function: WireFunction
    type: str = "function"


@attrs.frozen(slots=True, kw_only=True)
class ChatRequest:
    """Body of `POST /api/chat`."""

    model: str
    messages: tuple[WireMessage, ...]
    stream: bool = True
    tools: tuple[WireTool, ...] = ()
    format: Any = None
    think: Think | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    keep_alive: KeepAlive | None = None
    truncate: bool | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class GenerateRequest:
    """Body of `POST /api/generate`."""

    model: str
    prompt: str = attrs.field(repr=False)
    system: str | None = attrs.field(default=None, repr=False)
    suffix: str | None = attrs.field(default=None, repr=False)
    images: tuple[str, ...] = attrs.field(default=(), repr=False)
    stream: bool = True
    format: Any = None
    think: Think | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)
    keep_alive: KeepAlive | None = None
    truncate: bool | None = None


@attrs.frozen(slots=True, kw_only=True)
class ReplyMessage:
    """What one reply line says; any of the three may come together."""

    content: str = attrs.field(default="", repr=False)
    thinking: str = attrs.field(default="", repr=False)
    tool_calls: tuple[WireToolCall, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class Reply:
    """One line of a chat or generate reply; counters are 0 when absent, durations are nanoseconds.

    `created_at` is not here: nothing needs it, and its 0 to 9 fraction digits make it costly to parse.
    """

    message: ReplyMessage = ReplyMessage()
    done: bool = False
    done_reason: str = ""
    total_duration: int = 0
    load_duration: int = 0
    prompt_eval_count: int = 0
    prompt_eval_duration: int = 0
    eval_count: int = 0
    eval_duration: int = 0

"""One line of a reply to its events, always in the order thinking, text, calls, done.

Enters: a complete line, from `/api/chat` or `/api/generate`, streamed or not. Leaves: events; a line that is an error or no reply at all
is an event too, nothing raises. One line may carry thinking, text, calls and `done` together (0.24.0 `harmony-tool`, 0.33.0-rc2
`native-tool`).
"""

from typing import Any

from translator import codec
from translator.response import failures
from translator.shapes.events import Event, WireEvent
from translator.shapes.wire import Reply

IDLE_REASONS = frozenset({"load", "unload"})
GENERATE_FIELDS = {"response": "content", "thinking": "thinking", "tool_calls": "tool_calls"}


def line_to_events(line: bytes, number: int, model: str) -> list[WireEvent]:
    """Gives the events of line `number` (from 1); `model` is named in errors."""
    try:
        raw = codec.loads(line)
        if not isinstance(raw, dict):
            raise codec.DecodeError(f"expected an object, got {type(raw).__name__}")
        if raw.get("error") is not None:
            return [WireEvent(Event.REFUSED, error=failures.failure_in_stream(raw["error"], model=model))]
        return _plain_line(raw) or _any_line(raw)
    except codec.DecodeError:
        return [WireEvent(Event.GARBLED, error=failures.garbled_line(number, len(line)))]


def _plain_line(raw: dict[str, Any]) -> list[WireEvent]:
    """The common line, one piece of text or thinking and nothing else, without building a shape for it; else an empty list."""
    message = raw.get("message")
    if raw.get("done") is not False or type(message) is not dict or message.get("tool_calls"):
        return []
    content, thinking = message.get("content"), message.get("thinking")
    if content and not thinking and type(content) is str:
        return [WireEvent(Event.TEXT, content)]
    if thinking and not content and type(thinking) is str:
        return [WireEvent(Event.THINKING, thinking)]
    return []


def _any_line(raw: dict[str, Any]) -> list[WireEvent]:
    if raw.get("message") is None:
        raw = raw | {"message": {name: raw.get(key) for key, name in GENERATE_FIELDS.items()}}
    return _reply_to_events(codec.structure(raw, Reply))


def _reply_to_events(reply: Reply) -> list[WireEvent]:
    events: list[WireEvent] = []
    if reply.message.thinking:
        events.append(WireEvent(Event.THINKING, reply.message.thinking))
    if reply.message.content:
        events.append(WireEvent(Event.TEXT, reply.message.content))
    if reply.message.tool_calls:
        events.append(WireEvent(Event.CALLS, calls=reply.message.tool_calls))
    if reply.done:
        events.append(WireEvent(Event.IDLE if reply.done_reason in IDLE_REASONS else Event.DONE, reply=reply))
    return events

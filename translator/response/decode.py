"""One line of a reply to its events, always in the order thinking, text, calls, done.

The line is one of `/api/chat` or `/api/generate`, streamed or not. One line may carry thinking, text, calls and `done` together (0.24.0
`harmony-tool`, 0.33.0-rc2 `native-tool`), or nothing, which gives no event. A line that is an error, or no reply at all, is an event, too:
nothing raises. `costly_line` finds lines that are too costly to parse.
"""

from typing import Any

from translator import codec
from translator.errors import ServerError
from translator.failures import build
from translator.failures.bodies import PAGE_START
from translator.limits import Limits
from translator.response.calls import UnreadableArgumentsError, with_read_arguments
from translator.response.lines import read_line
from translator.schema.json_data import can_be_sent_back
from translator.shapes.events import Event, WireEvent
from translator.shapes.wire import Reply

PAGE_BYTES = 4096
"""Of a line that may be a web page, enough for its title."""
GENERATE_FIELDS = {"response": "content", "thinking": "thinking", "tool_calls": "tool_calls"}
CALLS_KEY = b'"tool_calls"'
SHRINKS = {b"\\u": 5, b"\\/": 1, b'\\"': 1, b"\\\\": 1, b" ": 1, b"\t": 1, b"\r": 1}
"""What JSON may lose when it is written anew, and the bytes that each loses at most: escapes, white space, and the quotes and back-slashes
of arguments that were JSON text."""


def line_to_events(line: bytes, number: int, model: str) -> list[WireEvent]:
    """Gives the events of line `number` (from 1); `model` is named in errors."""
    raw, kind, text = read_line(line)
    return [WireEvent(kind, text)] if text else raw_to_events(raw, line, number, model)


def raw_to_events(raw: object, line: bytes, number: int, model: str) -> list[WireEvent]:
    """Gives the events of a line that is not plain; `raw` is its JSON."""
    try:
        if not isinstance(raw, dict):
            raise codec.DecodeError(f"expected an object, got {type(raw).__name__}")
        if raw.get("error") is not None:
            return [WireEvent(Event.REFUSED, error=build.failure_in_stream(raw["error"], model=model))]
        return _object_to_events(raw)
    except UnreadableArgumentsError:
        return [WireEvent(Event.GARBLED, error=build.arguments_unreadable(model))]
    except codec.DecodeError:
        return [_garbled(line, number, model)]


def _garbled(line: bytes, number: int, model: str) -> WireEvent:
    """A web page as the first line is no broken answer: another server answered, most often with a login page."""
    text = line[:PAGE_BYTES].decode("utf-8", "replace")
    if number == 1 and PAGE_START.match(text):
        return WireEvent(Event.REFUSED, error=build.failure_in_stream(text, model=model))
    return WireEvent(Event.GARBLED, error=build.garbled_line(number, len(line)))


def _object_to_events(raw: dict[str, Any]) -> list[WireEvent]:
    message = raw.get("message")
    if message is None:
        message = {name: raw[key] for key, name in GENERATE_FIELDS.items() if key in raw}
        raw = raw | {"message": message}
    if not raw.get("done") and isinstance(message, dict) and all(message.get(name) in (None, "") for name in GENERATE_FIELDS.values()):
        return []
    if isinstance(message, dict):
        raw = raw | {"message": with_read_arguments(message)}
    return _reply_to_events(codec.structure(raw, Reply))


def _reply_to_events(reply: Reply) -> list[WireEvent]:
    events: list[WireEvent] = []
    if reply.message.thinking:
        events.append(WireEvent(Event.THINKING, reply.message.thinking))
    if reply.message.content:
        events.append(WireEvent(Event.TEXT, reply.message.content))
    if reply.message.tool_calls:
        if not all(can_be_sent_back(call.function.arguments) for call in reply.message.tool_calls):
            raise codec.DecodeError("arguments that no later request could repeat")
        events.append(WireEvent(Event.CALLS, calls=reply.message.tool_calls))
    if reply.done:
        events.append(WireEvent(Event.DONE, reply=reply))
    return events


def costly_line(line: bytes, number: int, limits: Limits, model: str) -> ServerError | None:
    """The error of a line that holds too much to be parsed, found without parsing; None for any other."""
    start = line.find(CALLS_KEY)
    if start >= 0:
        least = _least_bytes(line, start)
        if least > limits.calls_bytes:
            return build.calls_too_large(least, model)
    try:
        codec.require_few_values(line, limits.line_values, limits.line_containers)
    except codec.TooManyValuesError:
        return build.line_too_full(number, len(line))
    return None


def _least_bytes(line: bytes, start: int) -> int:
    """Bytes that the calls of a line have at least when they are written for Dify.

    Writing them anew loses white space and escapes only. `start` is the key itself: inside of a text its quotes would be escaped.
    """
    saved = sum(line.count(mark, start) * bytes_saved for mark, bytes_saved in SHRINKS.items())
    return max(0, len(line) - start - saved)

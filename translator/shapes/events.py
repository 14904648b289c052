"""What happens in a reply (events, into the machine) and what is told about it (deltas, out of the machine).

An event is a kind plus what it carries; the kinds and the states are enums so that the transition table can be read as data
(and enums of integers because those hash without a Python call, twice per token).
"""

from enum import IntEnum, auto

import attrs

from translator.errors import ServerError
from translator.shapes.dify import FinishReason, ToolCall, Usage
from translator.shapes.wire import Reply, WireToolCall


class Event(IntEnum):
    """Everything a reply can bring, one word each."""

    THINKING = auto()
    """A piece of `message.thinking`."""
    TEXT = auto()
    """A piece of `message.content` (or `response`) outside of tags."""
    TAG_OPEN = auto()
    """A literal `<think>` inside `content`."""
    TAG_CLOSE = auto()
    """A literal `</think>` inside `content`."""
    CALLS = auto()
    """Whole tool calls; they may come in several lines."""
    DONE = auto()
    """The line with `done: true` and the counters."""
    SPENT = auto()
    """`done` with reason `length` although nothing but thinking was said."""
    IDLE = auto()
    """`done` with reason `load` or `unload`: nothing was generated because the request held nothing; an error, not an empty answer."""
    REFUSED = auto()
    """A line `{"error": ...}` inside a reply that began well."""
    GARBLED = auto()
    """A line that is no JSON object or longer than the limit, or an answer that is longer than the limit."""
    CUT = auto()
    """The bytes ended before `done`."""
    REPEATED = auto()
    """The bytes ended before `done`, after more than 30 equal pieces: the server's own guard against endless repetition."""
    STOP = auto()
    """The consumer wants no more."""
    END = auto()
    """The bytes ended."""


class State(IntEnum):
    """Where a reply is, as far as its reader can see it."""

    START = auto()
    """Nothing was shown yet."""
    THINKING = auto()
    """A think block is open; the server says what belongs to it."""
    TAG_SEEN = auto()
    """A literal `<think>` was read, nothing inside it yet: an empty pair is never shown."""
    TAGGED = auto()
    """A think block is open; literal tags in the text say what belongs to it."""
    ANSWER = auto()
    """Answer text was shown and no think block is open."""
    FINISHED = auto()
    """The final delta is out."""
    FAILED = auto()
    """The error is out."""
    STOPPED = auto()
    """The consumer left."""


class Output(IntEnum):
    """What one step of the machine does, in the order the table lists it."""

    OPEN_THINK = auto()
    THINK_TEXT = auto()
    CLOSE_THINK = auto()
    ANSWER_TEXT = auto()
    HOLD_CALLS = auto()
    GIVE_CALLS = auto()
    FINISH = auto()
    FAIL = auto()


@attrs.frozen(slots=True)
class WireEvent:
    """One event with what it carries: `text` for pieces, `calls`, `reply` for the done line, `error` for faults; the rest stays empty."""

    kind: Event
    text: str = attrs.field(default="", repr=False)
    calls: tuple[WireToolCall, ...] = ()
    reply: Reply | None = None
    error: ServerError | None = None


@attrs.frozen(slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str = attrs.field(repr=False)


@attrs.frozen(slots=True)
class ThinkOpen:
    """Thinking begins."""


@attrs.frozen(slots=True)
class ThinkDelta:
    """A piece of thinking."""

    text: str = attrs.field(repr=False)


@attrs.frozen(slots=True)
class ThinkClose:
    """Thinking ends; sent before tool calls, the end and errors, whenever a block is open."""


@attrs.frozen(slots=True)
class CallsDelta:
    """All tool calls of the turn, once, with unique non-empty ids."""

    calls: tuple[ToolCall, ...]


@attrs.frozen(slots=True)
class FinalDelta:
    """The end of a good answer. `done_reason` is the server's own word."""

    finish_reason: FinishReason
    usage: Usage
    done_reason: str = ""


@attrs.frozen(slots=True)
class FailureDelta:
    """The end of a failed answer; what came before it stays valid."""

    error: ServerError


type Delta = TextDelta | ThinkOpen | ThinkDelta | ThinkClose | CallsDelta | FinalDelta | FailureDelta

THINK_OPEN = ThinkOpen()
THINK_CLOSE = ThinkClose()

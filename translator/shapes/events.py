"""What happens in a reply (`WireEvent`, into the machine) and what its reader is told (`Delta`, out of the machine).

The kinds of events, the states, the guards and the outputs are enums, so that `response/table.py` can be read as data. They are enums of
integers because those hash without a Python call, and every token looks two of them up.
"""

from enum import IntEnum, auto

import attrs

from translator.errors import ServerError
from translator.shapes.dify import FinishReason, ToolCall, Usage, length_only
from translator.shapes.wire import Reply, WireToolCall


class Event(IntEnum):
    """What a reply can bring."""

    THINKING = auto()
    """A piece of `message.thinking`."""
    TEXT = auto()
    """A piece of `message.content` (or `response`) outside of tags."""
    TAG_OPEN = auto()
    """A literal `<think>` inside `content`, or the opening tag of another family at its beginning; never one in code."""
    TAG_CLOSE = auto()
    """A literal `</think>` inside `content`, or the closing tag of the block that is open; never one in code."""
    CALLS = auto()
    """Whole tool calls; they may come in several lines."""
    DONE = auto()
    """The line with `done: true` and the counters."""
    REFUSED = auto()
    """A line `{"error": ...}` inside a reply that began well."""
    GARBLED = auto()
    """A line that is no JSON object, or a line or an answer that is longer than its limit."""
    CUT = auto()
    """The bytes ended in good order, but before `done`."""
    LOST = auto()
    """The connection broke or was given up."""
    TIME_UP = auto()
    """The limit for the time of a whole answer is reached; the server writes on."""
    STOP = auto()
    """The consumer wants no more."""


class Guard(IntEnum):
    """A condition on a row of the table: the row applies only where it holds."""

    BLANK = auto()
    """The piece is white space and nothing else."""
    LOADED = auto()
    """`done_reason` is `load` or `unload`: the request held nothing to answer. An error, not an empty answer."""
    SPENT = auto()
    """`done_reason` is `length`, and nothing but thinking was said."""
    EMPTY = auto()
    """The reader was shown nothing: no text but blanks, no tool call, no thinking or only hidden thinking. Not where `done_reason` is
    `length`: then the limit is known to be the reason."""
    LEAKED = auto()
    """The model is known to think, and the server does not keep its thinking apart in this reply."""
    STRAY = auto()
    """No opening tag is part of the text, and the tag is alone on its line or `LEAKED`: it ends thinking that was never marked as such."""
    UNSHOWN = auto()
    """The time is up, and the reader was shown nothing (see `EMPTY`)."""
    REPEATED = auto()
    """The last pieces were equal, more than 30 in a row: the server's own guard against endless repetition ended the answer."""


class State(IntEnum):
    """Where a reply is, as far as its reader can see it."""

    START = auto()
    """Before any answer text: nothing but blanks was said, at the beginning or since a think block ended. No think block is open."""
    THINKING = auto()
    """A think block is open; the server says what belongs to it."""
    TAG_SEEN = auto()
    """An opening tag was read, nothing inside it yet: an empty pair is never shown."""
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


class Reading(IntEnum):
    """Which literal tags are looked for in text."""

    BEGINNING = auto()
    """The opening tags of all families, blanks aside at the very beginning."""
    BLOCK = auto()
    """The closing tag of the open block."""
    ANSWER = auto()
    """`<think>` and `</think>` outside of code."""


class Output(IntEnum):
    """What one step of the machine does; a row lists them in their order."""

    OPEN_THINK = auto()
    FIRST_THOUGHT = auto()
    """The first piece of a think block: thinking without the blanks before it."""
    THINK_TEXT = auto()
    CLOSE_THINK = auto()
    BREAK_LINE = auto()
    """A line break between a think block and the answer: Dify's ReAct parser reads `Thought:` at the beginning of a line only."""
    BLANK_TEXT = auto()
    """Text that is shown but is no answer."""
    ANSWER_TEXT = auto()
    TAG_TEXT = auto()
    """A tag that is part of the text."""
    HOLD_CALLS = auto()
    GIVE_CALLS = auto()
    FINISH = auto()
    FINISH_EARLY = auto()
    """The end of an answer whose time is up: its finish reason is `length`, as for one that reached its number of tokens."""
    FAIL = auto()
    """The error that the event brings."""
    FAIL_LOADED = auto()
    """The error for a server that only loaded the model."""
    FAIL_SPENT = auto()
    """The error for an answer that never came out of its thinking."""
    FAIL_EMPTY = auto()
    """The error for an answer that shows nothing."""


@attrs.frozen(slots=True)
class WireEvent:
    """One event with what it carries; what a kind does not carry stays empty.

    `text` is for pieces and tags, `calls` for calls, `reply` for the done line, `error` for faults. `repeats`: the bytes ended after many
    equal pieces. `is_alone`: a closing tag is alone on its line.
    """

    kind: Event
    text: str = attrs.field(default="", repr=False)
    calls: tuple[WireToolCall, ...] = ()
    reply: Reply | None = None
    error: ServerError | None = None
    repeats: bool = False
    is_alone: bool = False


@attrs.frozen(slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str = attrs.field(repr=length_only)


@attrs.frozen(slots=True)
class ThinkOpen:
    """Thinking begins."""


@attrs.frozen(slots=True)
class ThinkDelta:
    """A piece of thinking."""

    text: str = attrs.field(repr=length_only)


@attrs.frozen(slots=True)
class ThinkClose:
    """Thinking ends; sent before tool calls, the end and errors, whenever a block is open."""


@attrs.frozen(slots=True)
class LineBreak:
    """The line break between a think block and the answer."""


@attrs.frozen(slots=True)
class CallsDelta:
    """All tool calls of the turn, once, with unique non-empty ids."""

    calls: tuple[ToolCall, ...]


@attrs.frozen(slots=True)
class FinalDelta:
    """The end of a good answer. `done_reason` is the server's own word, or `TIME_UP`."""

    finish_reason: FinishReason
    usage: Usage
    done_reason: str = ""


@attrs.frozen(slots=True)
class FailureDelta:
    """The end of a failed answer; what came before it stays valid. `usage` is what the server counted, if it did."""

    error: ServerError
    usage: Usage | None = None


type Delta = TextDelta | ThinkOpen | ThinkDelta | ThinkClose | LineBreak | CallsDelta | FinalDelta | FailureDelta
"""What the reader of an answer is told. The last one is a `FinalDelta` or a `FailureDelta`."""

TIME_UP = "time_up"
"""Instead of a server's `done_reason`, and the code of the error where nothing was said by then."""

THINK_OPEN = ThinkOpen()
THINK_CLOSE = ThinkClose()
LINE_BREAK = LineBreak()

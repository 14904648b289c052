"""Deltas to what Dify is given: chunks.

Enters: the deltas of a reply. Leaves: chunks whose order and cut every Dify consumer reads right: each tag a chunk of its own, all calls
in one chunk, finish reason and usage together on the last. A failure delta becomes the exception it carries.
"""

from collections.abc import Iterable, Iterator

import attrs

from translator.shapes.dify import FinishReason, ToolCall, Usage
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta, TextDelta, ThinkClose, ThinkDelta, ThinkOpen

OPEN_TAG = "<think>\n"
CLOSE_TAG = "\n</think>"
"""Dify's agents recognise thinking by a chunk that equals the tag once white space is stripped; a tag glued to text is not seen."""


@attrs.frozen(slots=True)
class Chunk:
    """One piece for Dify; `text` may be empty, never None."""

    text: str = attrs.field(default="", repr=False)
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


def chunks_with_thinking(deltas: Iterable[Delta]) -> Iterator[Chunk]:
    """Gives a chunk per delta. Raises the ServerError of a failure."""
    for delta in deltas:
        yield _chunk(delta)


def chunks_without_thinking(deltas: Iterable[Delta]) -> Iterator[Chunk]:
    """The same, for users who want the answer alone. Raises the ServerError of a failure."""
    return (_chunk(delta) for delta in deltas if not isinstance(delta, ThinkOpen | ThinkDelta | ThinkClose))


def _chunk(delta: Delta) -> Chunk:
    match delta:
        case TextDelta(text) | ThinkDelta(text):
            return Chunk(text)
        case ThinkOpen():
            return Chunk(OPEN_TAG)
        case ThinkClose():
            return Chunk(CLOSE_TAG)
        case CallsDelta(calls):
            return Chunk(tool_calls=calls)
        case FinalDelta(finish_reason, usage):
            return Chunk(finish_reason=finish_reason, usage=usage)
        case FailureDelta(error):
            raise error

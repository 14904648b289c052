"""Deltas to Dify's chunks, and chunks to one answer.

Dify's consumers need this order and division: each tag is a chunk of its own, as is the line break after it; all calls are in one chunk;
finish reason and usage are on the last. A failure delta becomes the exception it carries.
"""

from collections.abc import Iterable, Iterator

import attrs

from translator.shapes.dify import FinishReason, ToolCall, Usage, length_only
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta, LineBreak, TextDelta, ThinkClose, ThinkDelta, ThinkOpen

OPEN_TAG = "<think>\n"
CLOSE_TAG = "\n</think>"
"""Dify's agents recognise thinking by a chunk that equals the tag once white space is stripped; a tag glued to text is not seen."""


@attrs.frozen(slots=True)
class Chunk:
    """One piece of an answer; `text` may be empty, never None. The last one has the finish reason and the usage, and only it."""

    text: str = attrs.field(default="", repr=length_only)
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None


def delta_to_chunk(delta: Delta) -> Chunk:
    """The chunk of a delta. Raises the ServerError of a failure."""
    match delta:
        case TextDelta(text) | ThinkDelta(text):
            return Chunk(text)
        case ThinkOpen():
            return Chunk(OPEN_TAG)
        case ThinkClose():
            return Chunk(CLOSE_TAG)
        case LineBreak():
            return Chunk("\n")
        case CallsDelta(calls):
            return Chunk(tool_calls=calls)
        case FinalDelta(finish_reason, usage):
            return Chunk(finish_reason=finish_reason, usage=usage)
        case FailureDelta(error):
            raise error


def deltas_to_chunks(deltas: Iterable[Delta]) -> Iterator[Chunk]:
    """Gives a chunk per delta. Raises the ServerError of a failure."""
    return map(delta_to_chunk, deltas)


@attrs.frozen(slots=True, kw_only=True)
class Answer:
    """A whole answer. Thinking, if shown, stands in `text` between its tags; `ThinkSplitter` takes it apart."""

    text: str = attrs.field(repr=length_only)
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    usage: Usage


def collect(chunks: Iterable[Chunk]) -> Answer:
    """Reads all chunks to the final one. Raises what the chunks raise, and ValueError when they end without a final chunk."""
    texts: list[str] = []
    calls: tuple[ToolCall, ...] = ()
    for chunk in chunks:
        texts.append(chunk.text)
        calls = calls or chunk.tool_calls
        if chunk.finish_reason is not None and chunk.usage is not None:
            return Answer(text="".join(texts), tool_calls=calls, finish_reason=chunk.finish_reason, usage=chunk.usage)
    raise ValueError("the chunks ended without a final one")

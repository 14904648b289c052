"""Folds the chunks of a whole reply into one answer, for callers that do not stream.

Enters: chunks. Leaves: one answer. The reply is read by the same machine; only the last step differs.
"""

from collections.abc import Iterable

import attrs

from translator.response.chunks import Chunk
from translator.shapes.dify import FinishReason, ToolCall, Usage


@attrs.frozen(slots=True, kw_only=True)
class Answer:
    """A whole answer; thinking, if shown, stands in `text` between its tags."""

    text: str = attrs.field(repr=False)
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

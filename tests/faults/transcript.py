"""What was delivered, in one line that two people would write alike: `think[hm] text[Hello] calls[look,find] end[stop]`.

Chunks are taken as Dify gets them. Those that no reader of Dify would take right raise an
AssertionError: a tag glued to text, calls in two chunks, anything after the last chunk.
"""

from collections.abc import Iterable

import attrs
from dify_plugin.entities.model.llm import LLMResultChunk

OPEN, CLOSE = "<think>", "</think>"


@attrs.define(slots=True)
class Transcript:
    """Grows with every chunk."""

    _parts: list[tuple[str, str]] = attrs.field(factory=list)
    _thinking: bool = False

    def add(self, chunk: LLMResultChunk) -> None:
        """Takes one chunk."""
        delta, text = chunk.delta, str(chunk.delta.message.content)
        assert not self._is_ended, "a chunk after the last one"
        assert (delta.finish_reason is None) == (delta.usage is None), "finish reason and usage belong together"
        self._text(text)
        if delta.message.tool_calls:
            assert "calls" not in dict(self._parts), "calls in two chunks"
            self._parts.append(("calls", ",".join(call.function.name for call in delta.message.tool_calls)))
        if delta.finish_reason is not None:
            self._parts.append(("end", delta.finish_reason))

    def _text(self, text: str) -> None:
        match text.strip():
            case tag if tag == OPEN:
                assert not self._thinking, "a think block in a think block"
                self._thinking = True
                self._parts.append(("think", ""))
            case tag if tag == CLOSE:
                assert self._thinking, "the end of a think block that was never opened"
                self._thinking = False
            case "" if not text:
                return
            case _:
                self._say(text)

    def _say(self, text: str) -> None:
        assert OPEN not in text, "a tag glued to text"
        assert CLOSE not in text, "a tag glued to text"
        kind = "think" if self._thinking else "text"
        said = self._parts.pop()[1] if self._parts and self._parts[-1][0] == kind else ""
        self._parts.append((kind, said + text))

    @property
    def _is_ended(self) -> bool:
        return bool(self._parts) and self._parts[-1][0] == "end"

    def told(self, *, failed: bool) -> str:
        """The notation of a stream that is over; what is wrong with its end is told at its end."""
        faults = {
            "a think block left open": self._thinking,
            "neither a last chunk nor an error": not (self._is_ended or failed),
            "a last chunk and an error": self._is_ended and failed,
        }
        told = [f"{kind}[{text}]" for kind, text in self._parts]
        return " ".join(told + [fault for fault, is_there in faults.items() if is_there])


def told_whole(chunks: Iterable[LLMResultChunk]) -> str:
    """The notation of a whole answer: one chunk, whose end the SDK does not mark."""
    (message,) = [chunk.delta.message for chunk in chunks]
    thinking, closed, rest = str(message.content).rpartition(CLOSE)
    parts = {
        "think": thinking.removeprefix(OPEN).strip() if closed else "",
        "text": rest,
        "calls": ",".join(call.function.name for call in message.tool_calls),
    }
    return " ".join(f"{kind}[{said}]" for kind, said in parts.items() if said)

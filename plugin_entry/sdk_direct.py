"""The short way of an answer's text: from the connection to its frame, without waking the request's greenlet.

Enters: the first text of an answer, on its way through the SDK. Leaves: the text that follows, written where it arrives. The SDK passes
each chunk through five generators in the greenlet of the request and changes nothing. So only the first text chunk goes that way, with a
`ShortWay`. If it arrives unchanged at the frame writer, the way is open. Where the SDK does change chunks (its code block mode rewrites
them), the way never opens. Everything but text, and everything while the output is full, goes through the SDK as before.
"""

from typing import Protocol

import attrs
from dify_plugin.entities.model.llm import LLMResultChunk
from pydantic import PrivateAttr


class Voice(Protocol):
    """Writes the text frames of one session."""

    def say(self, index: int, text: str) -> bool:
        """Writes one text chunk; False says that there is no room for it, and nothing is written."""


@attrs.define(slots=True, eq=False)
class ShortWay:
    """One answer's. `count` is the number of chunks that were given, this way or the other."""

    count: int = 0
    voice: Voice | None = None
    """Who says this answer's text once the way is open."""


class FirstText(LLMResultChunk):
    """A text chunk that shows whether it arrives as it was sent."""

    _way: ShortWay = PrivateAttr()
    _sent: tuple[int, str] = PrivateAttr()

    def carry(self, way: ShortWay) -> "FirstText":
        """Remembers what it says now, and whom to tell."""
        self._way = way
        self._sent = self.delta.index, str(self.delta.message.content)
        return self

    def arrive(self, voice: Voice) -> None:
        """For the writer, once it has spelled this chunk and nothing but its text."""
        if (self.delta.index, self.delta.message.content) == self._sent:
            self._way.voice = voice

"""Who reads an answer's bytes: the request's greenlet, or, while an answer with a voice of its own says nothing but text, the event loop.

Enters: bytes. Leaves: to the greenlet deltas; from the event loop nothing, as it writes frames. Both feed the same reply stream, one after
the other, so nothing is read twice and nothing is out of order. Everything but text, and everything while the output is full, is the
greenlet's, which can wait.
"""

from collections.abc import Callable

import attrs

from plugin_entry.dify.frames import Voice
from plugin_entry.threads import HEAVY, apart
from translator.response.stream import ReplyStream
from translator.shapes.events import Delta


@attrs.define(slots=True, eq=False)
class Reading:
    """One answer's. `spoken` gives the text that a delta is shown as, "" for one that is not shown, None for one that is more than text."""

    stream: ReplyStream
    voice: Voice | None
    spoken: Callable[[Delta], str | None]
    _left: list[Delta] = attrs.field(factory=list, init=False)
    _error: Exception | None = attrs.field(default=None, init=False)

    def feed(self, data: bytes) -> list[Delta]:
        """Greenlet side: what was left to it and what is new. Raises what went wrong on the other side."""
        if self._error is not None:
            raise self._error
        left, self._left = self._left, []
        return left + apart(self.stream.pending, lambda: self.stream.feed(data))

    def take(self, data: bytes) -> bytes | None:
        """Loop side: says the text of `data`. Gives what the greenlet has to be woken with, None for nothing."""
        voice = self.voice
        if voice is None or self.stream.pending >= HEAVY:
            return data
        try:
            return self._say(self.stream.feed(data), voice)
        except Exception as error:  # noqa: BLE001  # it belongs to this request, not to the connection
            self._error = error
            return b""

    def _say(self, deltas: list[Delta], voice: Voice) -> bytes | None:
        """Says text as long as there is room for it; the rest is the greenlet's, which can wait."""
        for position, delta in enumerate(deltas):
            text = self.spoken(delta)
            if text is None or (text and not voice.say(text)):
                self._left = deltas[position:]
                return b""
        return None

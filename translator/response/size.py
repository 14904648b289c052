"""Adds up what one answer has said, so that an answer without end does not fill the process.

Enters: the events of a reply. Leaves: True until the limit is passed. Text, thinking and tool calls count in UTF-8
bytes, shown or not; what a line says around them does not.
"""

import attrs

from translator.codec import dumps
from translator.shapes.events import WireEvent
from translator.shapes.wire import WireToolCall

CALLS_KEY = b'"tool_calls"'
SAVED = {b"\\u": 5, b"\\/": 1, b" ": 1, b"\t": 1, b"\r": 1}
"""What may get shorter, and by how many bytes at most."""

OF_A_CALL = 100
"""Bytes that a call takes at least, however little it says."""


@attrs.define(slots=True)
class AnswerSize:
    """Bytes said so far, and the most that may be said."""

    most: int
    said: int = 0

    def takes(self, event: WireEvent) -> bool:
        """Counts an event; False from the first one on that passes the limit."""
        if event.calls:
            self.said += sum(map(_bytes, event.calls))
        return self.takes_text(event.text)

    def takes_text(self, text: str) -> bool:
        """The same for a piece that is nothing but text."""
        self.said += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        return self.said <= self.most


def least_of_calls(line: bytes) -> int:
    """Bytes that the calls of a line have at least when they are spelled for Dify, told without parsing; 0 when it has none.

    Spelling them anew only saves blanks and escapes. A key inside a text cannot be meant, as its quotes would be escaped.
    """
    start = line.find(CALLS_KEY)
    if start < 0:
        return 0
    saved = sum(line.count(mark, start) * bytes_saved for mark, bytes_saved in SAVED.items())
    return max(0, len(line) - start - saved)


def _bytes(call: WireToolCall) -> int:
    return len(dumps(call.function.arguments)) + len(dumps(call.function.name)) + len(dumps(call.id)) + OF_A_CALL

"""How much of an answer came: bytes against the limit, and equal pieces in a row.

Takes each piece of text or thinking as the line carried it, before tags are looked for.
"""

import attrs

from translator.codec import dumps
from translator.shapes.wire import WireToolCall

REPEATS = 30
"""More equal pieces in a row than this, and the server gives the answer up without `done` (server/routes.go; 0.24.0
`chat-repeat-abort`)."""
LONGEST_UNIT = 64
"""Characters of the longest token looked for in a reply that came in one piece."""
OF_A_CALL = 100
"""Bytes of memory that a call takes at least, however little it says."""


@attrs.define(slots=True)
class Tally:
    """`most` is the limit of the whole answer in bytes; `said` is what came so far, in UTF-8."""

    most: int
    said: int = 0
    _pieces: int = attrs.field(default=0, init=False)
    _last: str = attrs.field(default="", init=False, repr=False)
    """The last piece without white space around it."""
    _run: int = attrs.field(default=0, init=False)
    """How often it came in a row."""
    _only: str = attrs.field(default="", init=False, repr=False)
    """The text of a reply that came in one piece."""

    def piece(self, text: str) -> bool:
        """Counts a piece of text or thinking; False from the first one on that passes the limit."""
        self.said += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        piece = text.strip()
        if piece == self._last and self._run:
            self._run += 1
        else:
            self._last, self._run = piece, 1
        self._only = "" if self._pieces else text
        self._pieces += 1
        return self.said <= self.most

    def calls(self, calls: tuple[WireToolCall, ...]) -> bool:
        """Counts tool calls; False from the first one on that passes the limit."""
        self.said += sum(map(_bytes, calls))
        return self.said <= self.most

    @property
    def repeats(self) -> bool:
        """True when the pieces end as the server's guard against repetition leaves them."""
        return _ends_in_repetition(self._only) if self._pieces == 1 else self._run > REPEATS


def _ends_in_repetition(text: str) -> bool:
    """True when the last characters are one unit over and over: a blocking reply joins its pieces."""
    times = REPEATS + 1
    return any(len(text) >= length * times and text.endswith(text[-length:] * times) for length in range(1, LONGEST_UNIT + 1))


def _bytes(call: WireToolCall) -> int:
    return len(dumps(call.function.arguments)) + len(dumps(call.function.name)) + len(dumps(call.id)) + OF_A_CALL

"""Counts what came of an answer against its limits: bytes, tool calls, lines that say nothing, equal pieces in a row.

Every `count_...` method gives True while all limits hold; `error` says which one does not.
"""

import attrs

from translator.codec import dumps
from translator.errors import ServerError
from translator.failures import build
from translator.limits import Limits
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
    """What came so far. Pieces are counted as the lines carried them, before tags are looked for."""

    limits: Limits
    said: int = 0
    """Bytes of text, thinking and calls in UTF-8."""
    progress: int = attrs.field(default=0, init=False)
    """Lines that brought the answer on: pieces of text and thinking that are not blank, calls, the end."""
    _pieces: int = attrs.field(default=0, init=False)
    """Pieces of text and thinking, blank ones included."""
    _silent: int = attrs.field(default=0, init=False)
    """Lines that said nothing since `_silent_since`."""
    _silent_since: int = attrs.field(default=0, init=False)
    """The progress at the first of them."""
    _calls: int = attrs.field(default=0, init=False)
    _calls_bytes: int = attrs.field(default=0, init=False)
    _last: str = attrs.field(default="", init=False, repr=False)
    """The last piece, without white space around it."""
    _run: int = attrs.field(default=0, init=False)
    """How often it came in a row."""
    _first: str = attrs.field(default="", init=False, repr=False)
    """The same piece when it came first, with its white space."""

    def count_silent(self, lines: int = 1) -> bool:
        """Counts lines that say nothing."""
        if self._silent_since != self.progress:
            self._silent_since, self._silent = self.progress, 0
        self._silent += lines
        return self._silent <= self.limits.silent_lines

    def count_piece(self, text: str) -> bool:
        """Counts a piece of text or thinking."""
        self.said += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        piece = text.strip()
        if piece == self._last and self._run:
            self._run += 1
        else:
            self._last, self._run, self._first = piece, 1, text
        self._pieces += 1
        if piece:
            self.progress += 1
            return self.said <= self.limits.answer_bytes
        return self.count_silent() and self.said <= self.limits.answer_bytes

    def count_calls(self, calls: tuple[WireToolCall, ...]) -> bool:
        """Counts the tool calls of a line."""
        size = sum(map(_bytes, calls))
        self.said += size
        self.progress += 1
        self._calls += len(calls)
        self._calls_bytes += size
        limits = self.limits
        return self._calls <= limits.calls and self._calls_bytes <= limits.calls_bytes and self.said <= limits.answer_bytes

    def count_end(self) -> None:
        """Counts the line that ends the answer."""
        self.progress += 1

    def error(self, model: str) -> ServerError:
        """Which limit was passed."""
        limits = self.limits
        if self.said > limits.answer_bytes:
            return build.answer_too_large(self.said, limits.answer_bytes, model)
        if self._calls > limits.calls:
            return build.too_many_calls(limits.calls, model)
        if self._calls_bytes > limits.calls_bytes:
            return build.calls_too_large(self._calls_bytes, model)
        return build.says_nothing(limits.silent_lines)

    @property
    def repeats(self) -> bool:
        """True when the pieces end as the server's guard against repetition leaves them."""
        if self._pieces == 1:
            return _ends_in_repetition(self._first)
        return self._run > REPEATS


def _ends_in_repetition(text: str) -> bool:
    """True when the last characters are one unit over and over: a blocking reply joins its pieces."""
    times = REPEATS + 1
    return any(len(text) >= length * times and text.endswith(text[-length:] * times) for length in range(1, LONGEST_UNIT + 1))


def _bytes(call: WireToolCall) -> int:
    return len(dumps(call.function.arguments)) + len(dumps(call.function.name)) + len(dumps(call.id)) + OF_A_CALL

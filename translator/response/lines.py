"""The lines of a reply: where they end, the piece of text that most of them hold, and a tally of what they brought, against its limits.

Chunks may be cut anywhere, even inside a character. They are split on LF alone, never on U+0085 or U+2028, which are legal inside JSON
strings, and no byte is scanned twice. Lines come without their line end and are numbered from 1; blank ones are counted and not given. The
splitter keeps two limits: the length of a line, and the size of the whole reply.
"""

from typing import Any

import attrs

from translator.codec import DecodeError, dumps, loads, parse
from translator.errors import ServerError
from translator.failures import build
from translator.limits import DEFAULT_LIMITS, Limits
from translator.shapes.events import Event
from translator.shapes.wire import WireToolCall

BOM = b"\xef\xbb\xbf"
BLANKS = b" \t\r"
BLANKS_AND_END = BLANKS + b"\n"
LEAST_OF_A_LINE = 1024
"""Bytes that a line takes of `Limits.reply_bytes` besides its own, as reading it costs as much."""

REPEATS = 30
"""More equal pieces in a row than this, and the server gives the answer up without `done` (server/routes.go; 0.24.0
`chat-repeat-abort`)."""
LONGEST_UNIT = 64
"""Characters of the longest token looked for in a reply that came in one piece."""
OF_A_CALL = 100
"""Bytes of memory that a call takes at least, however little it says."""


@attrs.frozen(slots=True)
class LongLine:
    """A line passed `Limits.line_bytes`: its number from 1 and the bytes it had by then."""

    number: int
    length: int


@attrs.define(slots=True)
class LineSplitter:
    """Collects bytes and gives back complete lines with their numbers."""

    limits: Limits = DEFAULT_LIMITS
    count: int = 0
    """Lines completed so far, blank ones included."""
    blank: int = 0
    """Blank lines among them; may be set back."""
    room: int = attrs.field(init=False)
    """What is left of `Limits.reply_bytes`; below zero once the reply is too large."""
    too_long: LongLine | None = None
    """The first line that is too long."""
    pending: int = attrs.field(default=0, init=False)
    """Bytes of the line that is still open."""
    _parts: list[bytes] = attrs.field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        self.room = self.limits.reply_bytes

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Gives the lines completed by `data`; most often that is the one line it consists of."""
        size = len(data)
        if self.count and not self._parts and 0 < data.find(b"\n") == size - 1 <= self.limits.line_bytes:
            self.room -= size + LEAST_OF_A_LINE
            self.count += 1
            line = data.strip(BLANKS_AND_END)
            if line:
                return [(self.count, line)]
            self.blank += 1
            return []
        return self._feed_many(data)

    def _feed_many(self, data: bytes) -> list[tuple[int, bytes]]:
        *complete, rest = data.split(b"\n")
        self.room -= len(data) + LEAST_OF_A_LINE * len(complete)
        lines = []
        number = self.count
        for raw in complete:
            if self._parts or number == 0 or len(raw) > self.limits.line_bytes:
                number, line = self._complete(raw)
            else:
                number += 1
                self.count = number
                line = raw.strip(BLANKS)
            if line:
                lines.append((number, line))
        self.blank += len(complete) - len(lines)
        if rest:
            self._parts.append(rest)
            self.pending += len(rest)
            self._check(self.count + 1, self.pending)
        return lines

    def end(self) -> list[tuple[int, bytes]]:
        """Gives the line that was still open, if it holds anything."""
        if not self._parts:
            return []
        line = self._complete(b"")
        return [line] if line[1] else []

    def _complete(self, raw: bytes) -> tuple[int, bytes]:
        if self._parts:
            raw = b"".join([*self._parts, raw])
            self._parts.clear()
            self.pending = 0
        self.count += 1
        self._check(self.count, len(raw))
        if self.count == 1 and raw.startswith(BOM):
            raw = raw[len(BOM) :]
        return self.count, raw.strip(BLANKS)

    def _check(self, number: int, length: int) -> None:
        if length > self.limits.line_bytes and self.too_long is None:
            self.too_long = LongLine(number, length)


def read_line(line: bytes) -> tuple[Any, Event, str]:
    """The JSON of a line (None for one that is none), and the one piece of text or thinking that most lines hold.

    The piece is empty for any other line.
    """
    try:
        raw = parse(line)
    except ValueError:
        try:
            raw = loads(line)
        except DecodeError:
            return None, Event.TEXT, ""
    if type(raw) is dict and raw.get("done") is False and raw.get("error") is None:
        message = raw.get("message")
        if type(message) is dict and not message.get("tool_calls"):
            content, thinking = message.get("content"), message.get("thinking")
            if content and not thinking and type(content) is str:
                return raw, Event.TEXT, content
            if thinking and not content and type(thinking) is str:
                return raw, Event.THINKING, thinking
    return raw, Event.TEXT, ""


@attrs.define(slots=True)
class Tally:
    """What came so far. Every `count_...` method gives True while all limits hold; `error` says which one does not.

    Pieces are counted as the lines carried them, before tags are looked for.
    """

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

"""Framing: byte chunks in, complete lines out, split on LF alone; and the piece of text that most lines hold.

Chunks may be cut anywhere, even inside a character. Lines come without their line end and are numbered from 1; blank ones are counted and
not given. The splitter never splits on U+0085 or U+2028 (legal inside JSON strings), and never scans a byte twice. It keeps two limits: the
length of a line, and the size of the whole reply.
"""

from typing import Any

import attrs

from translator.codec import DecodeError, loads, parse
from translator.limits import DEFAULT_LIMITS, Limits
from translator.shapes.events import Event

BOM = b"\xef\xbb\xbf"
BLANKS = b" \t\r"
BLANKS_AND_END = BLANKS + b"\n"
LEAST_OF_A_LINE = 1024
"""Bytes that a line takes of `Limits.reply_bytes` besides its own, as reading it costs as much."""


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

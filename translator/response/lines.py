"""Framing: bytes in, complete lines out, split on LF alone.

Enters: byte chunks cut anywhere, even inside a character. Leaves: lines without their line end, numbered from 1. Never looks inside a
line, never splits on U+0085 or U+2028 (legal inside JSON strings), never scans a byte twice, and stops at a bounded line length.
"""

import attrs

from translator.limits import DEFAULT_LIMITS, Limits

BOM = b"\xef\xbb\xbf"
BLANKS = b" \t\r"
BLANKS_AND_END = BLANKS + b"\n"


@attrs.frozen(slots=True)
class Overflow:
    """A line passed `Limits.line_bytes`: its number from 1 and the bytes it had by then."""

    number: int
    length: int


@attrs.define(slots=True)
class LineSplitter:
    """Collects bytes and gives back complete, non-blank lines with their numbers. `overflow` is set once a line is too long."""

    limits: Limits = DEFAULT_LIMITS
    count: int = 0
    """Lines completed so far, blank ones included."""
    overflow: Overflow | None = None
    _parts: list[bytes] = attrs.field(factory=list, init=False)
    _pending: int = attrs.field(default=0, init=False)

    @property
    def pending(self) -> int:
        """Bytes of the line that is still open."""
        return self._pending

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Gives the lines completed by `data`; most often that is the one line it consists of."""
        if self.count and not self._parts and 0 < data.find(b"\n") == len(data) - 1 <= self.limits.line_bytes:
            self.count += 1
            line = data.strip(BLANKS_AND_END)
            return [(self.count, line)] if line else []
        return self._feed_many(data)

    def _feed_many(self, data: bytes) -> list[tuple[int, bytes]]:
        *complete, rest = data.split(b"\n")
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
        if rest:
            self._parts.append(rest)
            self._pending += len(rest)
            self._check(self.count + 1, self._pending)
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
            self._pending = 0
        self.count += 1
        self._check(self.count, len(raw))
        if self.count == 1 and raw.startswith(BOM):
            raw = raw[len(BOM) :]
        return self.count, raw.strip(BLANKS)

    def _check(self, number: int, length: int) -> None:
        if length > self.limits.line_bytes and self.overflow is None:
            self.overflow = Overflow(number, length)

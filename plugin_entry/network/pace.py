"""How long text may wait for more text, depending on how busy the process is.

Enters: how many reply lines a read brought. Leaves: the rhythm in which the stream should be read from now on. While the process is idle
every token leaves at once; while many streams are active, or one is faster than a person reads, each read and each frame carries more than
one token. Only what arrives after the first read of a reply can wait, so a first token never does.
"""

import time
from collections.abc import Callable
from enum import IntEnum

import attrs

WINDOW_S = 0.2
BUSY_LINES, FULL_LINES = 120, 400
"""Lines in one window with which resting begins, and with which rests are longest."""
REQUEST_LINES = 20
"""What a new request costs, in lines."""

LONGEST_REST_S = 0.045
"""Text is in its frame 50 ms after its arrival at the latest; the difference is for the work itself."""

FLOOD_LINES = 8
FLOOD_REST_S = 0.005
FLOOD_LINES_PER_S = 1000.0
"""No model is that fast: such a reply was waiting somewhere, and resting a little between reads is faster than reading line by line."""


class Rhythm(IntEnum):
    """When a stream is looked at again."""

    AT_ONCE = 0
    TOGETHER = 1
    """At the next common tick of all streams, `Pace.rest_s` apart."""
    FLOOD = 2
    """At the next tick of the floods, `FLOOD_REST_S` apart."""


@attrs.define(slots=True)
class Pace:
    """Counts the lines of all streams in windows of `WINDOW_S` seconds; the busier of the last two windows decides."""

    clock: Callable[[], float] = time.monotonic
    rest_s: float = 0.0
    """Seconds between two reads of one stream; 0.0 while the process is idle."""
    _window_ends: float = attrs.field(default=0.0, init=False)
    _lines: int = attrs.field(default=0, init=False)

    def begin(self) -> None:
        """Notes a new request, which is work like many lines: the streams that talk already make room for it."""
        self._count(REQUEST_LINES, self.clock())

    def rhythm(self, lines: int, last_read: float) -> tuple[Rhythm, float]:
        """Notes a read of `lines` lines by a stream whose last read was at `last_read`; gives the rhythm from now on, and now.

        A read that ends no line is a piece of something that is wanted whole, such as a reply with vectors: nothing is gained by a rest.
        """
        now = self.clock()
        self._count(lines, now)
        if not lines:
            return Rhythm.AT_ONCE, now
        if lines >= FLOOD_LINES and lines > FLOOD_LINES_PER_S * (now - last_read):
            return Rhythm.FLOOD, now
        return (Rhythm.TOGETHER if self.rest_s else Rhythm.AT_ONCE), now

    def _count(self, lines: int, now: float) -> None:
        if now >= self._window_ends:
            quiet = now >= self._window_ends + WINDOW_S
            self.rest_s = 0.0 if quiet else _rest(self._lines)
            self._window_ends = now + WINDOW_S
            self._lines = 0
        self._lines += lines
        if self._lines >= BUSY_LINES and self.rest_s < LONGEST_REST_S:
            self.rest_s = max(self.rest_s, _rest(self._lines))


def _rest(lines: int) -> float:
    """The longer the rest the fewer the frames; a little load needs only a little of that."""
    return LONGEST_REST_S * min(1.0, lines / FULL_LINES) if lines >= BUSY_LINES else 0.0

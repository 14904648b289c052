"""How long text may wait for more text, depending on how busy the process is.

Enters: how many reply lines arrived. Leaves: seconds that a stream should rest between two reads: none while the process is idle, so every
token leaves at once; some while many streams talk, so that each read and each frame carries more than one token. What rests is what
arrived after the last read; a first token never waits.
"""

import time
from collections.abc import Callable

import attrs

BUSY_LINES_PER_S = 600.0
REST_S = 0.04
WINDOW_S = 0.2


@attrs.define(slots=True)
class Pace:
    """Counts lines in windows of `WINDOW_S` seconds; the last full window decides."""

    clock: Callable[[], float] = time.monotonic
    _window_ends: float = attrs.field(default=0.0, init=False)
    _lines: int = attrs.field(default=0, init=False)
    _rest: float = attrs.field(default=0.0, init=False)

    def rest(self, lines: int) -> float:
        """Notes `lines` lines; gives the rest in seconds, 0.0 for none."""
        now = self.clock()
        if now >= self._window_ends:
            quiet = now >= self._window_ends + WINDOW_S
            self._rest = 0.0 if quiet or self._lines < BUSY_LINES_PER_S * WINDOW_S else REST_S
            self._window_ends = now + WINDOW_S
            self._lines = 0
        self._lines += lines
        return self._rest and REST_S - now % REST_S

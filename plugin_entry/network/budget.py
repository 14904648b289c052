"""How often one request is sent again, and how long it waits in between.

A server that is busy or away gets two more tries within 45 seconds. While a model loads, a request may use up the time limit for the first
byte: had the server taken it into its queue, it would have waited as long.
"""

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from math import inf

import attrs

RETRIES = 2
FIRST_WAIT_S, GROWTH = 0.5, 4.0
LONGEST_S = 45.0
"""All waits of one request together: Xinference asks for 30 seconds while it loads a model (`Retry-After: 30`)."""

LONGEST_ASKED_S = 600.0
"""Longest wait that a server may ask for while a model loads; Dify gives a request up by then."""

FIRST_WAIT_LOADING_S, LONGEST_WAIT_LOADING_S = 1.0, 10.0
"""Between tries while a model loads: 1, 2, 4, 8 and then 10 seconds."""

JITTER = 0.1
"""Random addition to the wait that a server asked for, as a share of it, so that refused requests do not all come back at once. Waits
for a model are that much shorter."""


@attrs.define(slots=True, kw_only=True)
class Budget:
    """What one request has left. `patience` in seconds is for a model that is loading, 0 for no end of it.

    `chance` gives 0 to 1, `now` seconds since 1970 (for servers that name a date).
    """

    patience: float = LONGEST_S
    chance: Callable[[], float] = random.random
    now: Callable[[], float] = time.time
    _left: int = attrs.field(default=RETRIES, init=False)
    _seconds: float = attrs.field(default=LONGEST_S, init=False)
    _waited_for_model: float = attrs.field(default=0.0, init=False)
    _waits_for_model: int = attrs.field(default=0, init=False)

    def wait(self, retry_after: str = "") -> float | None:
        """Seconds to wait before the next try; None when no try is left or the server wants more patience than there is."""
        if not self._left:
            return None
        asked = self._asked(retry_after)
        usual = FIRST_WAIT_S * GROWTH ** (RETRIES - self._left) * (0.5 + 0.5 * self.chance())
        seconds = usual if asked is None else asked * (1 + JITTER * self.chance())
        if seconds > self._seconds:
            return None
        self._left -= 1
        self._seconds -= seconds
        return seconds

    def wait_for_model(self, retry_after: str = "") -> float | None:
        """The same while a model loads, which needs no tries. A server that asks for less than the usual wait is not believed."""
        left = self.patience - self._waited_for_model if self.patience else inf
        usual = min(FIRST_WAIT_LOADING_S * 2.0 ** min(self._waits_for_model, 9), LONGEST_WAIT_LOADING_S) * (1 - JITTER * self.chance())
        asked = (self._asked(retry_after) or 0.0) * (1 + JITTER * self.chance())
        if left <= 0 or asked > min(left, LONGEST_ASKED_S):
            return None
        seconds = min(max(usual, asked), left)
        self._waits_for_model += 1
        self._waited_for_model += seconds
        return seconds

    def _asked(self, retry_after: str) -> float | None:
        """Seconds or a date (RFC 9110, 10.2.3); None for anything else."""
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.now())
        except (ValueError, OverflowError):  # a date beyond all calendars
            return None

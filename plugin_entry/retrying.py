"""Whether a request that was refused for the moment is sent again, and after how long. Decides only; whoever sends also waits.

Enters: the `Retry-After` of a refusal, chance and the time. Leaves: seconds to wait, or None when the refusal is to be told. Only for
requests of which nothing has been handed on yet: embeddings and rankings, not answers that stream.
"""

import random
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import attrs

RETRIES = 2
FIRST_WAIT_S, GROWTH = 0.5, 4.0
LONGEST_S = 45.0
"""All waits of one request together: Xinference asks for 30 seconds while it loads a model (`Retry-After: 30`)."""

JITTER = 0.1
"""What a server asked for is exceeded by at most this share, so that requests it refused together do not come back together."""

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses that may be gone in seconds."""

BROKEN = frozenset({"connect_reset", "connection_reset", "payload_cut"})
"""Codes of connections that broke: a server that restarts, or closed a connection at the moment it was used again."""


@attrs.define(slots=True, kw_only=True)
class Retries:
    """What one request has left. `chance` gives 0 to 1, `now` seconds since 1970 (for servers that name a date)."""

    chance: Callable[[], float] = random.random
    now: Callable[[], float] = time.time
    _left: int = attrs.field(default=RETRIES, init=False)
    _seconds: float = attrs.field(default=LONGEST_S, init=False)

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

    def _asked(self, retry_after: str) -> float | None:
        """Seconds or a date (RFC 9110, 10.2.3); None for anything else."""
        text = retry_after.strip()
        if text.isascii() and text.isdigit():
            return float(text)
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self.now())
        except ValueError:
            return None

"""Whether a request that was refused for the moment is sent again, and after how long. Decides only; whoever sends also waits.

Enters: a refusal, its `Retry-After`, chance and the time. Leaves: seconds to wait, or None when the refusal is to be told. Only for
requests of which nothing has been handed on yet: embeddings, rankings, and answers before their first byte. A request that ran into a
time limit is never sent again, as it may still be running.
"""

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

import attrs

from translator.errors import ServerError
from translator.failures.build import is_retryable

RETRIES = 2
FIRST_WAIT_S, GROWTH = 0.5, 4.0
LONGEST_S = 45.0
"""All waits of one request together: Xinference asks for 30 seconds while it loads a model (`Retry-After: 30`)."""

JITTER = 0.1
"""Random addition to the wait that a server asked for, as a share of it, so that refused requests do not all come back at once."""

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses that may be gone in seconds."""

BROKEN = frozenset({"connect_reset", "connection_reset"})
"""Codes of connections that broke before an answer: a server that restarts, or closed a connection at the moment it was used again."""

SOON_S = 1.0
"""A connection that broke later may have been working on the request: a server that crashed, a proxy that lost its patience."""

WITHOUT_REASON = "rate_limited"
"""The code of a status 429 that says nothing more: it is asked again only when the server names a time."""


def retry_after(headers: Mapping[str, str]) -> str:
    """The header of that name, empty when there is none."""
    return next((value for name, value in headers.items() if name.lower() == "retry-after"), "")


def broke_at_once(failure: ServerError, seconds: float) -> bool:
    """The connection broke before anybody can have worked on the request, which took that long until then."""
    return failure.code in BROKEN and seconds < SOON_S


def is_busy(failure: ServerError, asked: str) -> bool:
    """A full queue, a model that is being loaded, a proxy without a server; not a quota that is used up. `asked` is its `Retry-After`."""
    return is_retryable(failure) or (failure.code == WITHOUT_REASON and bool(asked))


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
        except (ValueError, OverflowError):  # a date beyond all calendars
            return None

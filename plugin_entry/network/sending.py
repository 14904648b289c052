"""What the connector has to know of the request that a task sends: whose it is, and how long each of its steps may take."""

import asyncio
from contextvars import ContextVar

import aiohttp
import attrs

CONNECT_TURN_S = 0.1
"""Seconds after which a connection no longer counts among `CONNECTS_AT_ONCE`, answered or not."""

type Gate = asyncio.Semaphore


class FirstByteTimeoutError(TimeoutError):
    """Connected, but no reply began in time."""


@attrs.define(slots=True, eq=False)
class Sending:
    """A request until its reply begins. `limit` ends the step that it is at, and `late` is what that means.

    Limits are in seconds, 0 for none. Without a limit of its own connecting has that of the first byte.
    """

    owner: str = ""
    """Whose connections it may use."""
    connect_s: float = 0.0
    first_byte_s: float = 0.0
    limit: asyncio.Timeout = attrs.field(factory=lambda: asyncio.timeout(None), init=False)
    late: type[TimeoutError] = aiohttp.ConnectionTimeoutError
    _turn: tuple[Gate, asyncio.TimerHandle] | None = None

    def connects(self, gate: Gate) -> None:
        """It has its turn to connect, which ends with `end_turn` or after a moment."""
        self.end_turn()
        self._turn = gate, asyncio.get_running_loop().call_later(CONNECT_TURN_S, self.end_turn)
        self._begin(self.connect_s or self.first_byte_s)

    def connected(self) -> None:
        """Its reply is waited for."""
        self.late = FirstByteTimeoutError
        self._begin(self.first_byte_s)

    def end_turn(self) -> None:
        """Lets the next connection to this host be opened; without effect where none was opened."""
        if self._turn is not None:
            gate, timer = self._turn
            self._turn = None
            timer.cancel()
            gate.release()

    def _begin(self, seconds: float) -> None:
        self.limit.reschedule(asyncio.get_running_loop().time() + seconds if seconds else None)


SENDING: ContextVar[Sending] = ContextVar("SENDING")
"""What a task sends."""

"""From a planned turn to a reply that begins well: the request is sent, and what may be sent again is.

Enters: a turn and a server. Leaves: the turn that was answered and its open reply, with status 200. Before the first byte of an answer a
refusal may be followed by another form of the turn (less thinking, fewer old turns), and a server that is busy for the moment is asked
again; a request that may still be running is not. Raises ServerError with everything that is known about the failure.
"""

import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial

import attrs
import gevent
from gevent.lock import BoundedSemaphore

from plugin_entry.network.bridge import Bridge, OpenReply, Started
from plugin_entry.network.server import Server
from plugin_entry.network.transport import Call
from plugin_entry.threads import in_thread
from translator.diagnosis.running import explained_silence
from translator.errors import ServerError
from translator.failures.build import failure_from_reply, is_retryable
from translator.shapes.exchange import HttpReply
from translator.turn import Turn

KEPT = 1024
QUOTA = "cloud_quota"

type IsTransient = Callable[[HttpReply], bool]


@lru_cache(maxsize=KEPT)
def turns_at(place: str, at_once: int) -> BoundedSemaphore:
    """The turns of all requests to one server that allow `at_once` of them at the same time."""
    del place  # only tells servers apart
    return BoundedSemaphore(at_once)


def ollama_is_busy(reply: HttpReply) -> bool:
    """What Ollama refused for the moment only."""
    if reply.status not in TRANSIENT:
        return False
    failure = failure_from_reply(reply.status, reply.body, content_type=reply.content_type, headers=reply.headers)
    return is_busy(failure, retry_after(reply.headers))


def service_is_busy(reply: HttpReply) -> bool:
    """The same for rerank services, whose statuses say enough, unless it is a quota that is used up."""
    return reply.status in TRANSIENT and failure_from_reply(reply.status, reply.body, content_type=reply.content_type).code != QUOTA


class PatientBridge(Bridge):
    """Another bridge with turns and second tries; short-lived, one per plan."""

    def __init__(
        self, bridge: Bridge, turns: BoundedSemaphore, is_transient: IsTransient, sleep: Callable[[float], object] = gevent.sleep
    ) -> None:
        super().__init__()
        self._bridge = bridge
        self._turns = turns
        self._is_transient = is_transient
        self._sleep = sleep

    def start(self, call: Call) -> Started:
        """Out of turn and without a second try."""
        return self._bridge.start(call)

    def fetch(self, call: Call) -> HttpReply:
        """Sends the call and waits for the whole reply, which may be a refusal. Raises ServerError."""
        retries = Retries()
        while True:
            began = time.monotonic()
            try:
                reply = self._in_turn(call)
            except ServerError as error:
                wait = retries.wait() if broke_at_once(error, time.monotonic() - began) else None
                if wait is None:
                    raise
            else:
                wait = retries.wait(retry_after(reply.headers)) if self._is_transient(reply) else None
                if wait is None:
                    return reply
            self._sleep(wait)

    def _in_turn(self, call: Call) -> HttpReply:
        with self._turns:
            return self._bridge.fetch(call)


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


OK = 200
REFUSAL_BYTES = 1024 * 1024
"""Of a refusal that are read; they say all they have to say in the first few."""
PS_LIMIT_S = 2.0
"""For the question which models are in memory, which every server answers at once or never."""


@attrs.frozen(slots=True, kw_only=True)
class Sender:
    """`estimate` gives the tokens of a turn's prompt, for errors; `sleep` waits between tries; `weight` is that of encoding a turn."""

    bridge: Bridge
    estimate: Callable[[Turn], int]
    sleep: Callable[[float], object] = gevent.sleep
    clock: Callable[[], float] = time.monotonic
    weight: int = 0

    def send(self, turn: Turn, server: Server) -> tuple[Turn, OpenReply]:
        """Sends the turn, and what it becomes after a refusal, until there is an answer. Raises ServerError."""
        retries = Retries()
        while True:
            reply = self._opened(turn, server, retries)
            if reply.head.status == OK:
                return turn, reply
            turn = self._after_refusal(turn, reply, retries)

    def _opened(self, turn: Turn, server: Server, retries: Retries) -> OpenReply:
        while True:
            began = self.clock()
            try:
                return self.bridge.open(in_thread(self.weight, partial(call_of, turn, server)))
            except ServerError as error:
                seconds = retries.wait() if broke_at_once(error, self.clock() - began) else None
                if seconds is None:
                    raise self._explained(error, turn, server) from None
            self.sleep(seconds)

    def _after_refusal(self, turn: Turn, reply: OpenReply, retries: Retries) -> Turn:
        """The turn to send next. Raises ServerError when the refusal stands."""
        body = _beginning(reply)
        error = _failure(turn, reply, body)
        following = turn.after_refusal(error, body)
        if following is not None:
            return following
        asked = retry_after(reply.head.headers)
        seconds = retries.wait(asked) if reply.head.status in TRANSIENT and is_busy(error, asked) else None
        if seconds is None:
            raise turn.explained(error, body, partial(self.estimate, turn))
        self.sleep(seconds)
        return turn

    def _explained(self, error: ServerError, turn: Turn, server: Server) -> ServerError:
        if error.code != "first_byte_timeout" or server.base_url.is_cloud:
            return error
        return explained_silence(error, turn.ask.model, models_in_memory(self.bridge, server))


def models_in_memory(bridge: Bridge, server: Server) -> HttpReply | None:
    """The reply of `/api/ps`, whatever its status; None when there is none."""
    limits = attrs.evolve(server.limits, connect=PS_LIMIT_S, first_byte=PS_LIMIT_S, between_chunks=PS_LIMIT_S)
    quick = attrs.evolve(server, limits=limits)
    try:
        return bridge.fetch(Call(server=quick, method="GET", url=server.base_url.url_for("/api/ps")))
    except ServerError:
        return None


def call_of(turn: Turn, server: Server) -> Call:
    """The request of a turn."""
    return Call(server=server, method="POST", url=server.base_url.url_for(turn.route), body=turn.body)


def _beginning(reply: OpenReply) -> bytes:
    """As much of a refusal as anybody looks at. Raises ServerError."""
    parts: list[bytes] = []
    size = 0
    for data in reply.bursts():
        parts.append(data)
        size += len(data)
        if size >= REFUSAL_BYTES:
            reply.close()
            break
    return b"".join(parts)


def _failure(turn: Turn, reply: OpenReply, body: bytes) -> ServerError:
    return failure_from_reply(
        reply.head.status,
        body,
        content_type=reply.head.content_type,
        model=turn.ask.model,
        route=turn.route,
        headers=reply.head.headers,
    )

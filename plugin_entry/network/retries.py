"""Sends a request again when the server refused it for the moment, and bounds how many requests one server has at a time.

A request is sent again only when nobody can be working on it: the server said that it is busy, or the connection broke at once. All tries
of one request share a `Budget`.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from weakref import WeakValueDictionary

import attrs
import gevent
from gevent.lock import BoundedSemaphore

from plugin_entry.network.bridge import Bridge, OpenReply
from plugin_entry.network.budget import Budget
from plugin_entry.network.client import Call
from plugin_entry.network.error_rows import own_failure
from plugin_entry.network.server import Server
from plugin_entry.threads import in_thread
from translator.diagnosis.running import explained_silence
from translator.errors import ServerError
from translator.failures.build import failure_from_reply, is_loading, is_retryable
from translator.shapes.exchange import HttpReply
from translator.turn import Turn

OK = 200
QUOTA = "cloud_quota"
WITHOUT_REASON = "rate_limited"
"""The code of a status 429 that says nothing more: it is asked again only when the server names a time."""

TRANSIENT = frozenset({429, 502, 503, 504})
"""Statuses that may be gone in seconds."""

BROKEN = frozenset({"connect_reset", "connection_reset"})
"""Codes of connections that broke before an answer: a server that restarts, or closed a connection at the moment it was used again."""

SOON_S = 1.0
"""A connection that broke later may have been working on the request: a server that crashed, a proxy that lost its patience."""

PS_LIMIT_S = 2.0
"""Time limit of `/api/ps`, which every server answers at once or never."""
PS_WHOLE_S = 3 * PS_LIMIT_S
"""For all of the answer, as each byte of it is progress."""

LONGEST_TURN_S = 540.0
"""How long a request waits until earlier ones have ended: shortly before Dify gives it up (PLUGIN_MAX_EXECUTION_TIMEOUT, 600 s)."""

type Sleep = Callable[[float], object]
type Busy = Callable[[HttpReply], ServerError | None]
"""The failure of a server that refused for the moment only; None for every other reply."""


# --- when to try again -----------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Tries:
    """The tries of one request."""

    _budget: Budget
    _sleep: Sleep

    def again(self, asked: str, *, is_loading: bool = False) -> bool:
        """Waits until it is time for the next try; False when none is left (see `Budget`). `asked` is the server's `Retry-After`.

        `is_loading`: the server refuses until a model is loaded.
        """
        seconds = (self._budget.wait_for_model if is_loading else self._budget.wait)(asked)
        if seconds is not None:
            self._sleep(seconds)
        return seconds is not None

    def send[T](self, send: Callable[[], T]) -> T:
        """What `send` gives; it is called again when the connection broke at once. Raises ServerError."""
        while True:
            began = time.monotonic()
            try:
                return send()
            except ServerError as error:
                if error.code not in BROKEN or time.monotonic() - began >= SOON_S or not self.again(""):
                    raise


def is_busy(failure: ServerError, asked: str) -> bool:
    """A full queue, a model that is being loaded, a proxy without a server; not a quota that is used up. `asked` is its `Retry-After`."""
    return is_retryable(failure) or (failure.code == WITHOUT_REASON and bool(asked))


def busy_ollama(reply: HttpReply) -> ServerError | None:
    """Why Ollama refused for the moment only; None for every other reply."""
    if reply.status not in TRANSIENT:
        return None
    failure = failure_from_reply(reply.status, reply.body, headers=reply.headers)
    return failure if is_busy(failure, reply.headers.first("Retry-After")) else None


def busy_service(reply: HttpReply) -> ServerError | None:
    """The same for rerank services, whose statuses say enough, unless it is a quota that is used up."""
    if reply.status not in TRANSIENT:
        return None
    failure = failure_from_reply(reply.status, reply.body, content_type=reply.content_type)
    return None if failure.code == QUOTA else failure


# --- replies that are read as a whole: embeddings, rankings ------------------------------------------------------------------------

_turns: WeakValueDictionary[tuple[str, int], BoundedSemaphore] = WeakValueDictionary()


def turns_at(identity: str, at_once: int) -> BoundedSemaphore:
    """The turns of all requests with one `Server.identity` that allow `at_once` of them at a time; they are gone with their last user."""
    turns = _turns.get((identity, at_once))
    if turns is None:
        turns = _turns[identity, at_once] = BoundedSemaphore(at_once)
    return turns


@attrs.frozen(slots=True)
class RetryingBridge:
    """Fetches the replies of one plan, in turn with the other requests to the same server, and again when the server is busy."""

    _bridge: Bridge
    _turns: BoundedSemaphore
    _busy: Busy
    _sleep: Sleep = gevent.sleep

    def fetch(self, call: Call) -> HttpReply:
        """Sends the call and waits for the whole reply, which may be a refusal. Raises ServerError."""
        tries = Tries(Budget(patience=call.server.limits.first_byte), self._sleep)
        while True:
            reply = tries.send(partial(self._in_turn, call))
            failure = self._busy(reply)
            if failure is None or not tries.again(reply.headers.first("Retry-After"), is_loading=is_loading(failure)):
                return reply

    def distrust(self, owner: str) -> None:
        """See `Bridge.distrust`."""
        self._bridge.distrust(owner)

    def _in_turn(self, call: Call) -> HttpReply:
        if not self._turns.acquire(timeout=LONGEST_TURN_S):
            raise own_failure("turn_timeout", call.server.place, f"{LONGEST_TURN_S:g} seconds")
        try:
            return self._bridge.fetch(call)
        finally:
            self._turns.release()


type Fetches = Bridge | RetryingBridge
"""Whatever gives the whole reply to a call."""


# --- replies that are read as they come: answers -----------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Sender:
    """Sends turns. `estimate` gives the tokens of a turn's prompt, for errors; `weight` is that of encoding a turn."""

    bridge: Bridge
    estimate: Callable[[Turn], int]
    sleep: Sleep = gevent.sleep
    weight: int = 0

    def send(self, turn: Turn, server: Server) -> tuple[Turn, OpenReply]:
        """Sends the turn until there is an answer; gives the turn that was answered and its open reply, with status 200.

        A refusal may be followed by another form of the turn: less thinking, fewer old messages. Raises ServerError with everything that
        is known about the failure.
        """
        tries = Tries(Budget(patience=server.limits.first_byte), self.sleep)
        while True:
            reply = self._opened(turn, server, tries)
            if reply.head.status == OK:
                return turn, reply
            status, headers, body = reply.head.status, reply.head.headers, reply.body()
            error = failure_from_reply(status, body, model=turn.ask.model, route=turn.route, headers=headers)
            following, asked = turn.after_refusal(error), headers.first("Retry-After")
            if following is not None:
                turn = following
            elif not (status in TRANSIENT and is_busy(error, asked) and tries.again(asked, is_loading=is_loading(error))):
                raise turn.explained(error, body, partial(self.estimate, turn))

    def _opened(self, turn: Turn, server: Server, tries: Tries) -> OpenReply:
        call = in_thread(self.weight, partial(call_of, turn, server))
        try:
            return tries.send(partial(self.bridge.open, call))
        except ServerError as error:
            if error.code != "first_byte_timeout" or server.base_url.is_cloud:
                raise
            raise explained_silence(error, turn.ask.model, models_in_memory(self.bridge, server)) from None


def models_in_memory(bridge: Bridge, server: Server) -> HttpReply | None:
    """The reply of `/api/ps`, whatever its status; None when there is none in time."""
    quick = server.with_limits(connect=PS_LIMIT_S, first_byte=PS_LIMIT_S, between_chunks=PS_LIMIT_S)
    call = Call(server=quick, method="GET", url=server.base_url.url_for("/api/ps"))
    with suppress(ServerError), gevent.Timeout(PS_WHOLE_S, False):
        return bridge.fetch(call)
    return None


def call_of(turn: Turn, server: Server) -> Call:
    """The request of a turn."""
    return Call(server=server, method="POST", url=server.base_url.url_for(turn.route), body=turn.body)

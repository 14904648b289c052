"""Sends a request again when the server refused it for the moment, and bounds how many requests one server has at a time.

A request is sent again only when nobody can be working on it: the server said that it is busy, or the connection broke at once. All tries
of one request share a `Budget`.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn, Protocol
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
class Later:
    """The outcome of a try that may succeed later.

    `asked` is the server's `Retry-After`; `otherwise` gives or raises the final outcome when no try is left. `is_loading`: the server
    refuses until a model is loaded.
    """

    asked: str
    otherwise: Callable[[], Any]
    is_loading: bool = False


def with_retries[T](attempt: Callable[[], T | Later], sleep: Sleep, patience: float) -> T:
    """What the first attempt gives that succeeds, or the last one within the budget (see `Budget`). Raises what that raises."""
    budget = Budget(patience=patience)
    while isinstance(outcome := attempt(), Later):
        seconds = (budget.wait_for_model if outcome.is_loading else budget.wait)(outcome.asked)
        if seconds is None:
            last: T = outcome.otherwise()
            return last
        sleep(seconds)
    return outcome


def retry_if_broken[T](send: Callable[[], T]) -> T | Later:
    """What `send` gives, or Later when the connection broke at once. Raises ServerError for every other failure."""
    began = time.monotonic()
    try:
        return send()
    except ServerError as error:
        if error.code not in BROKEN or time.monotonic() - began >= SOON_S:
            raise
        return Later("", partial(_raise, error))


def _raise(error: ServerError) -> NoReturn:
    raise error


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


class Fetches(Protocol):
    """Whatever gives the whole reply to a call."""

    def fetch(self, call: Call) -> HttpReply:
        """Raises ServerError."""

    def distrust(self, owner: str) -> None:
        """A reply to this owner could not be read: see `Bridge.distrust`."""


@attrs.frozen(slots=True)
class RetryingBridge:
    """Fetches the replies of one plan, in turn with the other requests to the same server, and again when the server is busy."""

    _bridge: Bridge
    _turns: BoundedSemaphore
    _busy: Busy
    _sleep: Sleep = gevent.sleep

    def fetch(self, call: Call) -> HttpReply:
        """Sends the call and waits for the whole reply, which may be a refusal. Raises ServerError."""
        return with_retries(partial(self._try, call), self._sleep, call.server.limits.first_byte)

    def distrust(self, owner: str) -> None:
        """See `Bridge.distrust`."""
        self._bridge.distrust(owner)

    def _try(self, call: Call) -> HttpReply | Later:
        outcome = retry_if_broken(partial(self._in_turn, call))
        failure = None if isinstance(outcome, Later) else self._busy(outcome)
        if isinstance(outcome, Later) or failure is None:
            return outcome
        return Later(outcome.headers.first("Retry-After"), lambda: outcome, is_loading(failure))

    def _in_turn(self, call: Call) -> HttpReply:
        if not self._turns.acquire(timeout=LONGEST_TURN_S):
            raise own_failure("turn_timeout", call.server.place, f"{LONGEST_TURN_S:g} seconds")
        try:
            return self._bridge.fetch(call)
        finally:
            self._turns.release()


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

        def attempt() -> tuple[Turn, OpenReply] | Later:
            nonlocal turn
            outcome = self._try(turn, server)
            while isinstance(outcome, Turn):
                turn = outcome
                outcome = self._try(turn, server)
            return outcome

        return with_retries(attempt, self.sleep, server.limits.first_byte)

    def _try(self, turn: Turn, server: Server) -> tuple[Turn, OpenReply] | Turn | Later:
        """The answered turn and its reply, or the form of the turn to send instead. Raises ServerError when a refusal stands."""
        reply = self._opened(turn, server)
        if isinstance(reply, Later):
            return reply
        if reply.head.status == OK:
            return turn, reply
        body = reply.body()
        headers = reply.head.headers
        error = failure_from_reply(reply.head.status, body, model=turn.ask.model, route=turn.route, headers=headers)
        following = turn.after_refusal(error)
        if following is not None:
            return following
        asked = headers.first("Retry-After")
        explain = partial(turn.explained, error, body, partial(self.estimate, turn))
        if reply.head.status in TRANSIENT and is_busy(error, asked):
            return Later(asked, lambda: _raise(explain()), is_loading(error))
        raise explain()

    def _opened(self, turn: Turn, server: Server) -> OpenReply | Later:
        call = in_thread(self.weight, partial(call_of, turn, server))
        try:
            return retry_if_broken(partial(self.bridge.open, call))
        except ServerError as error:
            if error.code != "first_byte_timeout" or server.base_url.is_cloud:
                raise
            raise explained_silence(error, turn.ask.model, models_in_memory(self.bridge, server)) from None


def models_in_memory(bridge: Bridge, server: Server) -> HttpReply | None:
    """The reply of `/api/ps`, whatever its status; None when there is none in time."""
    limits = attrs.evolve(server.limits, connect=PS_LIMIT_S, first_byte=PS_LIMIT_S, between_chunks=PS_LIMIT_S)
    call = Call(server=attrs.evolve(server, limits=limits), method="GET", url=server.base_url.url_for("/api/ps"))
    with suppress(ServerError), gevent.Timeout(PS_WHOLE_S, False):
        return bridge.fetch(call)
    return None


def call_of(turn: Turn, server: Server) -> Call:
    """The request of a turn."""
    return Call(server=server, method="POST", url=server.base_url.url_for(turn.route), body=turn.body)

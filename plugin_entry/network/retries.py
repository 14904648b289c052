"""From a planned turn to a reply that begins well: the request is sent, and what may be sent again is.

Enters: a turn and a server. Leaves: the turn that was answered and its open reply, with status 200. Before the first byte of an answer a
refusal may be followed by another form of the turn (less thinking, fewer old turns), and a server that is busy for the moment is asked
again; a request that may still be running is not. Raises ServerError with everything that is known about the failure.
"""

import time
from collections.abc import Callable
from functools import partial

import attrs
import gevent

from plugin_entry.network.bridge import Bridge, OpenReply
from plugin_entry.network.retrying import TRANSIENT, Retries, broke_at_once, is_busy, retry_after
from plugin_entry.network.server import Server
from plugin_entry.network.transport import Call
from plugin_entry.threads import apart
from translator.diagnosis.running import explained_silence
from translator.errors import ServerError
from translator.failures.build import failure_from_reply
from translator.shapes.exchange import HttpReply
from translator.turn import Turn

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
                return self.bridge.open(apart(self.weight, partial(call_of, turn, server)))
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

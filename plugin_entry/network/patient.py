"""A bridge for requests whose replies are wanted whole: each waits for its turn, and is sent again when a refusal may soon be over.

Enters: calls. Leaves: whole replies, the last refusal included. All requests to one server share its turns, as Dify indexes with many
threads at once and a small machine chokes on that many embeddings.
"""

import time
from collections.abc import Callable
from functools import lru_cache

import gevent
from gevent.lock import BoundedSemaphore

from plugin_entry.network.bridge import Bridge, Started
from plugin_entry.network.retrying import TRANSIENT, Retries, broke_at_once, is_busy, retry_after
from plugin_entry.network.transport import Call
from translator.errors import ServerError
from translator.failures.build import failure_from_reply
from translator.shapes.exchange import HttpReply

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

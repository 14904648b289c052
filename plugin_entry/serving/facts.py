"""Facts about the models of servers, asked once and kept for a while.

Requests that need the same facts at the same time share one question. When a server answers without the facts (too old, a proxy in between,
a name it does not know), the saved ones are used: the request itself will bring the real error.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import inf
from typing import Any

import attrs
import gevent
from gevent.event import AsyncResult, Event

from plugin_entry.network.bridge import Bridge, Started
from plugin_entry.network.client import Call
from plugin_entry.network.retries import models_in_memory
from plugin_entry.network.server import Server, identity_of
from translator import codec, detected
from translator.caches import BoundedCache
from translator.diagnosis.running import running_model
from translator.errors import Family, ServerError
from translator.failures.build import failure_from_reply
from translator.response.capabilities import ModelInfo, is_cloud_name, model_info
from translator.shapes.exchange import HttpReply
from translator.versions import RUNNING_WINDOW

KNOWN_S = 300.0
"""Seconds that facts are believed."""
UNKNOWN_S = 15.0
"""Seconds that a failure to learn them is believed."""
UNREACHABLE_S = 3.0
"""Seconds that a request takes a server for unreachable that was so before: afterwards it is worth a try."""
QUESTION_LIMIT_S = 5.0
"""Seconds that a server may take to begin its answer once it is connected, and as many to end it."""
WINDOW_S, NO_WINDOW_S = 30.0, 3.0
"""Seconds that the window of a running model is believed, and that it is not running."""
VERSION_LIMIT_S = 1.0
"""Seconds that the version may come later than the description; without it the server counts as the newest."""
KEPT = 512

type Key = tuple[str, str]
"""A server's identity and a model's name: nothing that one tenant's key was told is given to another."""


@attrs.frozen(slots=True)
class Known:
    """An answer, or the error that came instead, and when it came (`time.monotonic` seconds)."""

    info: ModelInfo
    error: ServerError | None
    since: float

    @property
    def is_unreachable(self) -> bool:
        """There was not even a connection."""
        return self.error is not None and self.error.family is Family.CONNECTION


class ModelFacts:
    """One per process."""

    def __init__(self, bridge: Bridge, clock: Callable[[], float] = time.monotonic) -> None:
        self._bridge = bridge
        self._clock = clock
        self._known: BoundedCache[Key, Known] = BoundedCache(KEPT)
        self._asking: dict[Key, AsyncResult] = {}
        self._windows: BoundedCache[Key, tuple[int | None, float]] = BoundedCache(KEPT)
        """The last window that a running model had, and when that was asked."""
        self._asking_windows: dict[Key, Event] = {}

    def of(self, server: Server, model: str, remembered: ModelInfo) -> ModelInfo:
        """Facts for a request: `remembered` when the server cannot say. Raises ServerError only when it cannot be reached at all."""
        known = self._look_up(server, model, UNREACHABLE_S)
        if known.error is not None and known.is_unreachable and not _is_own_limit(known.error, server):
            raise _copied(known.error)
        return _or_remembered(known, remembered)

    def for_schema(self, server: Server, model: str, remembered: ModelInfo) -> ModelInfo:
        """Facts for a model's schema, which must always exist: `remembered` when the server cannot say. Never raises a ServerError."""
        return _or_remembered(self._look_up(server, model, UNKNOWN_S), remembered)

    def with_window(self, info: ModelInfo, server: Server, model: str, remembered: ModelInfo) -> ModelInfo:
        """The same facts with the window that the server runs the model with: for settings that leave it to the server.

        A model that is not running gives its last window, also the one that was saved with it.
        """
        if info.remote or info.version < RUNNING_WINDOW:
            return info
        key = server.identity, model
        while (asking := self._asking_windows.get(key)) is not None and not self._last_window(key, remembered):
            asking.wait()
        _, since = self._windows.get(key) or (None, -inf)
        if asking is None and self._clock() - since >= (WINDOW_S if self._last_window(key) else NO_WINDOW_S):
            self._ask_window(key, server)
        return attrs.evolve(info, running_window=self._last_window(key, remembered))

    def _last_window(self, key: Key, remembered: ModelInfo | None = None) -> int | None:
        window, _ = self._windows.get(key) or (None, -inf)
        return window or (remembered.running_window if remembered else None)

    def _ask_window(self, key: Key, server: Server) -> None:
        """Asks while others who know no window wait; should this greenlet be ended meanwhile, one of them asks."""
        asking = self._asking_windows[key] = Event()
        try:
            reply = models_in_memory(self._bridge, server)
            running = None if reply is None else running_model(reply.body, key[1])
            self._windows.put(key, ((running and running.window) or self._last_window(key), self._clock()))
        finally:
            del self._asking_windows[key]
            asking.set()

    def recall(self, model: str, saved: Mapping[str, Any]) -> ModelInfo:
        """What is known already, without a question to the server; what was saved with the model when nothing is."""
        remembered = detected.from_saved(saved)
        known = self._known.get((identity_of(saved), model))
        return remembered if known is None else _or_remembered(known, remembered)

    def ask(self, server: Server, model: str) -> ModelInfo:
        """Asks anew, for validation. Raises ServerError for anything but a good answer."""
        known = self._ask(server, model)
        self._known.put((server.identity, model), known)
        if known.error is not None:
            raise _copied(known.error)
        return known.info

    def forget(self) -> None:
        """Everything learnt; for tests and for whoever knows that a server has changed."""
        self._known.clear()
        self._windows.clear()

    def _look_up(self, server: Server, model: str, unreachable_s: float) -> Known:
        key = server.identity, model
        while True:
            known = self._known.get(key)
            if known is not None and self._clock() - known.since < _believed(known, unreachable_s):
                return known
            asking = self._asking.get(key)
            if asking is None:
                return self._ask_for_all(key, server)
            shared: Known | None = asking.get()
            if shared is not None:
                return shared

    def _ask_for_all(self, key: Key, server: Server) -> Known:
        """Asks while others who want the same wait; should this greenlet be ended meanwhile, one of them asks."""
        result = self._asking[key] = AsyncResult()
        known: Known | None = None
        try:
            known = self._ask(server, key[1])
            self._known.put(key, known)
        finally:
            del self._asking[key]
            result.set(known)
        return known

    def _ask(self, server: Server, model: str) -> Known:
        """Both questions at once, so that a server that is away costs one time limit."""
        version = None if server.base_url.is_cloud else self._bridge.start(_question(server, "GET", "/api/version"))
        show = self._bridge.start(_question(server, "POST", "/api/show", {"model": model}))
        try:
            described = _described(_within(_whole_limit(server), show), server, model)
            info = model_info(described, _version(version), model=model, cloud_host=server.base_url.is_cloud)
        except ServerError as error:
            self._bridge.distrust(server.identity)  # what cannot be read may be the answer to another request
            return Known(_unknown(server, model), _copied(error), self._clock())
        finally:
            if version is not None:
                version.cancel()
        return Known(info, None, self._clock())


def _copied(error: ServerError) -> ServerError:
    """An error to keep or to raise. One that was raised holds the frames of its request, and they the prompt, so it is not kept itself."""
    return ServerError(error.problem)


def _is_own_limit(error: ServerError, server: Server) -> bool:
    """Whether the time limit that ran out was our own: the user has set none for connecting."""
    return error.code == "connect_timeout" and not server.limits.connect


def _believed(known: Known, unreachable_s: float) -> float:
    if known.error is None:
        return KNOWN_S
    return unreachable_s if known.is_unreachable else UNKNOWN_S


def _unknown(server: Server, model: str) -> ModelInfo:
    """What a name and an address say by themselves."""
    return ModelInfo(remote=server.base_url.is_cloud or is_cloud_name(model))


def _or_remembered(known: Known, remembered: ModelInfo) -> ModelInfo:
    if known.error is None:
        return known.info
    return attrs.evolve(remembered, remote=remembered.remote or known.info.remote)


def _question(server: Server, method: str, route: str, body: object = None) -> Call:
    """The user's limit for connecting stays, as nothing else tells a server that is away from one that is slow."""
    quick = server.with_limits(connect=_connect_limit(server), first_byte=QUESTION_LIMIT_S, between_chunks=QUESTION_LIMIT_S)
    return Call(server=quick, method=method, url=server.base_url.url_for(route), body=None if body is None else codec.dumps(body))


def _connect_limit(server: Server) -> float:
    return server.limits.connect or QUESTION_LIMIT_S


def _whole_limit(server: Server) -> float:
    """Seconds for a whole description: a server that sends a byte now and then passes every other limit."""
    return _connect_limit(server) + 2 * QUESTION_LIMIT_S


def _described(reply: HttpReply | None, server: Server, model: str) -> bytes:
    if reply is None:
        raise ServerError.of(
            "description_slow",
            f"The server at {server.place} has not described the model to its end within {_whole_limit(server):g} seconds.",
            "Try again when the server has less to do; if it happens again, look at the proxy or gateway in front of it.",
            family=Family.UNAVAILABLE,
        )
    if reply.status != 200:
        raise failure_from_reply(reply.status, reply.body, model=model, route="/api/show", headers=reply.headers)
    return reply.body


def _version(asked: Started | None) -> bytes | None:
    """The body of the answer; None for a version that cannot be had, which counts as the newest."""
    with suppress(ServerError):
        reply = None if asked is None else _within(VERSION_LIMIT_S, asked)
        if reply is not None and reply.status == 200:
            return reply.body
    return None


def _within(seconds: float, asked: Started) -> HttpReply | None:
    """The whole answer; None when it takes longer. Raises ServerError."""
    reply: HttpReply | None = None
    with gevent.Timeout(seconds, False):
        reply = asked.whole()
    return reply  # noqa: RET504  # a time limit that ran out ends the block before it

"""What is known about a model on a server, asked once and kept for a while.

Enters: a server and a model name. Leaves: a `ModelInfo`. Several requests that need the same facts at the same time share one question. A
server that is there but cannot say (too old, a proxy in between, a name it does not know) gives facts without content: the request itself
will bring the real error.
"""

import time
from collections.abc import Callable

import attrs
from gevent.event import AsyncResult

from plugin_entry.bridge import Bridge
from plugin_entry.server import Server
from plugin_entry.transport import Call
from translator import codec
from translator.errors import Family, ServerError
from translator.response.capabilities import ModelInfo, model_info, read_version
from translator.response.failures import failure_from_reply
from translator.shapes.exchange import HttpReply

KNOWN_S = 300.0
"""Seconds that facts are believed."""
UNKNOWN_S = 15.0
"""Seconds that a failure to learn them is believed."""
QUESTION_LIMIT_S = 10.0
KEPT = 512

type Key = tuple[Server, str]


@attrs.frozen(slots=True)
class Known:
    """An answer, or the error that came instead, and when it stops being believed (`time.monotonic` seconds)."""

    info: ModelInfo
    error: ServerError | None
    until: float


class ModelFacts:
    """One per process."""

    def __init__(self, bridge: Bridge, clock: Callable[[], float] = time.monotonic) -> None:
        self._bridge = bridge
        self._clock = clock
        self._known: dict[Key, Known] = {}
        self._asking: dict[Key, AsyncResult] = {}

    def of(self, server: Server, model: str, remembered: ModelInfo) -> ModelInfo:
        """Facts for a request: `remembered` when the server cannot say. Raises ServerError only when it cannot be reached at all."""
        known = self._look_up(server, model)
        if known.error is not None and known.error.family is Family.CONNECTION:
            raise known.error
        return known.info if known.error is None else remembered

    def for_schema(self, server: Server, model: str, remembered: ModelInfo) -> ModelInfo:
        """Facts for a model's schema, which must always exist: `remembered` when the server cannot say. Never raises a ServerError."""
        known = self._look_up(server, model)
        return known.info if known.error is None else remembered

    def ask(self, server: Server, model: str) -> ModelInfo:
        """Asks anew, for validation. Raises ServerError for anything but a good answer."""
        known = self._ask(server, model)
        self._known[server, model] = known
        if known.error is not None:
            raise known.error
        return known.info

    def _look_up(self, server: Server, model: str) -> Known:
        key = (server, model)
        known = self._known.get(key)
        if known is not None and known.until > self._clock():
            return known
        if key in self._asking:
            shared: Known = self._asking[key].get()
            return shared
        return self._ask_for_all(key)

    def _ask_for_all(self, key: Key) -> Known:
        """Asks while others who want the same wait."""
        result = self._asking[key] = AsyncResult()
        try:
            known = self._ask(*key)
        except BaseException as error:
            result.set_exception(error)
            raise
        finally:
            del self._asking[key]
        self._keep(key, known)
        result.set(known)
        return known

    def _keep(self, key: Key, known: Known) -> None:
        self._known.pop(key, None)
        self._known[key] = known
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]

    def _ask(self, server: Server, model: str) -> Known:
        version = self._bridge.start(_question(server, "GET", "/api/version"))
        show = self._bridge.start(_question(server, "POST", "/api/show", {"model": model}))
        body = _body(version.whole) if server.base_url.is_cloud is False else None
        try:
            info = _info(show.whole(), server, model, body)
        except ServerError as error:
            return Known(ModelInfo(version=read_version(body), remote=server.base_url.is_cloud), error, self._clock() + UNKNOWN_S)
        return Known(info, None, self._clock() + KNOWN_S)


def _question(server: Server, method: str, route: str, body: object = None) -> Call:
    quick = attrs.evolve(server, limits=attrs.evolve(server.limits, first_byte=QUESTION_LIMIT_S, between_chunks=QUESTION_LIMIT_S))
    return Call(server=quick, method=method, url=server.base_url.url_for(route), body=None if body is None else codec.dumps(body))


def _body(whole: Callable[[], HttpReply]) -> bytes | None:
    """The body of a good reply; a version that cannot be had counts as the newest."""
    try:
        reply = whole()
    except ServerError:
        return None
    return reply.body if reply.status == 200 else None


def _info(reply: HttpReply, server: Server, model: str, version: bytes | None) -> ModelInfo:
    if reply.status != 200:
        raise failure_from_reply(
            reply.status, reply.body, content_type=reply.content_type, model=model, route="/api/show", headers=reply.headers
        )
    return model_info(reply.body, version, model=model, cloud_host=server.base_url.is_cloud)

"""A real HTTP server on this machine that a function answers for, request by request; everything asked is kept.

It runs in greenlets of the test's own thread, so tests must not block it; `most_at_once` says how many requests were there together.
"""

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

import attrs
import gevent
import orjson
from gevent.pywsgi import WSGIServer

from translator.shapes.exchange import HttpReply

WORK_S = 0.02
"""How long a request takes where requests are to meet."""

OF_THE_CONNECTION = frozenset({"connection", "content-length", "transfer-encoding"})
"""Headers of a recording that this server's own connection decides."""


@attrs.frozen(slots=True, kw_only=True)
class Asked:
    """A request as it came; `path` has its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any

    @property
    def route(self) -> str:
        return self.path.partition("?")[0]


type Answer = Callable[[Asked], HttpReply]


class FunctionServer:
    """`with FunctionServer(answer) as server: server.url`. Each request takes `work_s` seconds."""

    def __init__(self, answer: Answer, *, work_s: float = 0.0) -> None:
        self.asked: list[Asked] = []
        self.most_at_once = 0
        self._answer = answer
        self._work_s = work_s
        self._present = 0
        self._server = WSGIServer(("127.0.0.1", 0), self._serve, log=None, error_log=None)

    def __enter__(self) -> Self:
        self._server.start()
        self._server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(timeout=0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def bodies(self, route: str) -> list[Any]:
        """What was sent to a route, in the order of arrival."""
        return [asked.body for asked in self.asked if asked.route == route]

    def _serve(self, environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
        asked = _asked(environ)
        self.asked.append(asked)
        self._present += 1
        self.most_at_once = max(self.most_at_once, self._present)
        if self._work_s:
            gevent.sleep(self._work_s)
        reply = self._answer(asked)
        self._present -= 1
        headers = [(name, value) for name, value in reply.headers.items() if name.lower() not in OF_THE_CONNECTION]
        start_response(f"{reply.status} Status", headers)
        return [reply.body]


def _asked(environ: Mapping[str, Any]) -> Asked:
    query = environ["QUERY_STRING"]
    raw = environ["wsgi.input"].read()
    headers = {name.removeprefix("HTTP_").replace("_", "-").title(): value for name, value in environ.items() if name.startswith("HTTP_")}
    return Asked(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"] + (f"?{query}" if query else ""),
        headers=headers,
        body=orjson.loads(raw) if raw else None,
    )


def closed_port() -> str:
    """A base URL where nothing listens."""
    with FunctionServer(lambda asked: HttpReply(status=500)) as server:
        return server.url

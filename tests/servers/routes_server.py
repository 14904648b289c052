"""A small HTTP server on this machine, for answers no recording has: links to files, redirects, silence.

Paths and their answers are a table; what was asked is kept. The server lives in greenlets of the test's own thread, beside the plugin.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import attrs
import gevent
import orjson
from gevent.event import Event
from gevent.server import StreamServer

type Speak = Callable[[Any], None]
"""Writes an answer to a socket."""


@attrs.frozen
class Asked:
    """One request."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Speak:
    """A whole answer; an underscore in a header's name stands for a dash."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda sock: sock.sendall(head + body)


def json_reply(value: object, status: int = 200) -> Speak:
    return reply(status, orjson.dumps(value), Content_Type="application/json")


NOT_FOUND = reply(404, b"404 page not found", Content_Type="text/plain")


def redirect(target: str, status: int = 302) -> Speak:
    return reply(status, Location=target)


def silence(sock: Any) -> None:
    """Reads and never answers, until the client leaves."""
    while sock.recv(1024):
        pass


def endless(sock: Any) -> None:
    """A body that goes on for ever, without a length."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    while True:
        sock.sendall(b"x" * 65536)
        gevent.sleep(0)


def trickle(sock: Any) -> None:
    """A body that begins and then stops."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
    silence(sock)


def single_bytes(sock: Any) -> None:
    """A body that never stops and never ends, a byte at a time."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        sock.sendall(b"x")
        gevent.sleep(0)


def cut(sock: Any) -> None:
    """A body that is cut."""
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")


def after(event: Event, speak: Speak) -> Speak:
    """The same answer, once something has happened."""

    def wait(sock: Any) -> None:
        event.wait(60)
        speak(sock)

    return wait


class RoutesServer:
    """`with RoutesServer({"/a": reply(200, b"x")}) as server: server.url`; a list of answers is used up one after the other.

    `*` is every other path, which is otherwise a 404.
    """

    def __init__(self, routes: Mapping[str, Speak | list[Speak]]) -> None:
        self._routes = routes
        self._server = StreamServer(("127.0.0.1", 0), self._handle)
        self.asked: list[Asked] = []

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(timeout=0)

    @property
    def port(self) -> int:
        port: int = self._server.server_port
        return port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def _handle(self, sock: Any, _: object) -> None:
        with sock:
            asked = _read(sock)
            if asked is None:
                return
            self.asked.append(asked)
            speak = self._routes.get(asked.path) or self._routes.get("*") or NOT_FOUND
            if isinstance(speak, list):
                speak = speak.pop(0) if len(speak) > 1 else speak[0]
            try:
                speak(sock)
            except ConnectionError:
                return  # the client left, as some tests want it to


def _read(sock: Any) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += sock.recv(65536)
    method, target, _ = first.split(" ")
    return Asked(method, target, headers, body)

"""A server that is healthy but for one route, where it does what a fault's script says, byte by byte.

It keeps the requests that came and knows which connections are still in use. It lives in greenlets of the test's own thread; every other
route answers at once and keeps its connection. Asked as a forward proxy, by a whole address or by CONNECT, it is that proxy and the server
behind it in one.
"""

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import attrs
import orjson
from gevent.event import Event
from gevent.server import StreamServer

from tests.faults.cells import Reply
from tests.faults.replies import lines_of

OK = b"HTTP/1.1 200 OK\r\n"
NDJSON, JSON = b"application/x-ndjson", b"application/json; charset=utf-8"
HANDSHAKE, TUNNEL = b"\x16", b"CONNECT "
UNENCRYPTED = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
ENCRYPTED = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
HEARD_WITHIN_S = 0.1
STREAMING = {"/api/chat", "/api/generate"}


class LeftError(ConnectionError):
    """The script is over and the connection with it."""


@attrs.define(slots=True, eq=False)
class Visit:
    """One request on a connection, and what can be done with it. `lines` are the good answer; `tries` counts the visits to this route."""

    sock: Any
    route: str
    body: bytes
    lines: list[bytes]
    tries: int
    headers: Mapping[bytes, bytes]
    heard: Event
    passed_by: tuple[bytes, ...] = ()
    """Headers that a proxy in between adds to every reply."""

    @property
    def streams(self) -> bool:
        """The answer has several lines."""
        return self.route in STREAMING

    @property
    def content_type(self) -> bytes:
        return NDJSON if self.streams else JSON

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.sock.sendall(data)

    def begin(self, *headers: bytes, content_type: bytes = b"") -> None:
        """Sends the head of a good answer in chunks."""
        kind = b"Content-Type: " + (content_type or self.content_type)
        self.send(OK + b"\r\n".join([kind, b"Transfer-Encoding: chunked", *self.passed_by, *headers]) + b"\r\n\r\n")

    def chunk(self, data: bytes) -> None:
        """Sends one HTTP chunk; an empty one would be the last."""
        if data:
            self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def finish(self) -> None:
        """Ends the body as HTTP wants it."""
        self.send(b"0\r\n\r\n")

    def answer(self, *lines: bytes, content_type: bytes = b"") -> None:
        """A whole answer in chunks."""
        self.begin(content_type=content_type)
        for line in lines:
            self.chunk(line)
        self.finish()

    def whole(self, status: bytes, body: bytes, *headers: bytes) -> None:
        """A whole reply with its length."""
        self.send(b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *self.passed_by, *headers]) + b"\r\n\r\n" + body)

    def wait_until_heard(self) -> None:
        """Until the first words have reached the reader; where nobody reads along, until they surely have reached the plugin."""
        self.heard.wait(HEARD_WITHIN_S)

    def hang_up(self) -> None:
        """Ends the connection in order."""
        raise LeftError

    def reset(self) -> None:
        """Ends the connection at once, with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise LeftError

    def hold(self) -> None:
        """Says nothing more until the client has left."""
        while self.sock.recv(65536):
            pass
        raise LeftError


type Script = Callable[[Visit], None]


def opened(visit: Visit) -> None:
    """What a proxy says when it opens a tunnel."""
    visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")


@attrs.define(slots=True, eq=False)
class FaultServer:
    """Plays `script` on `route`."""

    script: Script
    route: str
    reply: Reply
    tls: ssl.SSLContext | None = None
    gate: Script = opened
    """Plays where a tunnel is asked for (CONNECT); one that returns has opened it."""
    behind_gate: ssl.SSLContext | None = None
    port: int = 0
    requests: list[tuple[str, bytes]] = attrs.field(factory=list)
    heard: Event = attrs.field(factory=Event)
    """To be set by who reads the answer when its first words are there."""
    busy: set[Any] = attrs.field(factory=set)
    """Connections in the middle of a request; one that is idle in the client's pool is none."""
    _sockets: set[Any] = attrs.field(factory=set)
    _quiet: Event = attrs.field(factory=Event)

    @property
    def tries(self) -> int:
        """How often the faulty route was asked."""
        return sum(path == self.route for path, _ in self.requests)

    def is_left_alone(self, within_s: float) -> bool:
        """Every connection in the middle of a request ends within this time."""
        if self.busy:
            self._quiet.clear()
            self._quiet.wait(within_s)
        return not self.busy

    def handle(self, sock: Any, _: object) -> None:
        """One connection."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        left = (OSError, ValueError)  # the latter is what a TLS socket raises that was closed under its reader
        with contextlib.suppress(*left):
            self._serve(self._spoken(sock))

    def _serve(self, spoken: Any) -> None:
        with spoken:
            self._sockets.add(spoken)
            try:
                through = self._talk(spoken)
            finally:
                self._sockets.discard(spoken)
                self._rest(spoken)
            if through:
                self._serve(self._behind_gate(spoken))

    def _behind_gate(self, sock: Any) -> Any:
        assert self.behind_gate is not None, "a tunnel to nowhere"
        return self.behind_gate.wrap_socket(sock, server_side=True)

    def _spoken(self, sock: Any) -> Any:
        """The connection, encrypted where it should be; one that begins wrongly is answered as Go's servers answer it (net/http)."""
        begins_encrypted = sock.recv(1, socket.MSG_PEEK) == HANDSHAKE
        if begins_encrypted == (self.tls is not None):
            return sock if self.tls is None else self.tls.wrap_socket(sock, server_side=True)
        sock.recv(65536)
        sock.sendall(UNENCRYPTED if begins_encrypted else ENCRYPTED)
        sock.close()
        raise LeftError

    def _talk(self, sock: Any) -> bool:
        """True when the client wants to go on through a tunnel."""
        with sock.makefile("rb") as file:
            while line := file.readline():
                self.busy.add(sock)
                self._one(sock, line, file)
                self._rest(sock)
                if line.startswith(TUNNEL):
                    return True
        return False

    def close(self) -> None:
        """Ends all connections; one that waits in the client's pool would hold its place there."""
        for sock in list(self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _rest(self, sock: Any) -> None:
        self.busy.discard(sock)
        if not self.busy:
            self._quiet.set()

    def _one(self, sock: Any, line: bytes, file: Any) -> None:
        path = urlsplit(line.split()[1].decode()).path
        pairs = (header.split(b": ", 1) for header in iter(lambda: file.readline().strip(), b""))
        headers = {name.lower(): value for name, value in pairs}
        body = file.read(int(headers.get(b"content-length", b"0")))
        self.requests.append((path, body))
        visit = Visit(sock, path, body, self._lines(path, body), self.tries, headers, self.heard)
        if line.startswith(TUNNEL):
            self.gate(visit)
        elif path == self.route:
            self.script(visit)
        elif visit.lines:
            visit.whole(b"200 OK", b"".join(visit.lines), b"Content-Type: " + visit.content_type)
        else:
            visit.whole(b"404 Not Found", b"404 page not found", b"Content-Type: text/plain")

    def _lines(self, path: str, body: bytes) -> list[bytes]:
        asked: Mapping[str, Any] = orjson.loads(body) if body else {}
        try:
            return lines_of(path, asked, self.reply)
        except LookupError:
            return []


@contextmanager
def serving(server: FaultServer, address: str = "127.0.0.1") -> Iterator[FaultServer]:
    """Serves on the loopback interface while the block runs."""
    listener = StreamServer((address, 0), server.handle)
    listener.start()
    server.port = listener.server_port
    try:
        yield server
    finally:
        listener.stop(timeout=0)
        server.close()

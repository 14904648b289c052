"""A server on the loopback interface whose every byte a test decides: one greenlet per connection."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
from gevent.event import Event
from gevent.server import StreamServer

from plugin_entry.network.client import Call
from plugin_entry.network.server import Server
from translator.settings.base_url import parse_base_url
from translator.settings.credentials import Timeouts

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
NO_LIMITS = Timeouts()
PATIENCE_S = 60.0
"""No test waits longer for anything."""


@attrs.define(eq=False)
class Visit:
    """One request on a connection."""

    sock: socket.socket
    path: str
    body: bytes
    connection: int
    gone: Event

    def send(self, data: bytes) -> None:
        """Sends bytes as they are."""
        self.sock.sendall(data)

    def chunk(self, data: bytes) -> None:
        """Sends one HTTP chunk."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def whole(self, data: bytes, status: bytes = b"200 OK") -> None:
        """Sends a whole reply."""
        self.send(b"HTTP/1.1 %b\r\nContent-Length: %d\r\nX-Test: yes\r\n\r\n%b" % (status, len(data), data))

    def wait_for_the_end(self) -> None:
        """Returns when the client has closed the connection."""
        while self.sock.recv(65536):
            pass
        self.gone.set()


type Answer = Callable[[Visit], None]


@attrs.define(eq=False)
class LoopbackServer:
    """Answers every request by `answer`; counts connections."""

    answer: Answer
    port: int = 0
    connections: int = 0
    gone: Event = attrs.field(factory=Event)
    left: Event = attrs.field(factory=Event)
    """A client has ended a connection."""

    def call(self, path: str = "/api/chat", body: bytes = b"{}", limits: Timeouts = NO_LIMITS) -> Call:
        """A request to this server."""
        server = Server(base_url=parse_base_url(f"http://127.0.0.1:{self.port}"), limits=limits)
        return Call(server=server, method="POST", url=server.base_url.url_for(path), body=body)

    def handle(self, sock: socket.socket, _: object) -> None:
        """One connection."""
        self.connections += 1
        number = self.connections
        file = sock.makefile("rb")
        try:
            while line := file.readline():
                path = line.split()[1].decode()
                headers = dict(header.lower().split(b": ", 1) for header in iter(lambda: file.readline().strip(), b""))
                body = file.read(int(headers.get(b"content-length", b"0")))
                self.answer(Visit(sock, path, body, number, self.gone))
        except OSError:
            self.gone.set()
        self.left.set()


@contextmanager
def serving(answer: Answer) -> Iterator[LoopbackServer]:
    """Serves while the block runs."""
    state = LoopbackServer(answer)
    server = StreamServer(("127.0.0.1", 0), state.handle)
    server.start()
    state.port = server.server_port
    try:
        yield state
    finally:
        server.stop(timeout=0)

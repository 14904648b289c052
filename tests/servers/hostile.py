"""Servers that answer at the wrong time, as a broken gateway does, or one that wants to harm who else asks."""

import zlib
from contextlib import suppress
from typing import Any

import attrs
from gevent.server import StreamServer

from tests.servers.loopback import END, HEAD, Visit

STRAY = b"HTTP/1.1 200 OK\r\nContent-Length: 24\r\n\r\nanother tenant's answer\n"
"""A whole reply that nobody asked for."""

HALF = STRAY[:20]
"""Its beginning."""


@attrs.define(eq=False)
class StrayReplies:
    """Answers each request with its number, and says something more on the same connection when `speak` is called."""

    stray: bytes = STRAY
    visits: list[Visit] = attrs.field(factory=list)

    def __call__(self, visit: Visit) -> None:
        """For `serving`."""
        self.visits.append(visit)
        visit.whole(b"answer %d" % len(self.visits))

    def speak(self) -> None:
        """Sends the stray bytes on the connection of the last request."""
        self.visits[-1].send(self.stray)


class EarlyServer:
    """Answers as soon as the headers of a request are here; `with EarlyServer() as server: server.port`."""

    def __init__(self) -> None:
        self._server = StreamServer(("127.0.0.1", 0), self._handle)
        self.connections = 0

    def __enter__(self) -> "EarlyServer":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(timeout=0)

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.server_port
        return port

    def _handle(self, sock: Any, _: object) -> None:
        self.connections += 1
        data = b""
        with sock, suppress(OSError):
            while b"\r\n\r\n" not in data:
                data += sock.recv(1024)
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
            while sock.recv(65536):
                pass


# --- replies that are small on the wire -------------------------------------------------------------------------------------------


def packed(visit: Visit, block: bytes, times: int) -> None:
    """A whole reply of so many blocks, compressed: a thousandth of them goes over the wire."""
    packer = zlib.compressobj(wbits=31)
    visit.send(HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"))
    for _ in range(times):
        if data := packer.compress(block):
            visit.chunk(data)
    visit.chunk(packer.flush())
    visit.send(END)

"""Servers that answer at the wrong time, as a broken gateway does, or one that wants to harm who else asks."""

import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
import gevent
from gevent.event import Event
from gevent.server import StreamServer

from tests.servers.loopback import END, HEAD, Visit, serving

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


# --- floods -----------------------------------------------------------------------------------------------------------------------

AT_ONCE = 64 * 1024
NEWLINES, UNPACKED = b"\n" * AT_ONCE, 128 * 1024 * 1024
CALL = b'{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}}\n'
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n"


def endless(visit: Visit, piece: bytes) -> None:
    """A reply of nothing but this, until the client leaves."""
    visit.send(HEAD)
    while True:
        visit.chunk(piece)


def repeated(line: bytes) -> bytes:
    """As many lines as are sent at once."""
    return line * (AT_ONCE // len(line))


def hints(visit: Visit) -> None:
    """Heads that announce another one, until the client leaves."""
    while True:
        visit.send(repeated(EARLY_HINTS))


FLOODS: dict[str, Callable[[Visit], None]] = {
    "empty objects": partial(endless, piece=repeated(b"{}\n")),
    "bare newlines": partial(endless, piece=NEWLINES),
    "empty content": partial(endless, piece=repeated(b'{"message":{"role":"assistant","content":""}}\n')),
    "gzip of newlines": partial(packed, block=NEWLINES, times=UNPACKED // AT_ONCE),
    "tool calls": partial(endless, piece=repeated(CALL)),
    "early hints": hints,
}
"""Answers that bring nothing and do not end."""

TRICKLE_S = 0.5


def trickling(visit: Visit) -> None:
    """Says one word, and then a line break now and then, until the client leaves."""
    visit.send(HEAD)
    visit.chunk(b'{"message":{"role":"assistant","content":"Hi"}}\n')
    while True:
        gevent.sleep(TRICKLE_S)
        visit.chunk(b"\n")


MODELS = {**FLOODS, "trickle": trickling}

SHOW = b'{"capabilities":["completion","tools"],"model_info":{"general.architecture":"x","x.context_length":8192}}'


def described(visit: Visit) -> bool:
    """Answers a question about a model or a version; False for anything else."""
    known = {"/api/show": SHOW, "/api/version": b'{"version":"0.33.0"}'}
    if visit.path in known:
        visit.whole(known[visit.path])
    return visit.path in known


def flooding(visit: Visit) -> None:
    """For `serving`: a server whose models are rows of MODELS; it describes them well."""
    if not described(visit):
        MODELS[json.loads(visit.body)["model"]](visit)


# --- replies that are costly to read --------------------------------------------------------------------------------------------

MIB = 1024 * 1024
LISTS = b"[]," * (MIB // 3)


def plain(visit: Visit, size: int, end: bytes = b"[]]") -> None:
    """A list of empty lists, as large as it says."""
    visit.send(HEAD)
    visit.chunk(b"[")
    for _ in range(size // len(LISTS)):
        visit.chunk(LISTS)
    visit.chunk(end)
    visit.send(END)


def nested_line(visit: Visit) -> None:
    """A line of a chat of 15 MiB."""
    plain(visit, 15 * MIB, b"[]]\n")


def huge_answers(visit: Visit, show: Callable[[Visit], None] | None = None) -> None:
    """For `serving`: good descriptions, unless `show` gives others; everything else is lists of lists."""
    if visit.path == "/api/show" and show is not None:
        show(visit)
    elif visit.path == "/api/chat":
        nested_line(visit)
    elif not described(visit):
        plain(visit, 60 * MIB)


def main() -> None:
    """Serves floods in a process of its own: `python -m tests.servers.hostile` prints its port."""
    with serving(flooding) as server:
        print(server.port, flush=True)
        Event().wait()


if __name__ == "__main__":
    main()

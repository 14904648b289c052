"""Names that resolve as tests want them to: at once, never, not at all, or only when they are told to.

It stands in the place of the system's resolver, so it is asked from native threads: gates and notes are of the interpreter's own kind.
"""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from gevent import monkey

THREAD = monkey.get_original("_thread", "allocate_lock")


class NameService:
    """`known` gives the addresses of a name; names that end in one of `slow` wait until `release`."""

    def __init__(self, known: Mapping[str, tuple[str, ...]], slow: tuple[str, ...] = ()) -> None:
        self.known = dict(known)
        self.slow = slow
        self.asked: list[str] = []
        self._gate = THREAD()
        if slow:
            self._gate.acquire()

    def release(self) -> None:
        """Lets every slow name have its answer."""
        self.slow = ()
        self._gate.release()

    def getaddrinfo(self, host: str, port: object, *_: object, **__: object) -> list[tuple[Any, ...]]:
        """In the place of `socket.getaddrinfo`."""
        self.asked.append(host)
        if self.slow and host.endswith(self.slow):
            with self._gate:
                pass
        if host not in self.known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [_entry(address) for address in self.known[host]]


def _entry(address: str) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, 0, 0, 0) if ":" in address else (address, 0)


@contextmanager
def naming(known: Mapping[str, tuple[str, ...]], slow: tuple[str, ...] = ()) -> Iterator[NameService]:
    """The names of this process while the block runs; slow ones are released at its end."""
    service = NameService(known, slow)
    with patch.object(socket, "getaddrinfo", service.getaddrinfo):
        try:
            yield service
        finally:
            if service.slow:
                service.release()

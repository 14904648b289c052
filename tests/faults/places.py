"""Where a fault lives: the address that is entered as the base URL, for faults that happen before anything is said and for all others.

Enters: a server's script and its route. Leaves: a base URL, and the server if there is one.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.faults.server import FaultServer, serving
from tests.speaking_server import free_port

TLS = Path(__file__).parent.parent / "data" / "tls"


type Place = Callable[[FaultServer], AbstractContextManager[str]]
"""Starts what is there and gives the base URL."""


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    return context


@contextmanager
def plain(server: FaultServer) -> Iterator[str]:
    with serving(server):
        yield f"http://127.0.0.1:{server.port}"


@contextmanager
def nobody(server: FaultServer) -> Iterator[str]:
    del server
    yield f"http://127.0.0.1:{free_port()}"


@contextmanager
def unknown_name(server: FaultServer) -> Iterator[str]:
    del server
    yield "https://ollama.invalid:11434"


@contextmanager
def full_backlog(server: FaultServer) -> Iterator[str]:
    """Linux drops what a full backlog does not hold."""
    del server
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [socket.socket() for _ in range(3)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for sock in waiting:
            sock.close()


@contextmanager
def never_accepted(server: FaultServer) -> Iterator[str]:
    del server
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def plain_behind_https(server: FaultServer) -> Iterator[str]:
    with serving(server):
        yield f"https://127.0.0.1:{server.port}"


@contextmanager
def encrypted(server: FaultServer) -> Iterator[str]:
    server.tls = _context()
    with serving(server):
        yield f"https://127.0.0.1:{server.port}"


@contextmanager
def encrypted_elsewhere(server: FaultServer) -> Iterator[str]:
    """The certificate is made for 127.0.0.1 and localhost."""
    server.tls = _context()
    with serving(server, "127.0.0.2"):
        yield f"https://127.0.0.2:{server.port}"


@contextmanager
def encrypted_behind_http(server: FaultServer) -> Iterator[str]:
    server.tls = _context()
    with serving(server):
        yield f"http://127.0.0.1:{server.port}"


@contextmanager
def silent_behind_https(server: FaultServer) -> Iterator[str]:
    with never_accepted(server) as url:
        yield url.replace("http:", "https:")


PLACES: Mapping[str, Place] = {
    "connection-refused": nobody,
    "name-not-resolved": unknown_name,
    "black-hole": full_backlog,
    "never-accepted": never_accepted,
    "plain-http-behind-https": plain_behind_https,
    "certificate-of-an-unknown-authority": encrypted,
    "certificate-for-another-name": encrypted_elsewhere,
    "own-authority": encrypted,
    "https-behind-http": encrypted_behind_http,
    "silent-behind-https": silent_behind_https,
}
"""Every other fault is played by a server that is there."""

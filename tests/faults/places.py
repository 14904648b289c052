"""Where a fault lives: the address that is entered as the base URL, for faults that happen before anything is said and for all others.

Most faults have a server; some have only an address where nothing answers.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.faults import proxy_scripts, scripts
from tests.faults.server import FaultServer, Script, opened, serving
from tests.servers.asyncio_server import free_port
from translator.settings.network_places import ProxyMode, proxy_for

TLS = Path(__file__).parent.parent / "data" / "tls"

PROXIES: dict[int, str] = {}
"""The proxy that the environment names, by the port of the server it is for."""

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


# --- behind a forward proxy ------------------------------------------------------------------------------------------------------
# what is to be reached is on an address where nothing listens: whoever does not go through the proxy reaches nothing


@contextmanager
def _through(proxy: str) -> Iterator[str]:
    port = int(proxy.rpartition(":")[2])
    PROXIES[port] = proxy
    yield f"http://127.0.0.2:{port}"
    del PROXIES[port]


@contextmanager
def behind_proxy(server: FaultServer) -> Iterator[str]:
    with plain(server) as proxy, _through(proxy) as url:
        yield url


@contextmanager
def behind_dead_proxy(server: FaultServer) -> Iterator[str]:
    with nobody(server) as proxy, _through(proxy) as url:
        yield url


@contextmanager
def behind_full_proxy(server: FaultServer) -> Iterator[str]:
    with full_backlog(server) as proxy, _through(proxy) as url:
        yield url


def behind_tunnel(gate: Script) -> Place:
    """The certificate is made for localhost; without the proxy its port speaks no TLS."""

    @contextmanager
    def place(server: FaultServer) -> Iterator[str]:
        server.gate, server.behind_gate = gate, _context()
        with plain(server) as proxy, _through(proxy):
            yield f"https://localhost:{server.port}"

    return place


def proxy_of_environment(scheme: str, host: str, port: int, *, environment: Mapping[str, str], mode: ProxyMode) -> str | None:
    """The plugin's own choice of a proxy, in an environment that names one for some servers: all cells run in one process."""
    named = {"HTTP_PROXY": PROXIES[port], "HTTPS_PROXY": PROXIES[port]} if port in PROXIES else {}
    return proxy_for(scheme, host, port, environment={**environment, **named}, mode=mode)


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
    "proxy": behind_proxy,
    "proxy-down": behind_dead_proxy,
    "proxy-black-hole": behind_full_proxy,
    "proxy-silent": behind_proxy,
    "proxy-sign-in": behind_proxy,
    "proxy-forbids": behind_proxy,
    "proxy-forbids-in-json": behind_proxy,
    "proxy-sign-in-page": behind_proxy,
    "proxy-502": behind_proxy,
    "proxy-503": behind_proxy,
    "proxy-504": behind_proxy,
    "proxy-passes-a-refusal-on": behind_proxy,
    "proxy-cuts": behind_proxy,
    "proxy-stalls": behind_proxy,
    "proxy-without-via-cuts": behind_proxy,
    "tunnel": behind_tunnel(opened),
    "tunnel-sign-in": behind_tunnel(proxy_scripts.sign_in_at_gate),
    "tunnel-forbidden": behind_tunnel(proxy_scripts.forbidden_at_gate),
    "tunnel-502": behind_tunnel(proxy_scripts.unreached_at_gate),
    "tunnel-closed": behind_tunnel(scripts.closed),
    "tunnel-reset": behind_tunnel(proxy_scripts.opened_and_reset),
    "tunnel-silent": behind_tunnel(scripts.silent),
    "tunnel-cut": behind_tunnel(opened),
    "tunnel-stalls": behind_tunnel(opened),
}
"""Every other fault is played by a server that is there."""

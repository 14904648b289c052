"""Whether this is the inside of a container, where a server outside would then be, and what to do when nobody answers.

Judged from the names of files that exist, the text of two files of /proc and the environment; nothing is read or asked here.
"""

import ipaddress
from collections.abc import Collection, Mapping

from translator.addresses import is_loopback
from translator.settings.base_url import DEFAULT_PORTS, OLLAMA_PORT, BaseUrl
from translator.settings.network_places import is_private_place

MARKS: Mapping[str, str] = {".dockerenv": "Docker", "run/.containerenv": "Podman"}
"""Files that a container engine leaves at the root of a container, relative to it."""

CGROUP_WORDS: Mapping[str, str] = {
    "kubepods": "Kubernetes",
    "docker": "Docker",
    "containerd": "containerd",
    "libpod": "Podman",
    "lxc": "LXC",
}
"""Parts of control group paths in /proc/1/cgroup; of the newer, unified hierarchy only `0::/` is left."""

POD_VARIABLE = "KUBERNETES_SERVICE_HOST"
ENGINE_NAMES = ("host.docker.internal", "host.containers.internal")
SERVICE_NAME = "ollama"
LOOPBACK = "127.0.0.1"
LOOPBACK_NAMES = frozenset({LOOPBACK, "::1", "localhost"})

_GATEWAY_FLAG = 0x2


def container_word(marks: Collection[str], cgroup: str, environment: Mapping[str, str]) -> str:
    """What kind of container this is, "" for none: Kubernetes by its variable, then by the files, then by the control group."""
    if environment.get(POD_VARIABLE):
        return "Kubernetes"
    by_file = next((word for name, word in MARKS.items() if name in marks), "")
    return by_file or next((word for part, word in CGROUP_WORDS.items() if part in cgroup), "")


def default_gateway(routes: str) -> str | None:
    """The IPv4 gateway in the text of /proc/net/route, where addresses are hexadecimal with the last byte first."""
    for line in routes.splitlines()[1:]:
        fields = line.split()
        try:
            destination, gateway, flags = (int(field, 16) for field in fields[1:4])
        except ValueError:
            continue
        if destination == 0 and gateway and flags & _GATEWAY_FLAG:
            return str(ipaddress.IPv4Address(gateway.to_bytes(4, "little")))
    return None


def other_addresses(base_url: BaseUrl, *, inside: bool, gateway: str | None) -> tuple[str, ...]:
    """Base URLs where an Ollama server may be that cannot be reached at `base_url`; none for a server on the internet.

    First the host that was given, without path and TLS. Then, inside a container: the machine it runs on, by the names of the engines and
    by the gateway, and a service called `ollama`; outside: the machine itself. On the port that was given and on Ollama's own.
    """
    if not is_private_place(base_url.host):
        return ()
    near = (*ENGINE_NAMES, gateway, SERVICE_NAME) if inside else (LOOPBACK, ENGINE_NAMES[0], SERVICE_NAME)
    ports = dict.fromkeys((base_url.tcp_port, OLLAMA_PORT))
    hosts = dict.fromkeys((base_url.host, *filter(None, near)))
    return tuple(_url(host, port) for host in hosts for port in ports if not _is_same(base_url, host, port))


def advice(base_url: BaseUrl, *, inside: bool, gateway: str | None, tried: Collection[str] = ()) -> str:
    """What to do when nobody accepts a connection at `base_url`, nor at any address that was `tried`."""
    port = OLLAMA_PORT if base_url.tcp_port in DEFAULT_PORTS.values() else base_url.tcp_port
    on_port = f"; port {base_url.tcp_port} was tried, and Ollama listens on {port}" if port != base_url.tcp_port else ""
    if tried:
        on_port = f"; no Ollama answers on port {OLLAMA_PORT} or at the usual addresses near it either"
    if not is_loopback(base_url.host):
        return f"Start Ollama there with OLLAMA_HOST=0.0.0.0, let the port through the firewall, or correct the base URL{on_port}."
    if not inside:
        return f"Start Ollama there, or correct the base URL{on_port}."
    itself = "Inside a container that is the container itself; start Ollama"
    if tried:
        return f"{itself} on its machine with OLLAMA_HOST=0.0.0.0, and try again{on_port}."
    *most, last = (_url(host, port) for host in (ENGINE_NAMES[0], gateway, SERVICE_NAME) if host)
    return f"{itself} with OLLAMA_HOST=0.0.0.0 and use {', '.join(most)} or {last}{on_port}."


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _is_same(base_url: BaseUrl, host: str, port: int) -> bool:
    same_host = host == base_url.host or {host, base_url.host} <= LOOPBACK_NAMES
    return same_host and port == base_url.tcp_port and base_url.scheme == "http" and not base_url.path

"""Which hosts are near, and what follows from that for proxies and keys.

No name is looked up: a name is near or far by its shape alone.

Containers inherit HTTP_PROXY, and a proxy knows nothing of a local network or of Docker's names, so in mode `auto` near hosts are asked
directly. NO_PROXY is read in all spellings in use, ranges like 10.0.0.0/8 included, which not every HTTP library knows.
"""

import ipaddress
import re
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from translator.addresses import AddressKind, address_in, kind_of
from translator.errors import RequestError
from translator.settings.base_url import BaseUrl

NEAR = frozenset({AddressKind.LOOPBACK, AddressKind.PRIVATE, AddressKind.LINK_LOCAL})

PRIVATE_SUFFIXES = (
    ".localhost",
    ".local",
    ".internal",  # host.docker.internal, host.containers.internal, cloud providers
    ".lan",
    ".home.arpa",
    ".home",
    ".localdomain",
    ".intranet",
    ".corp",
    ".private",
    ".svc",  # Kubernetes services
)
"""Endings that no public name has."""

PROXY_SCHEMES = frozenset({"http", "https"})


class ProxyMode(StrEnum):
    """The credential "use system proxy"."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def is_private_place(host: str) -> bool:
    """True for loopback, private and link-local addresses, for names of local networks, and for names without a dot (`ollama`)."""
    name = host.strip("[]").lower().removesuffix(".")
    if address := address_in(name):
        return kind_of(address) in NEAR
    if "." not in name:
        return bool(re.search(r"[a-z_-]", name)) and not re.fullmatch(r"0x[0-9a-f]*", name)
    return name.endswith(PRIVATE_SUFFIXES)


def proxy_for(scheme: str, host: str, port: int, *, environment: Mapping[str, str], mode: ProxyMode) -> str | None:
    """The proxy's URL, which may hold credentials and must not be shown, or None for a direct connection.

    `auto`: the environment's proxy, but direct for near hosts and for hosts in NO_PROXY. `always`: the environment's proxy without these
    exceptions. `never`: direct. A variable in lower case counts before its upper-case twin; empty ones count as not set.
    Raises RequestError when `always` finds no proxy, and for proxies that do not speak HTTP.
    """
    if mode is ProxyMode.NEVER:
        return None
    if mode is ProxyMode.AUTO and (is_private_place(host) or in_host_list(host, port, _variable(environment, "no_proxy"))):
        return None
    proxy = _variable(environment, f"{scheme}_proxy") or _variable(environment, "all_proxy")
    if proxy:
        return _checked_proxy(proxy)
    if mode is ProxyMode.ALWAYS:
        raise RequestError.of(
            "proxy_missing",
            "The system proxy is to be used always, but the environment of Dify's plugin service names none.",
            f"Set {scheme.upper()}_PROXY there, or choose auto.",
        )
    return None


def refuse_key_over_plain_http(base_url: BaseUrl, *, has_key: bool, allowed: bool) -> None:
    """Raises RequestError when a key, or user and password, would cross the internet unencrypted and nobody allowed it."""
    sends_secret = has_key or base_url.user is not None
    if not sends_secret or allowed or base_url.scheme == "https" or is_private_place(base_url.host):
        return
    raise RequestError.of(
        "key_over_plain_http",
        "The key would travel unencrypted over the internet, because the base URL starts with http:// and its host is public.",
        "Use https://, remove the key, or allow sending keys over plain http in the credentials.",
    )


def _variable(environment: Mapping[str, str], name: str) -> str:
    """First value that is not empty, the lower-case spelling first."""
    spellings = sorted((key for key in environment if key.lower() == name), reverse=True)
    return next((value for key in spellings if (value := environment[key].strip())), "")


def _checked_proxy(proxy: str) -> str:
    url = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme.lower() in PROXY_SCHEMES and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise RequestError.of(
            "proxy_unusable",
            "The environment of Dify's plugin service names a proxy that is no http:// or https:// address (SOCKS is not supported).",
            "Correct HTTP_PROXY, HTTPS_PROXY or ALL_PROXY there, add the host to NO_PROXY, or set the use of the system proxy to never.",
        )
    return url


def in_host_list(host: str, port: int, text: str) -> bool:
    """Whether a list such as NO_PROXY has this host: names with their subdomains, addresses, ranges, `*`, each with or without a port."""
    name = host.strip("[]").lower().removesuffix(".")
    return any(_matches(entry.lower(), name, port) for entry in re.split(r"[\s,;]+", text) if entry)


def _matches(entry: str, name: str, port: int) -> bool:
    pattern, entry_port = _split_entry(entry.rpartition("://")[2])
    if entry_port not in ("", str(port)):
        return False
    address = address_in(name)
    if network := _network(pattern):
        return address is not None and address in network
    if "*" in pattern and not pattern.startswith("*."):
        return fnmatchcase(name, pattern)
    suffix = _as_in_a_url(pattern.removeprefix("*").strip("."))
    return bool(suffix) and address is None and (name == suffix or name.endswith(f".{suffix}"))


def _as_in_a_url(name: str) -> str:
    """Hosts are compared as they are asked for, which for `bücher.example` is `xn--bcher-kva.example`."""
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        return name


def _split_entry(entry: str) -> tuple[str, str]:
    """Pattern and port; an IPv6 address has a port only behind brackets."""
    if found := re.fullmatch(r"\[([^\]]*)\](/\d+)?(?::(\d+))?", entry):
        return found[1] + (found[2] or ""), found[3] or ""
    pattern, _, port = entry.rpartition(":")
    if pattern and ":" not in pattern and port.isdigit():
        return pattern, port
    return entry, ""


def _network(pattern: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        return None

"""Decides which hosts a link to a picture may lead to.

Links come from users, who must not reach the network that the plugin runs in. So a link may lead to the internet, and to hosts that the
administrator has named: Dify's own file server, and what `DIFY_OLLAMA_LINK_HOSTS` lists. Never to a metadata service.
"""

from collections.abc import Mapping

from yarl import URL

from translator.addresses import AddressKind, address_in, kind_of
from translator.settings.network_places import in_host_list

VARIABLE = "DIFY_OLLAMA_LINK_HOSTS"
"""Names, addresses, ranges (10.0.0.0/8), each with or without a port, separated by commas; `*` for every host."""

FILE_SERVER_VARIABLES = ("INTERNAL_FILES_URL", "FILES_URL", "CONSOLE_API_URL", "DIFY_INNER_API_URL")
"""Variables with an address of Dify's API, which serves its files. In Docker Compose they are set for the plugin service as for the API."""
FILES = "/files/"
"""The path below which Dify serves files (api/controllers/files)."""

NEVER = frozenset({AddressKind.METADATA, AddressKind.UNUSABLE})


def may_lead_to(url: URL, address: str, environment: Mapping[str, str]) -> bool:
    """Whether a request for a link may go to this IPv4 or IPv6 address, by the environment of the plugin service."""
    parsed = address_in(address)
    if parsed is None or (kind := kind_of(parsed)) in NEVER:
        return False
    listed, servers = environment.get(VARIABLE, ""), (environment.get(name, "") for name in FILE_SERVER_VARIABLES)
    return (
        kind is AddressKind.PUBLIC
        or any(in_host_list(host, url.port or 0, listed) for host in (url.raw_host or "", address))
        or any(_is_file_of(server, url) for server in servers)
    )


def _is_file_of(server: str, url: URL) -> bool:
    """The same scheme, host and port, and a path below the server's `/files/` without steps upwards."""
    try:
        place = URL(server.strip())
        is_there = url.origin() == place.origin()
    except ValueError:  # no web address
        return False
    is_plain = not any(step in (".", "..") for step in url.path.split("/"))
    return is_there and is_plain and url.raw_path.startswith(place.raw_path.rstrip("/") + FILES)

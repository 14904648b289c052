"""Decides which hosts a link to a picture may lead to.

Links come from users, who must not reach the network that the plugin runs in. So a link may lead to the internet, and to hosts that the
administrator has named: Dify's own file server, and what `DIFY_OLLAMA_LINK_HOSTS` lists. Never to a metadata service.
"""

from collections.abc import Mapping
from typing import Self

import attrs
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


@attrs.frozen(slots=True, kw_only=True)
class LinkRules:
    """What the environment of the plugin service allows."""

    file_servers: tuple[URL, ...] = ()
    listed: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Reads the variables; what is no web address is left out."""
        servers = (_web_address(environment.get(name, "")) for name in FILE_SERVER_VARIABLES)
        return cls(file_servers=tuple(server for server in servers if server), listed=environment.get(VARIABLE, ""))

    def allow(self, url: URL, address: str) -> bool:
        """Whether a request for `url` may go to this IPv4 or IPv6 address."""
        parsed = address_in(address)
        if parsed is None or (kind := kind_of(parsed)) in NEVER:
            return False
        return kind is AddressKind.PUBLIC or self._is_dify_file(url) or self._is_listed(url, address)

    def _is_listed(self, url: URL, address: str) -> bool:
        return any(in_host_list(host, url.port or 0, self.listed) for host in (url.raw_host or "", address))

    def _is_dify_file(self, url: URL) -> bool:
        return any(_is_below(url, server) for server in self.file_servers)


def _web_address(text: str) -> URL | None:
    try:
        url = URL(text.strip())
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.raw_host else None


def _is_below(url: URL, server: URL) -> bool:
    """The same scheme, host and port, and a path below the server's `/files/` without steps upwards."""
    is_plain = not any(step in (".", "..") for step in url.path.split("/"))
    return is_plain and url.origin() == server.origin() and url.raw_path.startswith(server.raw_path.rstrip("/") + FILES)

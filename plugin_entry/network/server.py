"""How one server is reached: address, headers, time limits, proxy, certificates. Frozen and hashable, so that it serves as a cache key."""

import ssl

import attrs

from translator.settings.base_url import BaseUrl
from translator.settings.credentials import Timeouts


@attrs.frozen(slots=True, kw_only=True, cache_hash=True)
class Server:
    """One server as one set of credentials describes it."""

    base_url: BaseUrl
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    limits: Timeouts = attrs.field(factory=Timeouts)
    proxy: str | None = attrs.field(default=None, repr=False)
    tls: ssl.SSLContext | bool = True
    """Whom to trust: the machine's authorities, those of a context, or (False) anyone. Contexts are equal when they are the same object."""

    @property
    def place(self) -> str:
        """scheme://host:port, safe to show."""
        return self.base_url.place

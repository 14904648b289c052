"""The machine's certificate authorities, read at the first handshake instead of at the import of aiohttp.

Enters: an import that makes TLS contexts as it goes. Leaves: contexts that know nobody until they are used, and everybody the machine
trusts from then on. Most servers of this plugin speak plain http in a local network; a megabyte of certificates and 40 ms of parsing them,
in a process that shall be ready at once, would be for nothing. A context that is never loaded trusts nobody.
"""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SSL_CONTEXT = ssl.SSLContext


class LateContext(SSL_CONTEXT):
    """A context whose default authorities wait for its first connection."""

    _is_waiting = False

    def set_default_verify_paths(self) -> None:
        """What `load_default_certs` ends in."""
        self._is_waiting = True

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        self._load()
        return super().wrap_bio(*args, **kwargs)

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        self._load()
        return super().wrap_socket(*args, **kwargs)

    def _load(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            super().set_default_verify_paths()


@contextmanager
def authorities_later() -> Iterator[None]:
    """Contexts that are made meanwhile are late ones."""
    vars(ssl)[SSL_CONTEXT.__name__] = LateContext
    try:
        yield
    finally:
        vars(ssl)[SSL_CONTEXT.__name__] = SSL_CONTEXT

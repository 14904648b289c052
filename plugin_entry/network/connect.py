"""Saved credentials to settings and to a server that can be reached.

Enters: what Dify saved for one model, and the environment. Leaves: `Credentials` and a `Server`, the same objects for the same values,
since both are asked for several times per request. Raises RequestError for a field, an address or a key that cannot be used.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from plugin_entry.network.certificates import tls_of
from plugin_entry.network.server import Server
from translator.errors import RequestError
from translator.settings.auth import auth_headers
from translator.settings.base_url import BaseUrl, parse_base_url
from translator.settings.credentials import Credentials, read_credentials
from translator.settings.extra_headers import holds_secret
from translator.settings.network_places import proxy_for, refuse_key_over_plain_http

KEPT = 256
OWN_HEADERS = {"User-Agent": "dify-ollama", "Content-Type": "application/json"}


def settings_of(saved: Mapping[str, Any]) -> Credentials:
    """Reads saved credentials. Raises RequestError."""
    try:
        return _settings(frozenset(saved.items()))
    except TypeError:
        return read_credentials(saved)  # a value that is no plain text, written back by another plugin


@lru_cache(maxsize=KEPT)
def _settings(items: frozenset[tuple[str, Any]]) -> Credentials:
    return read_credentials(dict(items))


@lru_cache(maxsize=KEPT)
def server_of(credentials: Credentials) -> Server:
    """Gives address, headers, limits, proxy and certificates of one set of credentials. Raises RequestError."""
    base_url, connection = parse_base_url(credentials.base_url), credentials.connection
    return Server(
        base_url=base_url,
        headers=_headers(credentials, base_url),
        limits=credentials.timeouts,
        proxy=proxy_for(base_url.scheme, base_url.host, base_url.tcp_port, environment=os.environ, mode=connection.proxy),
        tls=tls_of(verify=connection.verify_tls, ca_certificate=connection.ca_certificate),
    )


def place_of(saved: Mapping[str, Any]) -> str:
    """scheme://host:port, safe to show; empty for settings that cannot be used, which the first request to that server will say."""
    try:
        return server_of(settings_of(saved)).place
    except RequestError:
        return ""


def _headers(credentials: Credentials, base_url: BaseUrl) -> tuple[tuple[str, str], ...]:
    """Ours, unless an extra header has the same name in whatever case, and the person's. Raises RequestError."""
    given = auth_headers(credentials.api_key, base_url, credentials.connection.extra_headers)
    refuse_key_over_plain_http(base_url, has_key=holds_secret(given), allowed=credentials.connection.allow_insecure_key)
    names = {name.lower() for name in given}
    own = {name: value for name, value in OWN_HEADERS.items() if name.lower() not in names}
    return tuple((own | given).items())

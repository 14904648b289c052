"""A server as saved credentials describe it: address, headers, time limits, proxy, certificates."""

import hashlib
import os
import ssl
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from translator.caches import BoundedCache
from translator.errors import RequestError
from translator.limits import MIB
from translator.settings.auth import auth_headers
from translator.settings.base_url import BaseUrl, parse_base_url
from translator.settings.certificates import MOST_PEM_CHARS, is_pem, whole_pem
from translator.settings.credentials import LONGEST_ANSWER_S, Credentials, Timeouts, read_credentials
from translator.settings.extra_headers import holds_secret
from translator.settings.network_places import proxy_for, refuse_key_over_plain_http

FILE_LIMIT = MOST_PEM_CHARS
"""Bytes; the bundle of all public authorities has a quarter of a million."""

SETTINGS: BoundedCache[frozenset[tuple[str, Any]], Credentials] = BoundedCache(256, 4 * MIB)
SERVERS: BoundedCache[object, "Server"] = BoundedCache(256, 4 * MIB)
CONTEXTS: BoundedCache[str | bytes, ssl.SSLContext] = BoundedCache(64, 8 * MIB)
"""What was made of saved values, which come with every request. All of the values are the key of an entry, so that nothing of one tenant is
given to another."""

IN_THE_CONTAINER = (
    "The path is looked up where the plugin runs, which with Docker is the plugin daemon's container: mount the file there, or paste "
    "the certificate itself."
)


def tls_of(*, verify: bool, ca_certificate: str) -> ssl.SSLContext | bool:
    """True for the machine's own authorities, a context with one more, or False for no check at all, which makes the authority pointless.

    `ca_certificate` is PEM text in any state of its line breaks, or the absolute path of a PEM or DER file; a file that has changed is
    read again for new credentials. Raises RequestError.
    """
    if not verify:
        return False
    if not ca_certificate:
        return True
    if is_pem(ca_certificate):
        return _trusting(whole_pem(ca_certificate))
    content = _read(ca_certificate)
    return _trusting(whole_pem(text) if is_pem(text := content.decode("utf-8", "replace")) else content)


def _trusting(certificates: str | bytes) -> ssl.SSLContext:
    kept = CONTEXTS.get(certificates)
    return kept or CONTEXTS.put(certificates, _new_context(certificates), len(certificates))


def _new_context(certificates: str | bytes) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # authorities that people make themselves often lack what strict checks ask for, and a lone intermediate is meant to be trusted, too
    context.verify_flags = context.verify_flags & ~ssl.VerifyFlags.VERIFY_X509_STRICT | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_verify_locations(cadata=certificates)
    except (ssl.SSLError, ValueError):
        raise RequestError.of(
            "ca_certificate_invalid",
            "What is in the certificate field, or in the file it names, is no certificate.",
            "Use the authority's certificate in PEM form, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.",
        ) from None
    return context


def _read(name: str) -> bytes:
    path = Path(name)
    if "\0" in name or not path.is_absolute():
        raise RequestError.of(
            "ca_certificate_invalid",
            "The certificate field holds neither a certificate nor an absolute path.",
            "Paste the certificate from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, or enter a path such as /certs/ca.pem.",
        )
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            content = file.read(FILE_LIMIT + 1)
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise _file_refusal(reason) from None
    if not content or len(content) > FILE_LIMIT:
        raise _file_refusal("is empty" if not content else "is too large to be one")
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    """A pipe would block the process, and with it every user."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _file_refusal(reason: str) -> RequestError:
    return RequestError.of("ca_certificate_unreadable", f"The certificate file {reason}.", IN_THE_CONTAINER)


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

    def with_limits(self, **seconds: float) -> "Server":
        """The same server with other time limits; the names are those of `Timeouts`."""
        return attrs.evolve(self, limits=attrs.evolve(self.limits, **seconds))

    @cached_property
    def identity(self) -> str:
        """A keyed digest of address with path, key and headers, proxy, and whom to trust.

        Two tenants behind one gateway have two identities. The key of the digest is a secret of this process.
        """
        url = self.base_url
        trust = self.tls if isinstance(self.tls, bool) else id(self.tls)
        told = repr((url.origin, url.path, url.user, url.password, self.headers, self.proxy, trust))
        return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), key=DIGEST_KEY, digest_size=16).hexdigest()


DIGEST_KEY = os.urandom(32)
OWN_HEADERS = {"User-Agent": "dify-ollama", "Content-Type": "application/json"}


DIFYS_LIMIT = "PLUGIN_MAX_EXECUTION_TIMEOUT"
"""Environment variable of Dify's plugin daemon, which plugins inherit: seconds after which it ends a request."""
BEFORE_DIFY_S = 30.0


def longest_answer_s(environment: Mapping[str, str] = os.environ) -> float:
    """Seconds an answer may take where nothing is set for its model: a little less than Dify's own limit, but at least half of it."""
    value = environment.get(DIFYS_LIMIT, "").strip()
    limit = float(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0.0
    return max(limit - BEFORE_DIFY_S, limit / 2) or LONGEST_ANSWER_S


def settings_of(saved: Mapping[str, Any]) -> Credentials:
    """Reads saved credentials. Raises RequestError."""
    try:
        items = frozenset(saved.items())
    except TypeError:
        return read_credentials(saved, longest_answer_s())  # a value that is no plain text, written back by another plugin
    kept = SETTINGS.get(items)
    size = sum(len(name) + len(str(value)) for name, value in items)
    return kept or SETTINGS.put(items, read_credentials(saved, longest_answer_s()), size)


def server_of(credentials: Credentials) -> Server:
    """Gives address, headers, limits, proxy and certificates of one set of credentials. Raises RequestError."""
    connection = credentials.connection
    texts = (credentials.base_url, credentials.api_key, connection.extra_headers, connection.ca_certificate)
    key = (*texts, connection, credentials.timeouts)
    return SERVERS.get(key) or SERVERS.put(key, _new_server(credentials), sum(map(len, texts)))


def _new_server(credentials: Credentials) -> Server:
    base_url, connection = parse_base_url(credentials.base_url), credentials.connection
    return Server(
        base_url=base_url,
        headers=_headers(credentials, base_url),
        limits=credentials.timeouts,
        proxy=proxy_for(base_url.scheme, base_url.host, base_url.tcp_port, environment=os.environ, mode=connection.proxy),
        tls=tls_of(verify=connection.verify_tls, ca_certificate=connection.ca_certificate),
    )


def identity_of(saved: Mapping[str, Any]) -> str:
    """The `Server.identity`; empty for settings that cannot be used, which the first request to that server will say."""
    try:
        return server_of(settings_of(saved)).identity
    except RequestError:
        return ""


def _headers(credentials: Credentials, base_url: BaseUrl) -> tuple[tuple[str, str], ...]:
    """Key and extra headers of the user, and our own where none has the same name, in any case. Raises RequestError."""
    given = auth_headers(credentials.api_key, base_url, credentials.connection.extra_headers)
    refuse_key_over_plain_http(base_url, has_key=holds_secret(given), allowed=credentials.connection.allow_insecure_key)
    names = {name.lower() for name in given}
    own = {name: value for name, value in OWN_HEADERS.items() if name.lower() not in names}
    return tuple((own | given).items())

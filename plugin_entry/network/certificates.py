"""Whom to trust when a server speaks TLS: everybody the machine trusts, an authority of one's own besides, or anyone at all.

Enters: the two certificate settings. Leaves: what aiohttp takes as `ssl`. The context for one text is made once, so that servers with equal
credentials are equal and share their connections.
"""

import os
import ssl
from functools import lru_cache
from pathlib import Path

from translator.errors import RequestError
from translator.settings.certificates import is_pem, whole_pem

FILE_LIMIT = 4 * 1024 * 1024
"""Bytes; the bundle of all public authorities has a quarter of a million."""
KEPT = 64

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


@lru_cache(maxsize=KEPT)
def _trusting(certificates: str | bytes) -> ssl.SSLContext:
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

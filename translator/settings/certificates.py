"""Certificates as people paste them, made whole again.

A form of one line removes or replaces the line breaks of the certificate field; here the text becomes PEM with proper lines (RFC 7468).
Whether the bytes are a certificate is for the TLS library to say. No message quotes anything of the text.
"""

import base64
import binascii
import re

from translator.errors import RequestError

BEGIN = "-----BEGIN"
MOST_PEM_CHARS = 512 * 1024
"""The bundle of all public authorities has a quarter of a million."""
LINE_CHARS = 64

_BLOCK = re.compile(r"-----BEGIN\s*([A-Z0-9 ]*?)\s*-----(.*?)-----END\s*([A-Z0-9 ]*?)\s*-----", re.S)
_FILLING = re.compile(r"\s|\\[rnt]")
_NAMES = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_EXAMPLE = "Paste it from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----, or enter the absolute path of its file."


def is_pem(text: str) -> bool:
    """Whether a text means to be PEM, and not the path of a file."""
    return BEGIN in text


def whole_pem(text: str) -> str:
    """The certificates in a text, each with its line breaks; what stands around them is left out.

    Line breaks may have become blanks, nothing, or the two characters `\\n`. Raises RequestError (ca_certificate_invalid) for a private
    key, for anything else that is no certificate, and for a block that is cut.
    """
    if len(text) > MOST_PEM_CHARS:
        raise _refusal(f"What is in the certificate field has more than {MOST_PEM_CHARS:,} characters.", _EXAMPLE)
    if "PRIVATE KEY" in text:
        raise _refusal("The certificate field holds a private key, which belongs to the server alone.", _EXAMPLE)
    blocks = _BLOCK.findall(text)
    if not blocks or len(blocks) != text.count(BEGIN) or any({first, last} - _NAMES or first != last for first, _, last in blocks):
        raise _refusal("What is in the certificate field is cut off or no certificate.", _EXAMPLE)
    return "".join(_block(content) for _, content, _ in blocks)


def _block(content: str) -> str:
    packed = _FILLING.sub("", content)
    try:
        base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        raise _refusal("A certificate in the certificate field has a letter no certificate has, or lost some.", _EXAMPLE) from None
    if not packed:
        raise _refusal("A certificate in the certificate field is empty.", _EXAMPLE)
    lines = [packed[start : start + LINE_CHARS] for start in range(0, len(packed), LINE_CHARS)]
    return "\n".join([f"{BEGIN} CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _refusal(cause: str, remedy: str) -> RequestError:
    return RequestError.of("ca_certificate_invalid", cause, remedy)

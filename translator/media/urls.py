"""What Dify gives for a picture or a sound: an http(s) URL to download, or a data URL or base64 with the bytes themselves.

Nothing is fetched or resolved here. Messages name a host at most: Dify's links are signed, so a path or a query is a credential.
"""

from base64 import b64encode
from urllib.parse import unquote_to_bytes, urlsplit

import attrs

from translator.errors import RequestError

BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_PIECE = 1 << 20
"""Characters looked at in one go: other threads have their turn in between."""
_WHITESPACE = b" \t\r\n\f\v"

_SCHEMES: dict[str, str] = {
    "file": "it names a file on some other machine",
    "ftp": "FTP is not supported",
    "ftps": "FTP is not supported",
    "sftp": "SFTP is not supported",
    "s3": "it names a storage bucket, not a web address",
    "gs": "it names a storage bucket, not a web address",
    "blob": "it exists only inside a browser",
    "javascript": "it is a script",
    "data": "it holds its data itself, so there is nothing to download",
}

_HEAD = 1024
"""Characters in which a data URL begins; a copy of all of it would be megabytes."""

MOST_HOST_CHARS = 253
"""Of a name in the DNS (RFC 1035)."""
MOST_URL_CHARS = 16_384
"""Signed links of storage services have about two thousand."""

_REMEDY_RELATIVE = (
    "Set FILES_URL (and INTERNAL_FILES_URL, if Dify has it) in Dify's environment to an address that the plugin can reach, "
    "or set MULTIMODAL_SEND_FORMAT=base64."
)
_REMEDY_URL = "Use an http or https link, or set MULTIMODAL_SEND_FORMAT=base64 in Dify's environment."


@attrs.frozen(slots=True, kw_only=True)
class Download:
    """A URL to GET; `host` is the only part fit for logs and messages."""

    url: str = attrs.field(repr=False)
    host: str


def plan_download(url: str) -> Download:
    """How to get the file of a media part.

    Raises RequestError: `media-url-relative` for Dify's links without a host, `media-url-scheme` for anything but http and https, and
    `media-url-malformed` (also for one that is too long).
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, scheme, _ = parts.hostname or "", parts.scheme, parts.port
    except ValueError:
        raise _malformed() from None
    if not scheme or (scheme in ("http", "https") and not host):
        raise RequestError.of("media-url-relative", "Dify sent a file link without a host, so it cannot be downloaded.", _REMEDY_RELATIVE)
    if scheme not in ("http", "https"):
        fault = _SCHEMES.get(scheme, "it is not a web address")
        raise RequestError.of("media-url-scheme", f"A file link cannot be downloaded: {fault}.", _REMEDY_URL)
    if "\\" in parts.netloc or any(character <= " " or character == "\x7f" for character in url):
        raise _malformed()
    if len(host) > MOST_HOST_CHARS:
        raise _too_long("The host of a file link is", MOST_HOST_CHARS)
    if len(url) > MOST_URL_CHARS:
        raise _too_long("A file link is", MOST_URL_CHARS)
    return Download(url=parts._replace(fragment="").geturl(), host=host)


def _malformed() -> RequestError:
    return RequestError.of("media-url-malformed", "A file link is not a well-formed URL.", _REMEDY_URL)


def _too_long(what: str, limit: int) -> RequestError:
    return RequestError.of("media-url-malformed", f"{what} longer than {limit:,} characters.", _REMEDY_URL)


def is_data_url(text: str) -> bool:
    """Whether a text begins like a data URL, in any case and after any space."""
    return text[:_HEAD].lstrip()[:5].lower() == "data:"


def bare_base64(text: str) -> str:
    """Standard padded base64 without header, line breaks or spaces, from a data URL or from base64 in either alphabet.

    The server refuses all of these forms with 400 "illegal base64 data" (0.24.0 `error-image-data-url`). A text that is clean already
    is returned as the same object. Raises RequestError `media-base64`.
    """
    text = text.strip()
    if is_data_url(text):
        header, comma, text = text.partition(",")
        if not comma:
            raise _not_base64("The file is a data URL without data.")
        if not header.rstrip().lower().endswith("base64"):
            return b64encode(unquote_to_bytes(text)).decode("ascii")
        if "%" in text:
            text = unquote_to_bytes(text).decode("latin-1")
    return text if _is_clean(text) else _cleaned(text)


def _is_clean(text: str) -> bool:
    if len(text) % 4 or not text.isascii():
        return False
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    rest = b"".join(piece.encode("ascii").translate(None, BASE64_ALPHABET) for piece in pieces)
    return rest in (b"", b"=", b"==") and text.endswith(rest.decode("ascii"))


def _cleaned(text: str) -> str:
    if text.isascii():
        text = text.encode("ascii").translate(_URL_SAFE, _WHITESPACE).decode("ascii").rstrip("=")
        text += "=" * (-len(text) % 4)
    if not _is_clean(text):
        raise _not_base64("The file is neither a data URL nor valid base64, or it was cut off.")
    return text


def _not_base64(cause: str) -> RequestError:
    return RequestError.of("media-base64", cause, "Upload it again.")

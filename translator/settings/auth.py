"""Who we are, as HTTP headers: from the API key, the base URL's user and password, and the extra headers.

No message quotes a key, a password or the value of a header.

A local server ignores `Authorization`; ollama.com wants `Bearer` (docs/api/authentication.mdx); reverse proxies want Basic or headers
of their own.
"""

import base64
import re

from translator.errors import RequestError
from translator.settings.base_url import BaseUrl
from translator.settings.extra_headers import parse_extra_headers

AUTHORIZATION = "Authorization"
MOST_KEY_CHARS = 16 * 1024
"""Servers refuse header lines that are longer."""

_KEY_LABEL = re.compile(r"^(?:authorization\s*:\s*)?(?:bearer(?:\s*:\s*|\s+|$))?", re.I)
_KEY = re.compile(r"[\x21-\x7e]+")
_MARKS = " \t\r\n\"'`“”‘’"


def auth_headers(api_key: str, base_url: BaseUrl, extra_headers_text: str) -> dict[str, str]:
    """Bearer from the key, Basic from the base URL's user and password, and the extra headers (`parse_extra_headers`).

    Raises RequestError for a key that cannot be one, for a header that cannot be set, and when two of the three would fill
    `Authorization`.
    """
    extra = parse_extra_headers(extra_headers_text)
    given = [name for name in extra if name.lower() == AUTHORIZATION.lower()]
    candidates = [value for value in (_bearer(api_key), _basic(base_url)) if value]
    if len(given) + len(candidates) > 1:
        raise RequestError.of(
            "auth_conflict",
            "More than one of API key, user and password in the base URL, and an Authorization line in the extra headers is filled in; "
            "a request carries only one of them.",
            "Keep the one that the server or the proxy in front of it asks for.",
        )
    return ({AUTHORIZATION: candidates[0]} if candidates else {}) | extra


def _bearer(api_key: str) -> str:
    text = api_key.strip(_MARKS)
    if not text:
        return ""
    if len(text) > MOST_KEY_CHARS:
        raise RequestError.of("api_key_invalid", f"The API key has more than {MOST_KEY_CHARS:,} characters.", "Copy the key alone.")
    key = _KEY_LABEL.sub("", text).strip(_MARKS)
    if not _KEY.fullmatch(key):
        raise RequestError.of(
            "api_key_invalid",
            "The API key is only the word Bearer." if not key else "The API key has a blank, a line break or a character no key has.",
            "Copy the key alone. User and password belong into the base URL, anything else into the extra headers.",
        )
    return f"Bearer {key}"


def _basic(base_url: BaseUrl) -> str:
    """RFC 7617 with UTF-8."""
    if base_url.user is None:
        return ""
    return "Basic " + base64.b64encode(f"{base_url.user}:{base_url.password}".encode()).decode("ascii")

"""Who we are, as HTTP headers.

What enters: the API key field, the base URL with its user and password, and the extra headers field. What leaves: the headers to send
with every request, or a `RequestError`. No message quotes a key, a password or the value of a header.

A local server ignores `Authorization`; ollama.com wants `Bearer` (docs/api/authentication.mdx); reverse proxies want Basic or headers
of their own.
"""

import base64
import re

from translator.base_url import BaseUrl
from translator.errors import RequestError

AUTHORIZATION = "Authorization"

OWN_CONNECTION = "it belongs to the connection, which the plugin manages itself"
OWN_BODY = "it describes the body, which the plugin writes itself"

REFUSED_HEADERS: dict[str, str] = {
    "host": "it follows from the base URL",
    "content-length": OWN_BODY,
    "content-type": OWN_BODY,
    "content-encoding": OWN_BODY,
    "transfer-encoding": OWN_CONNECTION,
    "connection": OWN_CONNECTION,
    "keep-alive": OWN_CONNECTION,
    "proxy-connection": OWN_CONNECTION,
    "te": OWN_CONNECTION,
    "trailer": OWN_CONNECTION,
    "upgrade": OWN_CONNECTION,
    "expect": OWN_CONNECTION,
    "accept-encoding": "compression would hold back text that should stream",
    "proxy-authorization": "it would go to the server; a proxy's user and password belong into the address of the proxy",
}
"""Names (lower case) that cannot be set, and why."""

_KEY_LABEL = re.compile(r"^(?:authorization\s*:\s*)?(?:bearer(?:\s*:\s*|\s+|$))?", re.I)
_KEY = re.compile(r"[\x21-\x7e]+")
_MARKS = " \t\r\n\"'`“”‘’"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_LINE_END = re.compile(r"\r\n|\r|\n|\\n")


def auth_headers(api_key: str, base_url: BaseUrl, extra_headers_text: str) -> dict[str, str]:
    """Bearer from the key, Basic from the base URL's user and password, and the extra headers, one `Name: value` per line.

    A line may also end in the two characters `\\n`, as a form field of one line cannot hold a line break. Raises RequestError for a key
    that cannot be one, for a header that cannot be set, and when two of the three would fill `Authorization`.
    """
    extra = _extra_headers(extra_headers_text)
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


def _extra_headers(text: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if not line.strip():
            continue
        name, value = _header(line, number)
        if name.lower() in seen:
            raise _refusal(number, "sets a header a second time", "Give each header once; some accept several values separated by commas.")
        seen.add(name.lower())
        headers[name] = value
    return headers


def _header(line: str, number: int) -> tuple[str, str]:
    name, colon, value = (part.strip(" \t") for part in line.partition(":"))
    if not colon or not _HEADER_NAME.fullmatch(name):
        raise _refusal(number, "is not of the form Name: value", "Example: X-Api-Key: 1234.")
    if reason := REFUSED_HEADERS.get(name.lower()):
        raise _refusal(number, f"sets {name}, which is not possible: {reason}", "Remove the line.")
    if not _HEADER_VALUE.fullmatch(value):
        raise _refusal(number, "has a control character or a letter outside ASCII", "Percent-encode it if the server expects that.")
    return name, value


def _refusal(number: int, what: str, remedy: str) -> RequestError:
    return RequestError.of("extra_header_invalid", f"Line {number} of the extra headers {what}.", remedy)

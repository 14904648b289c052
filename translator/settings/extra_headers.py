"""The extra headers a person wants sent along: for Cloudflare Access, an API gateway, or a proxy with a key of its own.

The form's field holds lines of `Name: value` or one JSON object, since a field of one line cannot hold a line break. An error names the
line and never its value.
"""

import json
import re
from collections.abc import Iterator, Mapping

from translator.errors import RequestError

OWN_CONNECTION = "it belongs to the connection, which the plugin manages itself"
OWN_BODY = "it describes the body, which the plugin writes itself"

MOST_CHARS = 64 * 1024
"""Of the whole field; servers refuse more than that, most of them much less."""

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

_SECRET_NAME = re.compile(r"auth|key|token|secret|pass|pwd|cookie|session|cred|signature|\bjwt|-jwt|psk|access|-pin$", re.I)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_LINE_END = re.compile(r"\r\n|\r|\n|\\n")


def parse_extra_headers(text: str) -> dict[str, str]:
    """One `Name: value` per line, or a JSON object of texts. A line may also end in the two characters `\\n`.

    Raises RequestError (extra_header_invalid).
    """
    if len(text) > MOST_CHARS:
        raise RequestError.of(
            "extra_header_invalid", f"The extra headers have more than {MOST_CHARS:,} characters.", "Remove some of them."
        )
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for where, name, value in _pairs(text.strip(" \t\r\n")):
        _check(where, name, value)
        if name.lower() in seen:
            raise _refusal(where, "sets a header a second time", "Give each header once; some accept several values separated by commas.")
        seen.add(name.lower())
        headers[name] = value
    return headers


def holds_secret(headers: Mapping[str, str]) -> bool:
    """Whether a header is, by its name, one that nobody else may read: Authorization, X-Api-Key, Cookie, CF-Access-Client-Secret."""
    return any(value and _SECRET_NAME.search(name) for name, value in headers.items())


def _pairs(text: str) -> Iterator[tuple[str, str, str]]:
    """Where it stands, name, value."""
    if text.startswith("{"):
        for number, (name, value) in enumerate(_json_pairs(text), start=1):
            yield f"Entry {number}", name.strip(" \t"), value.strip(" \t")
        return
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if line.strip():
            name, colon, value = (part.strip(" \t") for part in line.partition(":"))
            yield f"Line {number}", name if colon else "", value


def _json_pairs(text: str) -> list[tuple[str, str]]:
    """Repeated names stay visible, so that they can be refused."""
    try:
        pairs = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise _not_an_object() from None
    if all(isinstance(value, str) for _, value in pairs):
        return pairs  # type: ignore[no-any-return]  # a text that starts with a brace can only give the list of an object's pairs
    raise _not_an_object()


def _not_an_object() -> RequestError:
    return RequestError.of(
        "extra_header_invalid",
        "The extra headers begin like a JSON object and are none with texts as values.",
        'Write {"X-Api-Key": "1234"}, or one header per line: X-Api-Key: 1234.',
    )


def _check(where: str, name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise _refusal(where, "is not of the form Name: value", "Example: X-Api-Key: 1234.")
    if reason := REFUSED_HEADERS.get(name.lower()):
        raise _refusal(where, f"sets {name}, which is not possible: {reason}", "Remove it.")
    if not _HEADER_VALUE.fullmatch(value):
        raise _refusal(where, "has a control character or a letter outside ASCII", "Percent-encode it if the server expects that.")


def _refusal(where: str, what: str, remedy: str) -> RequestError:
    return RequestError.of("extra_header_invalid", f"{where} of the extra headers {what}.", remedy)

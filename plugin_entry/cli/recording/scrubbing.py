"""What must not leave in a bug report: keys, addresses, names of people and machines, pictures, and, on demand, texts. Pure.

Enters: bodies, headers and JSON as they were on the wire. Leaves: the same with fillers. In a reply every filler is as long as what it
stands for, so that lengths and the places where the network cut the reply stay true to the byte.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

SHORTEST_SECRET = 8
"""Characters. A shorter one may be a word that stands everywhere, `model` for example; it is taken out of headers only."""

WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]")
TINY_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""One pixel, so that the recorded request stays one that a server could answer."""
PICTURE_KEYS = frozenset({"images", "image"})
BASE64 = re.compile(rb"[A-Za-z0-9+/]{400,}={0,2}")
DATA_URL = re.compile(r"(data:[\w.+/-]+;base64,)[A-Za-z0-9+/=]+")

SCRUBBED = "scrubbed"
HARMLESS_HEADERS = frozenset(
    {"content-type", "content-length", "transfer-encoding", "connection", "date", "server", "vary", "cache-control", "allow", "retry-after"}
    | {"www-authenticate", "accept-ranges", "content-encoding"}
)
"""Headers whose values tell nothing about people or places."""

STRUCTURE = frozenset(
    {"model", "name", "role", "type", "format", "keep_alive", "think", "done_reason", "created_at", "id", "tool_name", "tool_call_id"}
    | {"error", "version", "digest", "modified_at", "expires_at", "family", "families", "parameter_size", "quantization_level"}
    | {"capabilities", "required", "template", "parameters", "object", "finish_reason", "parent_model", "code", "message_type"}
)
"""Keys whose texts say how, not what; they stay when texts are replaced."""


def _whole(match: re.Match[bytes]) -> bytes:
    return b"x" * len(match[0])


def _words(match: re.Match[bytes]) -> bytes:
    return WORD.sub(b"x", match[0])


def _after_first(match: re.Match[bytes]) -> bytes:
    """Keeps the first group."""
    return match[1] + WORD.sub(b"x", match[0][len(match[1]) :])


def _address(match: re.Match[bytes]) -> bytes:
    """Numbers that are an address; this machine's own tell nothing."""
    try:
        address = ipaddress.ip_address(match[0].decode())
    except ValueError:
        return match[0]
    return match[0] if address.is_loopback or address.is_unspecified else WORD.sub(b"x", match[0])


LOCAL = rb"(?:localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\])(?![\w.-])"

RULES: tuple[tuple[re.Pattern[bytes], Callable[[re.Match[bytes]], bytes]], ...] = (
    (re.compile(rb"\b(Bearer |Basic )[\w.~+/=-]+"), _after_first),
    (re.compile(rb"\b(sk-|hf_|ghp_|xox[abp]-)[\w-]{8,}"), _after_first),
    (re.compile(rb"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), _whole),
    (re.compile(rb"((?i:api[_-]?key|passw(?:or)?d|secret|access_token)(?:\\?\"|')?\s*[:=]\s*(?:\\?\"|')?)[^\s\"'\\,}&]+"), _after_first),
    (re.compile(rb"(\b[a-z][a-z0-9+.-]*://)(?!" + LOCAL + rb")[^\s\"'<>/\\?#]+"), _after_first),
    (re.compile(rb"(\b(?:lookup|dial tcp) )(?!" + LOCAL + rb")[\w.:\[\]-]*[\w\]]"), _after_first),
    (re.compile(rb"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), _words),
    (re.compile(rb"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\.\d)"), _address),
    (re.compile(rb"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])"), _address),
    (re.compile(rb"((?:/home/|/Users/|\\\\Users\\\\|\\Users\\))[^/\\\s\"':]+"), _after_first),
    (BASE64, lambda match: b"A" * len(match[0].rstrip(b"=")) + b"=" * match[0].count(b"=")),
)
"""What gives people and places away wherever it stands, and what becomes of it."""

TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)("?)(\s*:)?', re.DOTALL)
"""A text in JSON; the quote is missing where the body was cut."""
LETTER = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\.|[Tt]hink|[A-Za-z]|[0-9]|[\x80-\xff]", re.DOTALL)


def _veiled(match: re.Match[bytes]) -> bytes:
    """One character of a text that is replaced; tags of thinking stay, since they are what bug reports are about."""
    piece = match[0]
    if piece.startswith(b"\\u"):
        return piece if int(piece[2:], 16) < 0x80 else b"\\u0078"
    if len(piece) > 1:
        return piece
    return b"0" if piece.isdigit() else b"x"


@attrs.frozen(slots=True)
class Scrubber:
    """`secrets` are taken out wherever they stand, `names` of machines where they stand as words; `without_texts` replaces what was asked
    and answered.
    """

    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    names: tuple[str, ...] = attrs.field(default=(), repr=False)
    without_texts: bool = False

    def with_secrets(self, secrets: Iterable[str]) -> "Scrubber":
        """Knows more."""
        longer = {secret for secret in (*self.secrets, *secrets) if len(secret) >= SHORTEST_SECRET}
        return attrs.evolve(self, secrets=tuple(sorted(longer, key=lambda secret: (-len(secret), secret))))

    def body(self, data: bytes) -> bytes:
        """A body of the same length."""
        for secret in self.secrets:
            for spelled in _spellings(secret):
                data = data.replace(spelled, b"x" * len(spelled))
        for name in filter(_tells, self.names):
            data = re.sub(rb"(?<![\w.-])" + re.escape(name.encode()) + rb"(?![\w-])", _words, data)
        for pattern, replacement in RULES:
            data = pattern.sub(replacement, data)
        return _without_texts(data) if self.without_texts else data

    def request(self, body: Any) -> Any:
        """A request's JSON, with one small picture for each that was in it."""
        pictures = _with_small_pictures(body)
        plain = json.dumps(pictures, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return json.loads(self.body(plain).decode("utf-8", "surrogatepass"))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Names stay, values only where they are harmless."""
        return {name: value if name.lower() in HARMLESS_HEADERS else _hidden(value) for name, value in headers.items()}


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The values of a request's headers that must not turn up anywhere."""
    values = [value for name, value in headers.items() if name.lower() in SECRET_HEADERS]
    return tuple(part for value in values for part in (value, *value.split()[1:]))


SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token"})


def _tells(name: str) -> bool:
    """A single word, such as a service's name, is a word of other texts, too; in addresses it is found by its place."""
    return re.search(r"[.\d-]", name) is not None and not name.startswith("127.")


def _hidden(value: str) -> str:
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {SCRUBBED}" if blank and scheme.lower() in {"bearer", "basic"} else SCRUBBED


def _spellings(secret: str) -> set[bytes]:
    """As it is, in JSON, and in JSON as Go writes it."""
    in_json = json.dumps(secret)[1:-1]
    go = in_json.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return {text.encode("utf-8", "surrogateescape") for text in (secret, in_json, go, json.dumps(secret, ensure_ascii=False)[1:-1])}


def _with_small_pictures(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            return {name: _with_small_pictures(member, name) for name, member in value.items()}
        case list():
            return [_with_small_pictures(member, key) for member in value]
        case str() if key in PICTURE_KEYS:
            return TINY_PICTURE
        case str():
            return DATA_URL.sub(lambda match: match[1] + TINY_PICTURE, value)
    return value


def _without_texts(data: bytes) -> bytes:
    """Letters become x and digits 0 in every text of JSON whose key is not one of STRUCTURE."""
    if not data.lstrip().startswith((b"{", b"[")):
        return data
    key = b""

    def replaced(match: re.Match[bytes]) -> bytes:
        nonlocal key
        if match[3] is not None:
            key = match[1]
            return match[0]
        if key.decode("utf-8", "replace") in STRUCTURE or match[1].decode("ascii", "replace") == TINY_PICTURE:
            return match[0]
        return b'"' + LETTER.sub(_veiled, match[1]) + match[2]

    return TOKEN.sub(replaced, data)

"""What a recording shows of a body, a header or a path. An allow-list: every value is replaced unless `places.py` knows it.

A reply stays as long as it was, to the byte, so that the places where the network cut it stay true. Fillers: `x` for letters, `0` for
digits of a text, `1` for those of a number. In the default mode texts stay; what `finding.py` finds in them is replaced. Without texts
their letters and digits are replaced; tags of thinking and known sentences of servers stay.
"""

import json
import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from plugin_entry.cli.recording.finding import Range, View, pieces_of, search_terms, secret_ranges
from plugin_entry.cli.recording.masking import known_words, masked
from plugin_entry.cli.recording.places import ROUTES, WORDS_OF_PATHS, Kind, Place, route_of
from plugin_entry.cli.recording.scanning import Span, TimeCheck, spans_of
from plugin_entry.cli.recording.secrets import HARMLESS, SCHEMES, Secrets
from translator.failures.bodies import PROXY_NAMED

TIME_LIMIT_S = 20.0
LARGEST_KEPT_REQUEST = 1 << 20
"""Bytes of JSON; of a larger request only the shape is kept."""
LONGEST_PATH = 200
TINY_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""One pixel, so that the recorded request stays one that a server could answer."""

PIECE = re.compile(rb"\\u[0-9A-Fa-f]{4}|\\.|[^\\]", re.DOTALL)
PUBLIC_REGISTRIES = frozenset({"hf.co", "huggingface.co", "ollama.com", "registry.ollama.ai", "library"})


class TakesTooLongError(Exception):
    """A body could not be scrubbed in time, so it must not be kept."""


def within(seconds: float = TIME_LIMIT_S) -> TimeCheck:
    """A check that raises TakesTooLongError when the time is up."""
    deadline = time.monotonic() + seconds

    def check() -> None:
        if time.monotonic() > deadline:
            raise TakesTooLongError

    return check


@attrs.frozen(slots=True)
class Scrubber:
    """`secrets` are what this run sent in credentials, headers and URLs."""

    secrets: Secrets = attrs.field(factory=Secrets, repr=False)
    without_texts: bool = False

    def reply(self, data: bytes, path: str, check: TimeCheck | None = None) -> bytes:
        """The body of a reply, as long as it was. Raises TakesTooLongError."""
        return self._body(data, self._place(path, 1), check or within(), same_length=True)

    def request(self, data: bytes, path: str) -> dict[str, Any]:
        """The body of a request as the part of a recording, with one small picture for each that was in it. Raises TakesTooLongError."""
        if not data:
            return {}
        scrubbed = self._body(data, self._place(path, 0), within(), same_length=False).decode("utf-8", "surrogateescape")
        try:
            json.loads(data)
            body = json.loads(scrubbed)
        except (ValueError, RecursionError):
            return {"raw_body": scrubbed[:LARGEST_KEPT_REQUEST]}
        if len(scrubbed) > LARGEST_KEPT_REQUEST:
            return {"body_shortened": {"bytes": len(data), "fields": sorted(body) if isinstance(body, dict) else []}}
        return {"body": body}

    def path(self, path: str) -> str:
        """A path without its query; what is no word of a known route is replaced."""
        words = path.partition("?")[0].split("/")
        return "/".join(word if word in WORDS_OF_PATHS else "x" * len(word) for word in words)[:LONGEST_PATH]

    def headers(self, headers: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Names stay unless they hold a secret; values stay where they are of a known form."""
        shown: dict[str, str] = {}
        for name, value in headers:
            kept = self._text(name)
            told = _header(name.lower(), value)
            shown[kept] = f"{shown[kept]}, {told}" if kept in shown else told
        return shown

    def _text(self, text: str) -> str:
        data = text.encode("utf-8", "surrogateescape")
        return _hidden(data, self._finds(View(data), [], within())).decode("utf-8", "surrogateescape")

    def _place(self, path: str, side: int) -> Place:
        route = route_of(path.partition("?")[0])
        return None if route is None else ROUTES[route][side]

    def _body(self, data: bytes, place: Place, check: TimeCheck, *, same_length: bool) -> bytes:
        spans = list(spans_of(data, place, check))
        finds = self._finds(View(data), spans, check)
        parts, done = list[bytes](), 0
        starts = [start for start, _ in finds]
        for number, span in enumerate(spans):
            if number % 1024 == 0:
                check()
            token = data[span.start : span.end]
            parts += (data[done : span.start], self._shown(token, span, _within(finds, starts, span), same_length=same_length))
            done = span.end
        return b"".join((*parts, data[done:]))

    def _finds(self, whole: View, spans: Sequence[Span], check: TimeCheck) -> list[Range]:
        """Merged ranges, in order. Texts that came in pieces are looked at joined, because a key may come in pieces, too."""
        pieces: dict[str, list[Range]] = {}
        for span in spans:
            if span.path:
                pieces.setdefault(span.path, []).append((span.start + 1, span.end - (whole.data[span.end - 1 : span.end] == b'"')))
        views = [whole, *(pieces_of(whole.data, ranges) for ranges in pieces.values() if len(ranges) > 1)]
        terms = search_terms(self.secrets)
        return _merged(found for view in views for found in secret_ranges(view, terms, check))

    def _shown(self, token: bytes, span: Span, finds: Sequence[Range], *, same_length: bool) -> bytes:
        is_string = token.startswith(b'"')
        match span.kind:
            case Kind.PICTURE if is_string:
                return _picture(token) if same_length else b'"' + TINY_PICTURE.encode() + b'"'
            case None | Kind.PICTURE:
                return _replaced(token)
            case Kind.TEXT | Kind.ERROR if self.without_texts:
                shown = _replaced(token) if _is_number(token) else masked(token, known_words(token) if span.kind is Kind.ERROR else ())
            case Kind.MODEL:
                shown = _model(token)
            case _:
                shown = token
        if not finds:
            return shown
        return _hidden(shown, finds) if is_string or not _is_number(token) else _replaced(token)


def _within(finds: Sequence[Range], starts: Sequence[int], span: Span) -> list[Range]:
    """The parts of the finds that lie in a span, counted from its beginning."""
    found: list[Range] = []
    for start, end in finds[max(0, bisect_right(starts, span.start) - 1) : bisect_right(starts, span.end)]:
        if start < span.end and end > span.start:
            found.append((max(start - span.start, 0), min(end, span.end) - span.start))
    return found


def _merged(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif end > start:
            merged.append((start, end))
    return merged


def _hidden(token: bytes, finds: Sequence[Range]) -> bytes:
    """The token with `x` for what was found; quotes stay, and no escape is left in half."""
    quoted = token.startswith(b'"')
    first, last = int(quoted), len(token) - int(quoted and len(token) > 1 and token.endswith(b'"'))
    parts, done = [token[:first]], first
    for start, end in finds:
        for piece in PIECE.finditer(token, done, last):
            if piece.start() >= end:
                break
            parts.append(b"x" * len(piece[0]) if piece.end() > start else piece[0])
            done = piece.end()
    return b"".join((*parts, token[done:]))


def _replaced(token: bytes) -> bytes:
    """The token with fillers alone: a string stays one, numbers stay numbers."""
    if token.startswith(b'"'):
        closed = len(token) > 1 and token.endswith(b'"')
        return b'"' + b"x" * (len(token) - 1 - closed) + b'"' * closed
    if _is_number(token):
        return re.sub(rb"[\deE+]|(?<=[\deE+.-])-", b"1", token)
    return re.sub(rb"\S", b"x", token)


def _is_number(token: bytes) -> bool:
    return re.match(rb"-?\d[\d.eE+-]*(?:\s*,\s*-?\d[\d.eE+-]*)*\Z", token) is not None


def _picture(token: bytes) -> bytes:
    """As long as the picture, and still base64."""
    inner = token[1:-1] if token.endswith(b'"') and len(token) > 1 else token[1:]
    filled = re.sub(rb"[^=]", b"A", inner)
    return token[:1] + filled + token[1 + len(inner) :]


def _model(token: bytes) -> bytes:
    """Of a name with a registry or a namespace that is not public only the last part stays."""
    before, slash, last = token.rpartition(b"/")
    if not slash or before.lstrip(b'"').partition(b"/")[0].decode("utf-8", "replace") in PUBLIC_REGISTRIES:
        return token
    return re.sub(rb"[A-Za-z0-9\x80-\xff]", b"x", before) + slash + last


# --- headers -----------------------------------------------------------------------------------------------------------------------

SCRUBBED = "scrubbed"
_METHODS = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
KNOWN_VALUES: Mapping[str, re.Pattern[str]] = {
    **{name: pattern for name, pattern in HARMLESS.items() if name != "host"},
    "date": re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"),
    "allow": re.compile(rf"(?:{_METHODS})(?:, ?(?:{_METHODS}))*"),
    "vary": re.compile(
        r"(?i)(?:accept|accept-encoding|accept-language|origin|\*)(?:, ?(?:accept|accept-encoding|accept-language|origin))*"
    ),
    "retry-after": re.compile(r"\d{1,6}"),
    "accept-ranges": re.compile(r"bytes|none"),
    "content-encoding": re.compile(r"gzip|deflate|br|zstd|identity"),
}
OF_PROXIES = frozenset({"server", "via", "proxy-status", "x-cache", "x-cache-lookup", "x-squid-error", "x-powered-by"})
"""Their values tell which proxy answered; names of products and versions stay in them."""
PRODUCT = re.compile(
    rf"(?P<known>{PROXY_NAMED.pattern}|\b(?:uvicorn|hypercorn|gunicorn|Python|aiohttp|llama\.cpp|Werkzeug|Kestrel|Apache|HTTP|HIT|MISS|NONE|from)\b"
    r"|\berror=[a-z_]{1,40}|\bERR_[A-Z_]{1,40}|(?<=/)\d[\d.]{0,11}\b|\b\d\.\d\b|[^\w])|.",
    re.IGNORECASE | re.DOTALL,
)
"""Piece by piece: a name or a version that is known, or any other character."""


def _header(name: str, value: str) -> str:
    known = KNOWN_VALUES.get(name)
    if known is not None and known.fullmatch(value):
        return value
    if name in OF_PROXIES:
        return PRODUCT.sub(lambda piece: piece["known"] or "x", value[:LONGEST_PATH])
    scheme, blank, _ = value.partition(" ")
    return f"{scheme} {SCRUBBED}" if blank and scheme.lower() in SCHEMES else SCRUBBED

"""Which bytes of a body must not stay as they are. Linear and tolerant: any bytes give spans, whatever is wrong with them.

A body is one JSON document, several (one per line), the same as server-sent events, or something else. Whatever is no JSON is a text. A
string ends at the end of its line at the latest, and a line that begins like a document begins one: a broken line cannot hide the rest.
"""

import re
from collections.abc import Callable, Iterator

import attrs

from plugin_entry.cli.recording.places import ERROR, OPEN, PLAIN_NAME, SCHEMA, SCHEMA_KEYWORDS, TEXT, Kind, Place

type TimeCheck = Callable[[], None]
"""Called every now and then; raises when the time is up."""

TOKEN = re.compile(
    rb"""(?P<blank>\s+)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*+"?)
    |(?P<numbers>-?\d[\d.eE+-]*+(?:\s*+,\s*+-?\d[\d.eE+-]*+)*+)
    |(?P<mark>[{}\[\]:,])
    |(?P<word>(?:true|false|null)(?![^\s{}\[\]:,"]))
    |(?P<other>[^\s"{}\[\]:,]++)""",
    re.VERBOSE,
)
STRAY_LINE = re.compile(rb"[^\n]+")
AHEAD = re.compile(rb"(?:\s|\xef\xbb\xbf)*+(?:data:\s*+)?+")
"""What may stand in front of a document: blanks, a byte order mark, the field name of an event."""
LONGEST_PATH = 200
TOKENS_PER_CHECK = 4096
DEEPEST = 500
"""Levels; deeper ones are unknown places."""


@attrs.frozen(slots=True)
class Span:
    """Bytes from `start` to `end`: a string with its quotes, numbers, or bare text. Of no kind: replaced.

    `path` tells apart what is joined when it streams.
    """

    start: int
    end: int
    kind: Kind | None
    path: str = ""


@attrs.define(slots=True)
class _Level:
    """An open object or list. `value` is the place of the next value."""

    place: Place
    path: str
    is_object: bool
    value: Place = None
    value_path: str = ""
    at_key: bool = True


def spans_of(data: bytes, root: Place, check: TimeCheck) -> Iterator[Span]:
    """The spans of a body in their order; what is not in a span stays. Raises what `check` raises."""
    stray = None if root is None else ERROR
    position, stack, seen = 0, list[_Level](), 0
    while position < len(data):
        seen += 1
        if seen % TOKENS_PER_CHECK == 0:
            check()
        at_line_start = position == 0 or data[position - 1 : position] == b"\n"
        if not stack or (at_line_start and data.startswith((b"{", b"data:"), position)):
            stack.clear()
            ahead = AHEAD.match(data, position)
            position = ahead.end() if ahead else position
            first = data[position : position + 1]
            if first in (b"{", b"["):
                stack.append(_Level(root, "", first == b"{"))
                _enter(stack[-1], root)
                position += 1
            elif line := STRAY_LINE.match(data, position):
                yield Span(line.start(), line.end(), stray)
                position = line.end()
            continue
        token = TOKEN.match(data, position)
        if token is None:
            return
        position = token.end()
        span = _take(token, stack, stray)
        if span is not None:
            yield span


def _enter(level: _Level, place: Place) -> None:
    level.place = place[0] if isinstance(place, tuple) else place
    level.value = None if level.is_object else place
    level.value_path = level.path


def _take(token: re.Match[bytes], stack: list[_Level], stray: Kind | None) -> Span | None:
    level = stack[-1]
    match token.lastgroup:
        case "mark":
            _structure(token[0], stack)
            return None
        case "string" if level.is_object and level.at_key:
            return _key(token, level)
        case "string":
            return _string(token, level)
        case "numbers":
            return _numbers(token, level)
        case "other":
            return Span(token.start(), token.end(), stray)
        case _:
            return None


def _structure(mark: bytes, stack: list[_Level]) -> None:
    level = stack[-1]
    match mark:
        case b"{" | b"[":
            inner = _Level(None, level.value_path, mark == b"{")
            _enter(inner, level.value if len(stack) < DEEPEST else None)
            stack.append(inner)
        case b"}" | b"]":
            stack.pop()
        case b":":
            level.at_key = False
        case b"," if level.is_object:
            level.at_key, level.value = True, None


def _key(token: re.Match[bytes], level: _Level) -> Span | None:
    name = token[0].strip(b'"').decode("utf-8", "replace")
    place, known = level.place, False
    if isinstance(place, dict):
        known = name in place or ("*" in place and PLAIN_NAME.fullmatch(name) is not None)
        level.value = place.get(name, place.get("*") if known else None)
    else:
        level.value = place if place in (TEXT, ERROR, SCHEMA) else None
        known = place is SCHEMA and name in SCHEMA_KEYWORDS
    level.value_path = f"{level.path}.{name}"[-LONGEST_PATH:]
    if (isinstance(place, dict) and name in place) or (known and place is SCHEMA):
        return None
    return Span(token.start(), token.end(), OPEN if known else TEXT)


def _scalar(place: Place) -> Place:
    return place[1] if isinstance(place, tuple) else place


def _string(token: re.Match[bytes], level: _Level) -> Span | None:
    place, text = _scalar(level.value), token[0].strip(b'"').decode("utf-8", "replace")
    words = SCHEMA_KEYWORDS if place is SCHEMA else place
    if isinstance(words, frozenset) and text in words:
        return None
    kind = place if isinstance(place, Kind) else OPEN if isinstance(place, re.Pattern) and place.fullmatch(text) else None
    if kind is SCHEMA:
        kind = TEXT
    return Span(token.start(), token.end(), kind, level.value_path if kind in (TEXT, ERROR) else "")


def _numbers(token: re.Match[bytes], level: _Level) -> Span:
    place = _scalar(level.value)
    if isinstance(place, Kind):
        kind: Kind | None = {ERROR: OPEN, SCHEMA: TEXT}.get(place, place)
    else:
        kind = OPEN if isinstance(place, frozenset | re.Pattern) else None
    return Span(token.start(), token.end(), kind)

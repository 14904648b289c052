"""Texts as Go's standard library reads and quotes them: base64, durations, %q.

From encoding/base64, time.ParseDuration and strconv.Quote.
"""

import re

SURROGATE = re.compile("[\ud800-\udfff]")
"""Half a character, which Go reads as U+FFFD."""


def bad_base64(text: str) -> int | None:
    """Gives the byte at which Go's padded standard base64 stops, None for good text (encoding/base64, decodeQuantum)."""
    source = SURROGATE.sub("\ufffd", text).encode()
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    position = filled = 0
    while True:
        if position == len(source):
            return position - filled if filled else None
        byte = source[position]
        position += 1
        if byte in alphabet:
            filled = (filled + 1) % 4
        elif byte not in b"\r\n":
            return _bad_padding(source, position, filled) if byte == ord("=") else position - 1


def _bad_padding(source: bytes, position: int, filled: int) -> int | None:
    if filled < 2:
        return position - 1
    if filled == 2:
        position = _after_newlines(source, position)
        if position == len(source):
            return position
        if source[position] != ord("="):
            return position - 1
        position += 1
    position = _after_newlines(source, position)
    return None if position == len(source) else position


def _after_newlines(source: bytes, position: int) -> int:
    while position < len(source) and source[position] in b"\r\n":
        position += 1
    return position


_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PIECE = re.compile(r"(?P<whole>\d*)(?P<point>\.(?P<part>\d*))?(?P<unit>[^.\d]*)", re.ASCII)


def bad_duration(text: str) -> str | None:
    """Gives the error of Go's time.ParseDuration, None for a good text."""
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return None
    invalid = f"time: invalid duration {_time_quote(text)}"
    total = 0.0
    if not rest:
        return invalid
    while rest:
        piece = _PIECE.match(rest)
        assert piece is not None
        if not (piece["whole"] or piece["part"]) or int(piece["whole"] or 0) > 2**63:
            return invalid
        if not piece["unit"]:
            return f"time: missing unit in duration {_time_quote(text)}"
        if piece["unit"] not in _UNITS:
            return f"time: unknown unit {_time_quote(piece['unit'])} in duration {_time_quote(text)}"
        total += float(f"{piece['whole'] or 0}.{piece['part'] or 0}") * _UNITS[piece["unit"]]
        rest = rest[piece.end() :]
    return invalid if total >= 2**63 else None


def _time_quote(text: str) -> str:
    parts = []
    for byte in SURROGATE.sub("\ufffd", text).encode():
        character = chr(byte)
        parts.append(f"\\{character}" if character in '"\\' else character if 0x20 <= byte < 0x80 else f"\\x{byte:02x}")
    return f'"{"".join(parts)}"'


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v", '"': '\\"', "\\": "\\\\"}


def go_quote(text: str) -> str:
    """Quotes a text like Go's %q."""
    return f'"{"".join(_ESCAPES.get(character) or _printable(character) for character in text)}"'


def _printable(character: str) -> str:
    code = ord(character)
    if character == " " or (character.isprintable() and not character.isspace()):
        return character
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

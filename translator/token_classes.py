"""Characters to classes, the first step of estimating tokens: one letter says what kind of character it is.

Enters: UTF-8. Leaves: one class letter per character, of a long text in pieces. The pieces are counted one after the other, because each
count over megabytes would keep the interpreter, and so every other answer, waiting. They are cut where it changes no count.
"""

import re
from collections.abc import Iterator

import attrs

CLASSES: tuple[tuple[int, int, str], ...] = (
    (0x00, 0x7F, "p"),  # signs
    (0x09, 0x09, "t"),  # tab
    (0x0A, 0x0D, "n"),  # line end
    (0x20, 0x20, "s"),  # space
    (0x30, 0x39, "0"),  # digits
    (0x41, 0x5A, "W"),  # Latin capitals
    (0x61, 0x7A, "w"),  # Latin
    (0xC2, 0xC2, "o"),  # other signs
    (0xC3, 0xCD, "e"),  # accents of Western languages
    (0xC4, 0xC5, "z"),  # accents of Central Europe
    (0xCE, 0xCF, "g"),  # Greek
    (0xD0, 0xD4, "c"),  # Cyrillic
    (0xD5, 0xD5, "x"),  # rare
    (0xD6, 0xD7, "h"),  # Hebrew
    (0xD8, 0xDB, "a"),  # Arabic
    (0xDC, 0xE1, "x"),
    (0xE2, 0xE2, "o"),
    (0xE3, 0xE3, "m"),  # kana
    (0xE4, 0xE9, "j"),  # Han
    (0xEA, 0xED, "k"),  # Hangul
    (0xEE, 0xEF, "o"),
    (0xF0, 0xF4, "E"),  # emoji
    (0xF8, 0xF8, "d"),  # Devanagari
    (0xF9, 0xF9, "T"),  # Thai
    (0xFA, 0xFA, "u"),  # Ukrainian letters
)
"""Lead byte of a character in UTF-8 (from, to) and its class; later rows overrule earlier ones. 0xF8 and up never occur in UTF-8."""

_PREFIXES: tuple[tuple[bytes, bytes], ...] = (
    (b"\xe1\xba", b"a"),  # Vietnamese, whose letters are well known
    (b"\xe1\xbb", b"a"),
    (b"\xe0\xa4", b"\xf8"),
    (b"\xe0\xa5", b"\xf8"),
    (b"\xe0\xb8", b"\xf9"),
    (b"\xe0\xb9", b"\xf9"),
    (b"\xe3\x80", b"\xe2"),  # CJK punctuation
    (b"\xd1\x94", b"\xfa"),
    (b"\xd1\x96", b"\xfa"),
    (b"\xd1\x97", b"\xfa"),
)
"""Where the lead byte does not tell the class, two bytes do: they are replaced by a byte of the class."""

_CONTINUATION = bytes(range(0x80, 0xC0))

PIECE = 1 << 20
"""Bytes that are looked at in one go; between two pieces other threads have their turn."""
_SEAM = re.compile(rb"\n(?=[^\n-\r])| (?=[^ \t0-9])")
"""Where a text may be cut without changing any count: no run and no pair of the tables reaches over such a place."""
_SEAM_WITHIN = 64 * 1024


@attrs.frozen(slots=True)
class Pieces:
    """A long text's classes; counts as the whole would."""

    parts: tuple[bytes, ...]

    def count(self, found: bytes) -> int:
        """As `bytes.count`."""
        return sum(part.count(found) for part in self.parts)

    def runs(self, mask: bytes) -> "Pieces":
        """The characters of a mask, with a blank at the beginning of each piece, where no run goes on."""
        return Pieces(tuple(b" " + part.translate(mask) for part in self.parts))


type Classes = bytes | Pieces


def _class_table() -> bytes:
    table = bytearray(256)
    for first, last, letter in CLASSES:
        table[first : last + 1] = letter.encode() * (last + 1 - first)
    return bytes(table)


_TABLE = _class_table()


def classes_of(data: bytes) -> Classes:
    """The classes of a text."""
    return _classes(data) if len(data) <= 2 * PIECE else Pieces(tuple(map(_classes, _cut(data))))


def _classes(data: bytes) -> bytes:
    if not data.isascii():
        for prefix, lead in _PREFIXES:
            data = data.replace(prefix, lead)
    return data.translate(_TABLE, _CONTINUATION)


def _cut(data: bytes) -> Iterator[bytes]:
    """Pieces of about `PIECE` bytes, longer ones where there is no seam."""
    start, at = 0, PIECE
    while at < len(data):
        seam = _SEAM.search(data, at, at + _SEAM_WITHIN)
        if seam is not None:
            yield data[start : seam.end()]
            start = at = seam.end()
        at += PIECE
    yield data[start:]

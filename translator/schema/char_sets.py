"""Sets of characters, as patterns write them: ranges of code points, classes such as `\\d`, and letters of Unicode.

A set is a sorted tuple of ranges without gaps in between them that could be closed; both ends belong to a range.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache

type CharSet = tuple[tuple[int, int], ...]

LAST = 0x10FFFF

DIGITS: CharSet = ((0x30, 0x39),)
WORD: CharSet = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE: CharSet = ((0x09, 0x0D), (0x20, 0x20))

JSON_ESCAPES: Mapping[int, str] = {0x08: "b", 0x09: "t", 0x0A: "n", 0x0C: "f", 0x0D: "r", 0x22: '"', 0x5C: "\\"}
"""What JSON text cannot hold as it is, and the letter after the backslash that stands for it."""

PLAIN: CharSet = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7E), (0x80, LAST))
"""What JSON text holds as it is: no quote, no backslash, no control character."""

_SCANNED = 0x600
"""Code points up to Hebrew are looked up in Unicode's tables; of the scripts beyond, the blocks that hold nothing but letters."""
_LETTERS: CharSet = (
    (0x0620, 0x064A),
    (0x0904, 0x0939),
    (0x0E01, 0x0E30),
    (0x3041, 0x3096),
    (0x30A1, 0x30FA),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xAC00, 0xD7A3),
)
_CATEGORIES: Mapping[str, str] = {
    **{name: name for name in ("L", "Lu", "Ll", "N", "Nd", "P", "S", "Z", "Zs")},
    "Letter": "L",
    "Alphabetic": "L",
    "Uppercase_Letter": "Lu",
    "Lowercase_Letter": "Ll",
    "Number": "N",
    "Decimal_Number": "Nd",
    "Punctuation": "P",
    "Symbol": "S",
    "Separator": "Z",
    "Space_Separator": "Zs",
}


def union(*sets: Iterable[tuple[int, int]]) -> CharSet:
    """What is in any of them."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(item for each in sets for item in each):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def complement(chars: CharSet) -> CharSet:
    """Every other character."""
    starts = [0, *(high + 1 for _, high in chars)]
    ends = [*(low - 1 for low, _ in chars), LAST]
    return tuple((low, high) for low, high in zip(starts, ends, strict=True) if low <= high)


def intersection(first: CharSet, second: CharSet) -> CharSet:
    """What is in both."""
    return complement(union(complement(first), complement(second)))


@cache
def category(name: str) -> CharSet | None:
    """A part of the characters of a general category of Unicode (`L`, `Lu`, `Letter`, `gc=L` ...); None for other properties.

    A part, because all letters are 650 ranges: the server would write them out wherever they are used.
    """
    wanted = _CATEGORIES.get(name.removeprefix("gc=").removeprefix("General_Category="))
    if wanted is None:
        return None
    found = ((point, point) for point in range(_SCANNED) if unicodedata.category(chr(point)).startswith(wanted))
    return union(found, _LETTERS if wanted == "L" else ())

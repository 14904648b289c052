"""What of a text decides how many tokens it has: characters by script, words by length, numbers, signs, some letters.

Everything is counted by `bytes.count` on the UTF-8, or on a copy in which one letter stands for each character's class. That is fast (about
one millisecond per count and million characters) and adds up: a long text is measured in pieces, so that no single call keeps the
interpreter for long.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import partial

import attrs

_SCRIPTS: tuple[tuple[str, str, tuple[tuple[int, int], ...]], ...] = (
    ("signs", "p", ((0x00, 0x7F),)),
    ("tabs", "t", ((0x09, 0x09),)),
    ("line ends", "n", ((0x0A, 0x0D),)),
    ("spaces", "s", ((0x20, 0x20),)),
    ("digits", "0", ((0x30, 0x39),)),
    ("capitals", "W", ((0x41, 0x5A),)),
    ("small letters", "w", ((0x61, 0x7A),)),
    ("typographic signs", "o", ((0xE2, 0xE2), (0xC2, 0xC2))),
    ("western accents", "e", ((0xC3, 0xC3),)),
    ("eastern accents", "z", ((0xC4, 0xC5),)),
    ("rare Latin", "y", ((0xC6, 0xCA),)),
    ("marks", "M", ((0xCB, 0xCD),)),
    ("Greek", "g", ((0xCE, 0xCF),)),
    ("Cyrillic", "c", ((0xD0, 0xD1),)),
    ("rare Cyrillic", "C", ((0xD2, 0xD4),)),
    ("Armenian", "A", ((0xD5, 0xD5),)),
    ("Hebrew", "h", ((0xD6, 0xD7),)),
    ("Arabic", "a", ((0xD8, 0xDB),)),
    ("rare", "x", ((0xDC, 0xE1), (0xEE, 0xEE))),
    ("kana", "m", ((0xE3, 0xE3),)),
    ("Han", "j", ((0xE4, 0xE9),)),
    ("Hangul", "k", ((0xEA, 0xED),)),
    ("wide forms", "f", ((0xEF, 0xEF),)),
    ("emoji", "E", ((0xF0, 0xF4),)),
)
"""Name, class letter, and which first bytes of UTF-8 (from, to) belong to it; later rows overrule earlier ones."""

_BY_TWO_BYTES: tuple[tuple[str, str, bytes, bytes], ...] = (
    ("Vietnamese", "v", b"\xe1", b"\xba\xbb"),
    ("Devanagari", "d", b"\xe0", b"\xa4\xa5"),
    ("Bengali", "b", b"\xe0", b"\xa6\xa7"),
    ("northern Indic", "i", b"\xe0", b"\xa8\xa9\xaa\xab\xac\xad"),
    ("Tamil", "l", b"\xe0", b"\xae\xaf"),
    ("southern Indic", "L", b"\xe0", b"\xb0\xb1\xb2\xb3\xb4\xb5"),
    ("rare scripts", "S", b"\xe0", b"\xb6\xb7\xba\xbb\xbc\xbd\xbe\xbf"),  # Sinhala, Lao, Tibetan
    ("rare scripts", "S", b"\xe1", b"\x80\x81\x88\x89\x8a\x8b\x8c\x8d\x8e\x9e\x9f"),  # Burmese, Ethiopic, Khmer
    ("Thai", "T", b"\xe0", b"\xb8\xb9"),
    ("Georgian", "G", b"\xe1", b"\x82\x83"),
    ("typography", "Q", b"\xe2", b"\x80"),
    ("boxes", "B", b"\xe2", b"\x94\x95\x96"),
    ("Han punctuation", "P", b"\xe3", b"\x80"),
    ("katakana", "K", b"\xe3", b"\x83"),
)
"""Where the first byte does not tell the class, two do: name, class letter, first byte, second bytes."""

_SPARE = bytes((*range(0xF5, 0x100), 0xC0, 0xC1))
"""Bytes that never occur in UTF-8: each stands for a class of two bytes while a text is measured."""
_CONTINUATION = bytes(range(0x80, 0xC0))
_ASCII = bytes(range(0x80))

_LONGER = (0xC0, 0xE0, 0xF0)
"""First bytes from which on a character has two, three and four bytes."""

BYTES: dict[str, int] = {name: 1 + sum(ranges[0][1] >= longer for longer in _LONGER) for name, _, ranges in _SCRIPTS} | {
    name: 3 for name, *_ in _BY_TWO_BYTES
}
"""How many bytes a character of each script has at the most."""

_PAIRS: tuple[tuple[str, bytes], ...] = (
    ("camel humps", b"wW"),
    ("digits after letters", b"w0"),
    ("digits after spaces", b"s0"),
    ("letters after signs", b"pw"),
    ("line ends after signs", b"pn"),
)
_LATIN = b"wWezyvM"
_LENGTHS = (1, 4, 8, 24)
_LANGUAGE_LENGTHS = (1, 4, 8)
_RULES = tuple(sign * 4 for sign in (b"-", b"=", b"*", b"#", b"_", b"~", b".", b"/"))
_LETTERS = b"kzjqvh"
_CONSONANTS = b"bcdfghjklmnpqrstvwxz"

_LETTERS_OF: tuple[tuple[str, bytes, str], ...] = (
    ("Ukrainian letters", b"c", "іїєґ"),
    ("Persian letters", b"a", "پچژکگی"),
    ("Urdu letters", b"a", "ےٹڈڑہ"),
    ("Turkish letters", b"z", "ığşİ"),
    ("Slavic letters", b"z", "řěůžščđ"),
)
"""Name, the class that these letters are of, and the letters."""

_SIMPLIFIED = "这们来个国为说时对学过还现点开关发与经长动进种从问没样让实认"
_TRADITIONAL = "這們來個國為說時對學過還現點開關發與經長動進種從問沒樣讓實認"

_LANGUAGES: tuple[tuple[str, frozenset[bytes]], ...] = tuple(
    (name, frozenset(words.encode().split()))
    for name, words in (
        ("English", "the of and to is in a that for it with you"),
        ("Romance", "de la que el en le les et des un una di il che e o da do em los del per pour para com con"),
        ("Germanic", "der die und das ist den van een det og och het zu ein nicht som til att av for de mit er"),
        (
            "other",
            "bir ve bu nie w na ja on ei az yang dan untuk itu dengan pada se je z si a i do že és hogy và của ya wa kwa "
            "sa ng ang da în și",
        ),
    )
)
"""The most frequent short words of languages of Latin script; how many of a text's words they are tells whose words the rest are."""
_FREQUENT = frozenset[bytes]().union(*(words for _, words in _LANGUAGES))
_SURE = 5
"""A text of which one word in so many is a frequent word of a language is surely of it."""

FEATURES: tuple[str, ...] = (
    *BYTES,
    *(name for name, _ in _PAIRS),
    *(f"words of {length}" for length in _LENGTHS),
    *(f"{name} words of {length}" for name, _ in _LANGUAGES[1:] for length in _LANGUAGE_LENGTHS),
    *("blank lines", "Cyrillic words", "Arabic words", "rows of emoji", "numbers", "digit triples", "rows of spaces"),
    *("rows of signs", "pairs of signs", "triples of signs", "rules"),
    *("consonant triples", "capital consonant triples", "capital vowels"),
    *(chr(letter) for letter in _LETTERS),
    *(name for name, *_ in _LETTERS_OF),
    "traditional Han",
)
"""What is counted, in the order of `measure`."""

PIECE = 1 << 20
"""Bytes that are looked at in one go; between two pieces other threads have their turn."""
_SEAM = re.compile(rb"\n(?=[^\n-\r])| (?=[^ \t0-9])")
"""Where a text may be cut without changing any count: no run and no pair reaches over such a place."""
_SEAM_WITHIN = 64 * 1024
_SAMPLE = 16 * 1024


def _mask(letters: bytes) -> bytes:
    return bytes(ord("x") if code in letters else ord(" ") for code in range(256))


def _class_table() -> tuple[bytes, tuple[tuple[bytes, tuple[tuple[bytes, bytes], ...]], ...]]:
    """The class letter of each byte, and per first byte what to replace before they are looked up."""
    table = bytearray(256)
    for _, letter, ranges in _SCRIPTS:
        for first, last in ranges:
            table[first : last + 1] = letter.encode() * (last + 1 - first)
    spare: dict[str, int] = {}
    replaced: dict[bytes, list[tuple[bytes, bytes]]] = {}
    for _, letter, first_byte, second_bytes in _BY_TWO_BYTES:
        lead = spare.setdefault(letter, _SPARE[len(spare)] if letter not in spare else 0)
        table[lead] = ord(letter)
        replaced.setdefault(first_byte, []).extend((first_byte + bytes([second]), bytes([lead])) for second in second_bytes)
    return bytes(table), tuple((first_byte, tuple(rows)) for first_byte, rows in replaced.items())


_TABLE, _REPLACED = _class_table()
_CLASS_LETTERS = tuple(dict.fromkeys(letter.encode() for letter in (*(row[1] for row in _SCRIPTS), *(row[1] for row in _BY_TWO_BYTES))))
_WORDS, _DIGITS, _SPACES, _SIGNS = _mask(_LATIN), _mask(b"0"), _mask(b"s"), _mask(b"p")
_LINE_ENDS, _CYRILLIC, _ARABIC, _EMOJI = _mask(b"n"), _mask(b"cC"), _mask(b"a"), _mask(b"E")
_LOWER_AND_UPPER, _UPPER = _mask(_CONSONANTS + _CONSONANTS.upper()), _mask(_CONSONANTS.upper())


@attrs.frozen(slots=True)
class Language:
    """What is true of a text as a whole: the shares of languages among its Latin words, and of traditional signs among its Han."""

    shares: tuple[float, ...]
    traditional: float


def measure(data: bytes) -> tuple[float, ...]:
    """How much of each of `FEATURES` a text in UTF-8 has."""
    count = partial(_measure, language=language_of(data))
    if len(data) <= 2 * PIECE:
        return count(data)
    return tuple(map(sum, zip(*map(count, _cut(data)), strict=True)))


def classes_of(data: bytes) -> bytes:
    """One class letter per character."""
    if not data.isascii():
        for first_byte, rows in _REPLACED:
            for prefix, lead in rows:
                if first_byte not in data:
                    break
                data = data.replace(prefix, lead)
    return data.translate(_TABLE, _CONTINUATION)


def class_counts(data: bytes) -> dict[str, int]:
    """Characters per name in `BYTES`."""
    classes = classes_of(data)
    return dict(zip(BYTES, map(classes.count, _CLASS_LETTERS), strict=True))


def sample_of(data: bytes) -> bytes:
    """Three parts of a long text that stand for it; a short text whole."""
    if len(data) <= 3 * _SAMPLE:
        return data
    middle = len(data) // 2
    return b" ".join((data[:_SAMPLE], data[middle : middle + _SAMPLE], data[-_SAMPLE:]))


def language_of(data: bytes) -> Language:
    """Whose words and signs these are, from a sample."""
    sample = sample_of(data)
    words = sample.lower().split()
    found = Counter(filter(_FREQUENT.__contains__, words))
    sure = [min(1.0, _SURE * sum(found[word] for word in frequent) / max(1, len(words))) for _, frequent in _LANGUAGES]
    total = sum(sure)
    traditional = 0.0
    if not sample.isascii():
        text = sample.translate(None, _ASCII).decode("utf-8", "ignore")
        signs = sum(map(text.count, _TRADITIONAL))
        traditional = signs / max(1, signs + sum(map(text.count, _SIMPLIFIED)))
    return Language(tuple(share * share / total if total else 0.0 for share in sure[1:]), traditional)


def _measure(data: bytes, language: Language) -> tuple[float, ...]:
    classes = classes_of(data)
    found = {letter: classes.count(letter) if letter in classes else 0 for letter in _CLASS_LETTERS}
    words = b" " + classes.translate(_WORDS)
    of_length = [words.count(b" " + b"x" * length) for length in _LENGTHS[:-1]]
    return (
        *found.values(),
        *(classes.count(pair) if found[pair[:1]] and found[pair[1:]] else 0 for _, pair in _PAIRS),
        *of_length,
        words.count(b"x" * _LENGTHS[-1]),
        *(share * count for share in language.shares for count in of_length[: len(_LANGUAGE_LENGTHS)]),
        _runs(classes, _LINE_ENDS) if found[b"n"] else 0,
        _runs(classes, _CYRILLIC) if found[b"c"] else 0,
        _runs(classes, _ARABIC) if found[b"a"] else 0,
        _runs(classes, _EMOJI) if found[b"E"] else 0,
        *(_numbers(classes) if found[b"0"] else (0, 0)),
        (b" " + classes.translate(_SPACES)).count(b" xx") if b"ss" in classes else 0,
        *(_signs(classes, data) if found[b"p"] else (0, 0, 0, 0)),
        data.translate(_LOWER_AND_UPPER).count(b"xxx"),
        data.translate(_UPPER).count(b"xxx") if found[b"W"] else 0,
        sum(map(data.count, (b"A", b"E", b"I", b"O", b"U"))) if found[b"W"] else 0,
        *(data.count(letter) for letter in _LETTERS),
        *(sum(data.count(letter.encode()) for letter in letters) if found[of] else 0 for _, of, letters in _LETTERS_OF),
        found[b"j"] * language.traditional,
    )


def _runs(classes: bytes, mask: bytes) -> int:
    return len(classes.translate(mask).split())


def _numbers(classes: bytes) -> tuple[int, int]:
    """Numbers, and the groups of up to three digits that they consist of."""
    digits = classes.translate(_DIGITS)
    rests = digits.replace(b"xxx", b" ")
    return len(digits.split()), (len(digits) - len(rests)) // 2 + len(rests.split())


def _signs(classes: bytes, data: bytes) -> tuple[int, int, int, int]:
    """Rows of signs, pairs and triples of signs, and fours of one and the same sign, which make rules and borders."""
    rules = sum(map(data.count, _RULES)) if b"pppp" in classes else 0
    return _runs(classes, _SIGNS), classes.count(b"pp"), classes.count(b"ppp"), rules


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

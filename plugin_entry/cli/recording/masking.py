"""Texts without their words: fillers for letters and digits, `x` and `0`, byte for byte.

What stays tells how, not what: punctuation, tags of thinking, and in a sentence of a server the words by which the catalogue of errors
knows it.
"""

import re
from collections.abc import Iterable, Iterator

from plugin_entry.cli.recording.finding import Range, View, with_escapes_undone
from translator.failures.catalogue import CATALOGUE

LETTER = re.compile(rb"(?:<|\\u003[cC])/?think(?:ing)?(?:>|\\u003[eE])|\\u[0-9A-Fa-f]{4}|\\.|[A-Za-z]|[0-9]|[\x80-\xff]", re.DOTALL)
LONGEST_SENTENCE = 4000
"""Bytes of a sentence that are looked at."""
LEVELS = 3
"""Times that escapes are undone; servers wrap JSON in JSON."""

WORD = re.compile(r"\w+")
KNOWN: tuple[tuple[re.Pattern[str], frozenset[str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), frozenset(WORD.findall(re.sub(r"\\\w|\?P<\w+>", " ", pattern.lower()))))
    for entry in CATALOGUE
    for pattern in entry.patterns
)
"""A pattern that a refusal is recognised by, and the words it is made of."""
KEYS = re.compile(
    r"\"(error|message|type|code|detail|status|title|n_ctx|n_prompt_tokens)\\*\"\s{0,4}:|^(404 page not found|405 method not allowed)"
)
"""JSON in a text, and what Go's router says."""


def masked(text: bytes, kept: Iterable[Range] = ()) -> bytes:
    """As long as the text. `kept` are ranges that stay."""
    parts, done = list[bytes](), 0
    for start, end in sorted(kept):
        if start >= done:
            parts += (LETTER.sub(_filler, text[done:start]), text[start:end])
            done = end
    return b"".join((*parts, LETTER.sub(_filler, text[done:])))


def _filler(match: re.Match[bytes]) -> bytes:
    piece = match[0]
    if piece.startswith(b"\\u") and len(piece) == 6:
        return piece if int(piece[2:], 16) < 0x30 else b"\\u0078"
    if len(piece) > 1:
        return piece
    return b"0" if piece.isdigit() else b"x"


def known_words(sentence: bytes) -> Iterator[Range]:
    """Where the words stand that the catalogue of errors knows this sentence by."""
    for view in with_escapes_undone(View(sentence[:LONGEST_SENTENCE]), LEVELS):
        text = view.data.decode("latin-1")  # a character per byte
        yield from (view.source(*match.span(match.lastindex or 0)) for match in KEYS.finditer(text))
        for pattern, words in KNOWN:
            for match in pattern.finditer(text):
                for word in WORD.finditer(text, *match.span()):
                    if word[0].lower() in words:
                        yield view.source(*word.span())

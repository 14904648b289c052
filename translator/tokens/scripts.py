"""Which script most of a text is in."""

from collections.abc import Iterable, Mapping

from translator.tokens.features import BYTES, class_counts, sample_of

_SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "Latin": ("capitals", "small letters", "western accents", "eastern accents", "rare Latin", "Vietnamese"),
    "Greek": ("Greek",),
    "Cyrillic": ("Cyrillic", "rare Cyrillic"),
    "Hebrew": ("Hebrew",),
    "Arabic": ("Arabic",),
    "Indic": ("Devanagari", "Bengali", "northern Indic", "Tamil", "southern Indic"),
    "Thai": ("Thai",),
    "Han": ("Han", "Han punctuation"),
    "kana": ("kana", "katakana"),
    "Hangul": ("Hangul",),
    "rare": ("Armenian", "Georgian", "rare", "rare scripts"),
}
_JAPANESE = 0.1
"""Japanese is written in Han and kana; with more kana than this share of both a text is Japanese."""
_LONGEST = 64 * 1024
"""Characters that are looked at."""


def script_of(texts: Iterable[str]) -> str:
    """The script that most bytes of the texts are in; "Latin" for texts without letters."""
    parts, left = [], _LONGEST
    for text in texts:
        parts.append(text[:left])
        left -= len(parts[-1])
        if left <= 0:
            break
    found = class_counts(sample_of(" ".join(parts).encode("utf-8", "surrogatepass")))
    sizes = {script: sum(found[name] * BYTES[name] for name in names) for script, names in _SCRIPTS.items()}
    han, kana = sizes["Han"], sizes["kana"]
    if kana > _JAPANESE * (han + kana):
        sizes |= {"kana": han + kana, "Han": 0}
    return max(sizes, key=sizes.__getitem__)

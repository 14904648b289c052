"""Which paths `.difyignore` leaves out: the part of gitignore's syntax that Dify's packager and this one understand alike.

Patterns with `!` are refused: Dify's packager stops at the first pattern that matches, so an exception would mean one thing there and
another in git.
"""

import re
from collections.abc import Iterator

import attrs

TOKENS: tuple[tuple[str, str], ...] = (
    (r"\*\*/", r"(?:[^/]+/)*"),
    (r"/\*\*$", r"/.+"),
    (r"\*", r"[^/]*"),
    (r"\?", r"[^/]"),
    (r"\[[^\]/]+\]", ""),
    (r".", ""),
)
"""A piece of a pattern and what it stands for; "" means the piece itself, a set of characters as it is, anything else literally."""

PIECES = re.compile("|".join(f"({pattern})" for pattern, _ in TOKENS))


class PatternError(ValueError):
    """A line that packagers understand differently."""


@attrs.frozen(slots=True)
class Ignored:
    """The patterns of one file."""

    _patterns: tuple[re.Pattern[str], ...]

    def __call__(self, path: str) -> bool:
        """Whether a path, relative and with `/`, is left out; a folder ends with `/`."""
        return any(pattern.match(path) for pattern in self._patterns)


def read_patterns(text: str) -> Ignored:
    """Reads a `.difyignore`. Raises PatternError."""
    return Ignored(tuple(re.compile(_expression(pattern)) for pattern in _lines(text)))


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        pattern = line.rstrip()
        if not pattern or pattern.startswith("#"):
            continue
        if pattern.startswith("!") or "\\" in pattern:
            raise PatternError(f"Dify's packager understands the pattern {pattern!r} in another way. Name what is to be left out instead.")
        yield pattern


def _expression(pattern: str) -> str:
    """With a slash in front or inside it counts from the root, else for a name at any depth; a slash at the end means folders."""
    bare = pattern.removesuffix("/")
    start = "" if "/" in bare else r"(?:.*/)?"
    end = "/" if pattern.endswith("/") else r"(?:/|$)"
    return start + "".join(_translated(piece) for piece in PIECES.finditer(bare.removeprefix("/"))) + end


def _translated(piece: re.Match[str]) -> str:
    index = piece.lastindex or len(TOKENS)
    text = piece[0]
    if replacement := TOKENS[index - 1][1]:
        return replacement
    return text.replace("[!", "[^", 1) if text.startswith("[") and len(text) > 1 else re.escape(text)

"""Reads a regular expression as JSON Schema has them (ECMA 262), with what Python's and Rust's add and Pydantic writes.

Read is only what has one meaning in all of them and can be said without looking around: everything else is an UnsupportedPatternError.
"""

import re

import attrs

from translator.schema.char_sets import DIGITS, JSON_ESCAPES, LAST, PLAIN, SPACE, WORD, CharSet, category, complement, intersection, union


class UnsupportedPatternError(ValueError):
    """The pattern is not valid, has several meanings, or cannot be said in a grammar."""


@attrs.frozen(slots=True)
class Chars:
    """One character: one of `plain`, which JSON text holds as it is, or of `escaped`, which it holds after a backslash.

    `is_part`: not all that was meant.
    """

    plain: CharSet
    escaped: frozenset[int] = frozenset()
    is_part: bool = False


@attrs.frozen(slots=True)
class Edge:
    """The beginning or the end of the text."""

    is_end: bool


@attrs.frozen(slots=True)
class Sequence:
    """One after the other."""

    parts: "tuple[Node, ...]"


@attrs.frozen(slots=True)
class Either:
    """One of several."""

    branches: "tuple[Node, ...]"


@attrs.frozen(slots=True)
class Repeat:
    """So many times; `high` None is without end."""

    node: "Node"
    low: int
    high: int | None


type Node = Chars | Edge | Sequence | Either | Repeat

ANY = Chars(PLAIN)
"""Quotes, backslashes and control characters are left out of what is not listed: a model would end the string with them."""

_CLASSES: dict[str, CharSet] = {"d": DIGITS, "w": WORD, "s": SPACE}
_CONTROLS: dict[str, int] = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_EDGES: dict[str, Edge] = {"^": Edge(is_end=False), "$": Edge(is_end=True)}
_EDGE_ESCAPES: dict[str, Edge] = {"A": Edge(is_end=False), "Z": Edge(is_end=True), "z": Edge(is_end=True)}
_COUNT = re.compile(r"\{(\d{1,9})(,(\d{0,9}))?\}", re.ASCII)
_GROUP = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>)", re.ASCII)
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}|U([0-9A-Fa-f]{8})")
_PROPERTY = re.compile(r"([pP])(?:\{([A-Za-z_=]+)\}|([A-Z]))")
_MAX_DEPTH = 40


def read_pattern(pattern: str) -> Node:
    """The whole pattern. Raises UnsupportedPatternError."""
    reader = _Reader(pattern)
    node = reader.choice(0)
    if reader.at < len(pattern):
        raise UnsupportedPatternError(pattern)
    return node


@attrs.define(slots=True)
class _Reader:
    text: str
    at: int = 0

    def choice(self, depth: int) -> Node:
        if depth > _MAX_DEPTH:
            raise UnsupportedPatternError("too deep")
        branches = [self._sequence(depth)]
        while self._take("|"):
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self._repeated(self._item(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _item(self, depth: int) -> Node:
        char = self._next()
        if char == "(":
            return self._group(depth)
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in _EDGES:
            return _EDGES[char]
        if char in "*+?" or (char == "{" and _COUNT.match(self.text, self.at - 1)) or self.text.startswith("{,", self.at - 1):
            raise UnsupportedPatternError("nothing to repeat")
        return ANY if char == "." else _listed(ord(char))

    def _group(self, depth: int) -> Node:
        if self.text.startswith("?", self.at):
            opened = _GROUP.match(self.text, self.at)
            if opened is None:
                raise UnsupportedPatternError("look-around and other groups")
            self.at = opened.end()
        node = self.choice(depth + 1)
        if not self._take(")"):
            raise UnsupportedPatternError("a group without an end")
        return node

    def _repeated(self, node: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return node
        low, high = bounds
        if isinstance(node, Edge) or (high is not None and high < low):
            raise UnsupportedPatternError("bounds")
        self._take("?")  # lazy or not, the whole text has to fit
        if self.text[self.at : self.at + 1] in ("*", "+", "?") or self._bounds() is not None:
            raise UnsupportedPatternError("repeated twice")
        return Repeat(node, low, high)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._take(sign):
                return bounds
        count = _COUNT.match(self.text, self.at)
        if count is None:
            return None
        self.at = count.end()
        low = int(count[1])
        return low, (low if count[2] is None else int(count[3]) if count[3] else None)

    def _escape(self) -> Node:
        char = self.text[self.at : self.at + 1]
        if char in _EDGE_ESCAPES:
            self.at += 1
            return _EDGE_ESCAPES[char]
        if char == "b":
            raise UnsupportedPatternError("a word boundary")
        return self._escaped()

    def _escaped(self) -> Chars:
        """After the backslash, in a class and outside."""
        if found := _HEX.match(self.text, self.at):
            self.at = found.end()
            return _listed(int(found[found.lastindex or 0], 16))
        if found := _PROPERTY.match(self.text, self.at):
            self.at = found.end()
            return _of_property(found[2] or found[3], is_negated=found[1] == "P")
        char = self._next()
        if char.lower() in _CLASSES:
            chars = _CLASSES[char.lower()]
            return _from(chars) if char.islower() else Chars(intersection(complement(chars), PLAIN))
        if char in _CONTROLS:
            return _listed(_CONTROLS[char])
        if char.isalnum() or char == "_":
            raise UnsupportedPatternError("a back-reference, or an escape that not everybody knows")
        return _listed(ord(char))

    def _class(self) -> Node:
        is_negated = self._take("^")
        if self.text.startswith("]", self.at):
            raise UnsupportedPatternError("an empty class, or one with a bracket")
        members: list[Chars] = []
        while not self._take("]"):
            members.append(self._member())
        plain, escaped = union(*(member.plain for member in members)), frozenset[int]().union(*(member.escaped for member in members))
        is_part = any(member.is_part for member in members)
        if is_negated and is_part:
            raise UnsupportedPatternError("everything but a property of Unicode")
        if is_negated:
            taken = union(plain, ((point, point) for point in escaped))
            return Chars(intersection(complement(taken), PLAIN))
        return Chars(plain, escaped, is_part)

    def _member(self) -> Chars:
        low = self._single()
        first = _only(low)
        if first is None or not self.text.startswith("-", self.at) or self.text.startswith("-]", self.at):
            return low
        self.at += 1
        last = _only(self._single())
        if last is None or first > last:
            raise UnsupportedPatternError("a range")
        return _from(((first, last),))

    def _single(self) -> Chars:
        char = self._next()
        if char != "\\":
            return _listed(ord(char))
        return _listed(0x08) if self._take("b") else self._escaped()

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise UnsupportedPatternError("it ends too early")
        self.at += 1
        return self.text[self.at - 1]

    def _take(self, char: str) -> bool:
        if not self.text.startswith(char, self.at):
            return False
        self.at += 1
        return True


def _listed(point: int) -> Chars:
    if point > LAST or 0xD800 <= point <= 0xDFFF:
        raise UnsupportedPatternError("half a character")
    return _from(((point, point),))


def _from(chars: CharSet) -> Chars:
    """What was listed on purpose, so that quotes and backslashes in it are meant."""
    escaped = frozenset(point for point in JSON_ESCAPES for low, high in chars if low <= point <= high)
    return Chars(intersection(chars, PLAIN), escaped)


def _of_property(name: str, *, is_negated: bool) -> Chars:
    chars = category(name)
    if chars is None or is_negated:
        raise UnsupportedPatternError("a property of Unicode")
    return Chars(intersection(chars, PLAIN), is_part=True)


def _only(chars: Chars) -> int | None:
    """The code point, if it is one."""
    points = [*chars.escaped, *(low for low, high in chars.plain if low == high)]
    return points[0] if len(points) == 1 and len(chars.plain) + len(chars.escaped) == 1 else None

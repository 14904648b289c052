"""JSON Schema `pattern` as the server's grammar converter takes it, with the same meaning inside of JSON text.

The converter (llama.cpp common/json-schema-to-grammar.cpp, _visit_pattern) copies a pattern into a grammar and knows little of patterns. Of
classes such as `\\d` and of escaped punctuation it makes a grammar that cannot be parsed: 0.33 refuses the request, 0.24 ends the model's
process (`format-pattern-backslash-d`). `.` and negated classes match the quote that ends the string (`format-pattern-dot-breaks-json`). So
patterns are written anew with what it reads in one way only: `^`, `$`, groups, `|`, classes of ranges, literals, `*`, `+`, `?` and `{m,n}`.
"""

from collections.abc import Iterator

import attrs

from translator.schema.char_sets import JSON_ESCAPES, CharSet
from translator.schema.pattern_syntax import ANY, Chars, Edge, Either, Node, Repeat, Sequence, UnsupportedPatternError, read_pattern

MOST_TIMES = 1999
"""The grammar parser refuses 2,000 repetitions (llama.cpp src/llama-grammar.cpp, MAX_REPETITION_THRESHOLD; 0.24.0 ends the process)."""
_LONGEST = 8000
_MOST_BRANCHES = 32
_AROUND = Repeat(ANY, 0, None)
_SIGNS: dict[tuple[int, int | None], str] = {(1, 1): "", (0, 1): "?", (0, None): "*", (1, None): "+"}
_LITERAL = frozenset(" !#%&',/:;<=>@_`~-")
"""Punctuation that means nothing to the converter or the grammar where it stands in a literal."""


@attrs.frozen(slots=True, kw_only=True)
class GrammarPattern:
    """A pattern to send. `with_lengths`: it says the wanted lengths as well."""

    text: str
    with_lengths: bool


def grammar_pattern(pattern: str, shortest: int = 0, longest: int | None = None) -> GrammarPattern:
    """What a text has to be as a whole for `pattern` to be found in it, and for its length if that can be said.

    Lengths are characters. Raises UnsupportedPatternError.
    """
    if len(pattern) > _LONGEST:
        raise UnsupportedPatternError("too long")
    node = _whole(read_pattern(pattern))
    bounds = _lengths(node)
    with_lengths = bounds[0] >= shortest and (longest is None or (bounds[1] is not None and bounds[1] <= longest))
    if not with_lengths and isinstance(node, Repeat) and isinstance(node.node, Chars):
        node = _within(node, shortest, longest)
        with_lengths = True
    text = f"^({_written(node)})$" if isinstance(node, Either) else f"^{_written(node)}$"
    if len(text) > _LONGEST:
        raise UnsupportedPatternError("too long")
    return GrammarPattern(text=text, with_lengths=with_lengths)


def _within(node: Repeat, shortest: int, longest: int | None) -> Repeat:
    high = node.high if longest is None or (node.high is not None and node.high < longest) else longest
    if high is not None and high < max(node.low, shortest):
        raise UnsupportedPatternError("no text fits")
    return Repeat(node.node, max(node.low, shortest), high)


# --- edges: a pattern is found anywhere, a grammar is the whole text -------------------------------------------------------------


def _whole(node: Node) -> Node:
    if not _has_edge(node):
        return Sequence((_AROUND, node, _AROUND))
    branches = [_closed(parts) for parts in _branches(node)]
    return branches[0] if len(branches) == 1 else Either(tuple(branches))


def _branches(node: Node) -> list[tuple[Node, ...]]:
    """The alternatives of a node, as far as edges stand in them; first and last part of each are no choices with edges."""
    match node:
        case Either(branches) if _has_edge(node):
            found = [parts for branch in branches for parts in _branches(branch)]
        case Sequence((first, *middle, last)) if _has_edge(node):
            found = [(*head, *middle, *tail) for head in _branches(first) for tail in _branches(last)]
        case _:
            found = [(node,)]
    if len(found) > _MOST_BRANCHES:
        raise UnsupportedPatternError("too many alternatives")
    return found


def _closed(parts: tuple[Node, ...]) -> Node:
    inner = list(parts)
    while inner and inner[0] == Edge(is_end=False):
        inner.pop(0)
    is_open_before = len(inner) == len(parts)
    before = len(inner)
    while inner and inner[-1] == Edge(is_end=True):
        inner.pop()
    is_open_after = len(inner) == before
    if any(map(_has_edge, inner)):
        raise UnsupportedPatternError("an edge in the middle")
    closed = (*([_AROUND] if is_open_before else ()), *inner, *([_AROUND] if is_open_after else ()))
    return closed[0] if len(closed) == 1 else Sequence(closed)


def _has_edge(node: Node) -> bool:
    return any(isinstance(each, Edge) for each in _walk(node))


def _walk(node: Node) -> Iterator[Node]:
    yield node
    match node:
        case Sequence(inner) | Either(inner):
            for each in inner:
                yield from _walk(each)
        case Repeat(inner):
            yield from _walk(inner)


# --- lengths ---------------------------------------------------------------------------------------------------------------------


def _lengths(node: Node) -> tuple[int, int | None]:
    """Characters of the shortest and the longest text."""
    match node:
        case Chars():
            return 1, 1
        case Sequence(parts):
            lows, highs = zip(*map(_lengths, parts), strict=True) if parts else ((), ())
            return sum(lows), None if None in highs else sum(highs)
        case Either(branches):
            lows, highs = zip(*map(_lengths, branches), strict=True)
            return min(lows), None if None in highs else max(highs)
        case Repeat(inner, low, high):
            shortest, longest = _lengths(inner)
            return shortest * low, 0 if high == 0 or longest == 0 else None if high is None or longest is None else longest * high
        case Edge():
            return 0, 0


# --- the converter's dialect -----------------------------------------------------------------------------------------------------


def _written(node: Node) -> str:
    match node:
        case Chars():
            return _chars(node)
        case Sequence(parts):
            return "".join(f"({_written(part)})" if isinstance(part, Either) else _written(part) for part in parts)
        case Either(branches):
            return "|".join(map(_written, branches))
        case Repeat():
            return _repeat(node)
        case Edge():
            raise UnsupportedPatternError("an edge in the middle")


def _chars(node: Chars) -> str:
    plain = _class(node.plain) if node.plain else ""
    escaped = "".join(_spelled(ord(JSON_ESCAPES[point])) for point in sorted(node.escaped))
    if not escaped:
        if not plain:
            raise UnsupportedPatternError("no character of JSON text")
        return plain
    return f"({plain}|[\\x5C][{escaped}])" if plain else f"([\\x5C][{escaped}])"


def _repeat(node: Repeat) -> str:
    inner, low, high = node.node, node.low, node.high
    if high is None and _lengths(inner)[0] == 0:
        inner, low = _not_empty(inner), 0  # a repeated part that may be empty is a left recursion to the grammar
    if high == 0 or inner == Either(()):
        return ""
    if max(low, high or 0) > MOST_TIMES:
        raise UnsupportedPatternError("too many repetitions")
    item = _written(inner)
    item = item if isinstance(inner, Chars) else f"({item})"
    sign = _SIGNS.get((low, high))
    if (sign is not None or high is None) and _rules(inner) > MOST_TIMES:
        raise UnsupportedPatternError("too many repetitions in each other")
    if sign is not None:
        return item + sign
    if high is None:
        return f"{item}{{{low}}}{item}*"
    return f"{item}{{{low}}}" if low == high else f"{item}{{{low},{high}}}"


def _rules(node: Node) -> int:
    """At most so many rules the grammar parser makes of a node. It refuses a group with a sign that holds too many, and counts a group with
    numbers as one, since the converter gives that a name.
    """
    match node:
        case Repeat(inner, low, high):
            is_named = high is not None and (low, high) not in _SIGNS
            return 2 + (1 if high is None else high - low) + (0 if is_named else _rules(inner))
        case Sequence(inner) | Either(inner):
            return 1 + sum(map(_rules, inner))
        case _:
            return 1


def _not_empty(node: Node) -> Node:
    """A node without the empty text that means the same when it is repeated without end."""
    if _lengths(node)[0] > 0:
        return node
    match node:
        case Sequence(inner) | Either(inner):
            cores = tuple(core for each in inner if (core := _not_empty(each)) != Either(()))
            return cores[0] if len(cores) == 1 else Either(cores)
        case Repeat(inner, _, high) if high != 0:
            return _not_empty(inner)
        case _:
            return Either(())


def _class(chars: CharSet) -> str:
    if len(chars) == 1 and chars[0][0] == chars[0][1] and _is_literal(chr(chars[0][0])):
        return chr(chars[0][0])
    return f"[{''.join(_spelled(low) if low == high else f'{_spelled(low)}-{_spelled(high)}' for low, high in chars)}]"


def _is_literal(char: str) -> bool:
    return (char.isascii() and char.isalnum()) or char in _LITERAL


def _spelled(point: int) -> str:
    """In a class of the grammar, which has escapes of its own."""
    if chr(point).isascii() and chr(point).isalnum():
        return chr(point)
    return f"\\x{point:02X}" if point <= 0xFF else f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"

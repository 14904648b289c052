"""What the benchmark prints: tables of lines, each with a figure, what stands beside it, our ratio to each of those, and the goal."""

from collections.abc import Callable, Mapping, Sequence

import attrs


@attrs.frozen(kw_only=True)
class Size:
    """How much is measured. Times in milliseconds."""

    tokens: int = 10_000
    repeats: int = 3
    requests: int = 500
    lengths: Sequence[int] = (100, 1_000, 10_000, 100_000)
    starts: int = 7
    flood: int = 100_000
    firsts: int = 25
    loads: Sequence[tuple[int, int]] = ((1, 20), (10, 20), (50, 20), (100, 20), (200, 20), (500, 20), (1000, 50))
    """Streams at once, and the time between two tokens of each."""
    beside: Sequence[int] = (1, 10, 50, 100, 200, 500)
    """Of these loads the plain plugin has to carry its own share, too; those beyond would take it a minute."""
    load_tokens: int = 100
    crowds: Sequence[int] = (100, 1_000)
    texts: int = 256
    embeddings: int = 7


FULL = Size()
QUICK = Size(
    tokens=2_000,
    repeats=2,
    requests=100,
    lengths=(100, 1_000, 10_000),
    starts=2,
    flood=20_000,
    firsts=9,
    loads=((1, 20), (50, 20)),
    beside=(1, 50),
    load_tokens=60,
    crowds=(100,),
    embeddings=3,
)


@attrs.frozen(kw_only=True)
class Line:
    """One figure. `unit` is said once; `beside` is the same figure of whatever else was measured, by its name."""

    what: str
    ours: float
    unit: str
    beside: Mapping[str, float] = attrs.field(factory=dict)
    goal: str = ""
    more: str = ""


type Section = Callable[[Size], list[Line]]

GAP = "  "
BOUND = "bare"
"""What begins like this has the last columns."""


def text(title: str, lines: Sequence[Line]) -> str:
    """A table as people read it in a terminal: beside each figure, in brackets, ours over it."""
    names = sorted(dict.fromkeys(name for line in lines for name in line.beside), key=lambda name: name.startswith(BOUND))
    rows = [("what", "ours", *names, "goal" if any(line.goal for line in lines) else "", ""), *(_cells(line, names) for line in lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    kept = [at for at, width in enumerate(widths) if width]
    return "\n".join([title, *(GAP + GAP.join(row[at].ljust(widths[at]) for at in kept).rstrip() for row in rows)])


def _cells(line: Line, names: Sequence[str]) -> tuple[str, ...]:
    return line.what, f"{number(line.ours)} {line.unit}".strip(), *(_beside(line, name) for name in names), line.goal, line.more


def _beside(line: Line, name: str) -> str:
    value = line.beside.get(name)
    if value is None:
        return ""
    return f"{number(value)} ({line.ours / value:.2f})" if value else number(value)


def number(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

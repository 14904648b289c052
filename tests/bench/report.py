"""What the benchmark prints: tables of lines, each with a figure, what stands beside it, our ratio to each of those, and the goal."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter

import attrs


@attrs.frozen(kw_only=True)
class Size:
    """How much is measured. Times in milliseconds."""

    tokens: int = 10_000
    repeats: int = 3
    requests: int = 300
    """That are staged one after the other, and that a burst has."""
    rounds: int = 5
    lengths: Sequence[int] = (100, 1_000, 10_000, 100_000, 900_000)
    """Tokens of an answer. One of a million lines ends at the plugin's limit for a reply."""
    histories: Sequence[int] = (10, 100, 1_000, 10_000, 100_000)
    """Messages of a request."""
    starts: int = 7
    flood: int = 100_000
    firsts: int = 25
    loads: Sequence[tuple[int, int]] = ((1, 20), (10, 20), (50, 20), (100, 20), (200, 20), (300, 20), (500, 20), (1000, 50), (2000, 100))
    """Streams at once, and the time between two tokens of each."""
    beside: Sequence[int] = (1, 10, 50, 100, 200, 300, 500)
    """Of these loads the plain plugin has to carry its own share, too; those beyond would take it a minute."""
    load_tokens: int = 100
    vectors: Sequence[tuple[int, int]] = ((2048, 384), (256, 4096))
    """Texts, and the numbers of each vector."""


FULL = Size()
QUICK = Size(
    tokens=2_000,
    repeats=2,
    requests=50,
    rounds=2,
    lengths=(100, 1_000, 10_000),
    histories=(10, 100, 1_000),
    starts=2,
    flood=20_000,
    firsts=9,
    loads=((1, 20), (50, 20)),
    beside=(1, 50),
    load_tokens=60,
    vectors=((256, 384),),
)


@attrs.frozen(kw_only=True)
class Line:
    """One figure. `unit` is said once; `beside` is the same figure of whatever else was measured, by its name.

    A line of one layer has what this layer cannot be better than under the name BOUND.
    """

    what: str
    ours: float
    unit: str
    beside: Mapping[str, float] = attrs.field(factory=dict)
    goal: str = ""
    more: str = ""

    @property
    def over(self) -> float:
        """What is left to the bound."""
        return self.ours - self.beside[BOUND]

    @property
    def times(self) -> float:
        """How many times the bound it is."""
        return self.ours / self.beside[BOUND]


type Section = Callable[[Size], list[Line]]

GAP = "  "
BOUND, BARE = "bound", "bare"
"""What begins like the second has the last columns."""
PER = ("token", "request")


def text(title: str, lines: Sequence[Line]) -> str:
    """A table as people read it in a terminal: beside each figure, in brackets, ours over it."""
    names = sorted(dict.fromkeys(name for line in lines for name in line.beside), key=lambda name: name.startswith(BARE))
    rows = [("what", "ours", *names, "goal" if any(line.goal for line in lines) else "", ""), *(_cells(line, names) for line in lines)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    kept = [at for at, width in enumerate(widths) if width]
    return "\n".join([title, *(GAP + GAP.join(row[at].ljust(widths[at]) for at in kept).rstrip() for row in rows)])


def medians(runs: Sequence[Sequence[Line]]) -> list[Line]:
    """The lines of one section from several runs as one: the median of each figure."""
    return [
        attrs.evolve(
            looks[0],
            ours=statistics.median(line.ours for line in looks),
            beside={name: statistics.median(line.beside[name] for line in looks) for name in looks[0].beside},
        )
        for looks in zip(*runs, strict=True)
    ]


def furthest(lines: Sequence[Line]) -> str:
    """Which layer is furthest from its bound: by what is left, and by how many times it is. Empty when no line has a bound."""
    found = []
    for per in PER:
        bounded = [line for line in lines if BOUND in line.beside and line.unit == f"us/{per}"]
        for how, key in (("", attrgetter("over")), (" by ratio", attrgetter("times"))) if bounded else ():
            line = max(bounded, key=key)
            found.append(f"per {per}{how} {line.what!r} ({number(line.over)} us over its bound, {line.times:.1f} x)")
    return f"Furthest from its bound: {'; '.join(found)}" if found else ""


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

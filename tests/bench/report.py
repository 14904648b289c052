"""What the benchmark prints: tables of lines, each with a figure, what stands beside it, their ratio and the goal for it."""

from collections.abc import Callable, Sequence

import attrs


@attrs.frozen(kw_only=True)
class Size:
    """How much is measured. Times in milliseconds."""

    tokens: int = 10_000
    repeats: int = 3
    lengths: Sequence[int] = (100, 1_000, 10_000, 100_000)
    starts: int = 7
    flood: int = 100_000
    firsts: int = 25
    loads: Sequence[tuple[int, int]] = ((1, 20), (10, 20), (50, 20), (100, 20), (200, 20), (500, 20), (1000, 50))
    """Streams at once, and the time between two tokens of each."""
    beside: Sequence[int] = (50, 500)
    """Of these loads the plain plugin has to carry its own share, too."""
    load_tokens: int = 100
    crowds: Sequence[int] = (100, 1_000)
    texts: int = 256
    embeddings: int = 7


FULL = Size()
QUICK = Size(
    tokens=2_000,
    repeats=2,
    lengths=(100, 1_000, 10_000),
    starts=2,
    flood=20_000,
    firsts=9,
    loads=((1, 20), (50, 20)),
    beside=(50,),
    load_tokens=60,
    crowds=(100,),
    embeddings=3,
)


@attrs.frozen(kw_only=True)
class Line:
    """One figure. `unit` is said once; `beside` is the same figure of what stands beside it."""

    what: str
    ours: float
    unit: str
    beside: float | None = None
    beside_name: str = ""
    goal: str = ""
    more: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.beside if self.beside else None


type Section = Callable[[Size], list[Line]]

WIDTHS = (46, 20, 26, 7, 12)
HEADS = ("what", "ours", "beside", "ratio", "goal")


def text(title: str, lines: Sequence[Line]) -> str:
    """A table as people read it in a terminal."""
    rows = [HEADS, *(_cells(line) for line in lines)]
    return "\n".join([title, *("  " + "".join(cell.ljust(width) for cell, width in zip(row, (*WIDTHS, 0), strict=False)) for row in rows)])


def _cells(line: Line) -> tuple[str, ...]:
    beside = "" if line.beside is None else f"{line.beside_name} {_number(line.beside)} {line.unit}".strip()
    ratio = "" if line.ratio is None else f"{line.ratio:.2f}"
    return line.what, f"{_number(line.ours)} {line.unit}", beside, ratio, line.goal, line.more


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"

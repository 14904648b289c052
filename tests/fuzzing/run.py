"""Plays damaged recordings to the readers and keeps count.

The first case that goes wrong ends the run, with what is needed to see it again. Every case has a generator of its own, so one case can be
repeated without those before it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

import attrs

from fixtures.recordings import every
from tests.fuzzing.mutations import damaged
from tests.fuzzing.readers import READERS, Reader, read_stream

MOST_LINES = 24
"""Of one reply."""
GENERATING = {"/api/chat", "/api/generate"}
SLOWEST_LINE_S = 0.5
"""A line may be long, and a machine busy."""
LONGEST_LINE = 32_768
"""Bytes of a recorded line that is worth damaging: longer ones are vectors."""


class FuzzError(AssertionError):
    """A case that went wrong: the text has seed, number and cause."""


@attrs.define(kw_only=True)
class Figures:
    """What was done. `slowest_s` is the longest time that one case took, per line."""

    cases: int = 0
    lines: int = 0
    bytes: int = 0
    seconds: float = 0.0
    slowest_s: float = 0.0
    slowest_case: int = 0


def recorded_lines() -> dict[str, list[bytes]]:
    """Recorded lines by what they are: `answers` of models, and everything else that a server said."""
    found: dict[str, dict[bytes, None]] = {"answers": {}, "others": {}}
    for exchange in every():
        kind = "answers" if exchange.path in GENERATING and exchange.status == 200 else "others"
        found[kind] |= dict.fromkeys(line for line in exchange.lines if len(line) <= LONGEST_LINE)
    return {kind: list(lines) for kind, lines in found.items()}


def fuzz(lines: int, seed: int, start: int = 0, report: Callable[[Figures], None] = lambda figures: None) -> Figures:
    """Plays cases until so many lines were read. Raises FuzzError with the first that goes wrong."""
    corpus = recorded_lines()
    figures = Figures(cases=start)
    while figures.lines < lines:
        _one(figures, corpus, seed)
        figures.cases += 1
        if figures.cases % 10_000 == 0:
            report(figures)
    return figures


def _one(figures: Figures, corpus: dict[str, list[bytes]], seed: int) -> None:
    chance = Random(f"{seed}/{figures.cases}")
    name, reader, data, count = _case(chance, corpus)
    began = time.perf_counter()
    try:
        reader(data, chance)
    except Exception as error:
        raise FuzzError(f"seed {seed}, case {figures.cases}, {name}: {type(error).__name__}: {error}; {data[:200]!r}") from error
    took = time.perf_counter() - began
    figures.lines += count
    figures.bytes += len(data)
    figures.seconds += took
    if took / count > figures.slowest_s:
        figures.slowest_s, figures.slowest_case = took / count, figures.cases


def _case(chance: Random, corpus: dict[str, list[bytes]]) -> tuple[str, Reader, bytes, int]:
    """Mostly whole answers of a model; else one document for the other readers."""
    if chance.randrange(4):
        lines = list(_answer(chance, corpus))
        return "stream", read_stream, b"\n".join(lines) + chance.choice((b"\n", b"")), len(lines)
    name = chance.choice(tuple(READERS))
    pool = corpus[chance.choice(("others", "others", "answers"))]
    return name, READERS[name], damaged(chance.choice(pool), chance, pool), 1


def _answer(chance: Random, corpus: dict[str, list[bytes]]) -> Iterator[bytes]:
    """Lines of several answers one after the other, some of them damaged; a last line ends it sooner or later."""
    pool: Sequence[bytes] = corpus["answers"]
    for _ in range(chance.randrange(1, MOST_LINES)):
        line = chance.choice(pool)
        yield damaged(line, chance, corpus[chance.choice(("answers", "others"))]) if chance.randrange(3) == 0 else line

"""The cost per token must not grow with the length of an answer, whatever is said in it."""

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from tests.bench.cost import measured
from tests.bench.layers import answered, feed
from tests.bench.replies import LAST, lines, thinking_lines, tool_lines
from tests.bench.report import Line, Size
from tests.bench.route import ScriptedBridge, frames_to_nowhere, way

GOAL = "1.1 at most"
MOST_CALLS = 10_000

type Costs = dict[int, float]
"""Microseconds of CPU per token, by the number of tokens."""


def growth(size: Size) -> list[Line]:
    """Short and long answers, a line a read: the translator, and from the request line to the last frame without the request's own share.

    Beside each stands the answer of the second length.
    """
    made = {
        "translator, text": {tokens: _translator(tokens, size.repeats) for tokens in size.lengths},
        "to frames, text": _to_frames(lines, size),
        "to frames, nine tenths thinking": _to_frames(thinking_lines, size),
        "to frames, a tool call a line": _to_frames(tool_lines, attrs.evolve(size, lengths=_of_calls(size.lengths))),
    }
    return [line for what, costs in made.items() for line in _lines(what, costs, size.lengths[1])]


def _of_calls(lengths: Sequence[int]) -> tuple[int, ...]:
    """All calls of an answer leave in one frame, which has its limit."""
    return tuple(length for length in lengths if length <= MOST_CALLS)


def _translator(tokens: int, repeats: int) -> float:
    return measured(partial(feed, lines(tokens)), tokens, repeats).us_per_token


def _to_frames(spell: Callable[[int], list[bytes]], size: Size) -> Costs:
    """An answer of one line costs what a request costs, which is no token's."""
    request = _way([*spell(1), LAST], size.repeats)
    return {tokens: (_way([*spell(tokens), LAST], size.repeats) - request) / tokens for tokens in size.lengths}


def _way(reads: list[bytes], repeats: int) -> float:
    with way(ScriptedBridge(reads)), frames_to_nowhere():
        return measured(partial(answered, 1), 1, max(repeats, SHORT // len(reads))).us_per_token


SHORT = 1_000
"""Lines; what is shorter is measured more often, as the best run counts."""


def _lines(what: str, costs: Costs, usual: int) -> list[Line]:
    return [
        Line(what=f"{what}, {tokens:,}", ours=cost, unit="us/token", beside={f"{usual:,}": costs[usual]}, goal=GOAL)
        for tokens, cost in costs.items()
    ]

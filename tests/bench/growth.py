"""The cost per token must not grow with the length of an answer."""

from functools import partial

from tests.bench.layers import feed, lines, measured
from tests.bench.report import Line, Size

GOAL = "1.1 at most"


def growth(size: Size) -> list[Line]:
    """The translator, a token a read, for short and long answers; beside each the answer of the second length."""
    costs = {count: measured(partial(feed, lines(count)), count, size.repeats).us_per_token for count in size.lengths}
    usual = costs[size.lengths[1]]
    return [
        Line(what=f"{count:,} tokens", ours=cost, unit="us/token", beside=usual, beside_name=f"{size.lengths[1]:,}:", goal=GOAL)
        for count, cost in costs.items()
    ]

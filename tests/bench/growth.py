"""The cost per token must not grow with the length of an answer, nor the cost per message with that of a conversation."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import attrs

from tests.bench.cost import best_us
from tests.bench.layers import answered
from tests.bench.parsers import MOST_CALLS, feed
from tests.bench.replies import LAST, lines, thinking_lines, tool_lines
from tests.bench.report import Line, Size
from tests.bench.route import ScriptedBridge, frames_to_nowhere, planned_us, request_line, way
from translator.limits import DEFAULT_LIMITS

MOST = 1.1
"""Times the cost at the second length; more is growth."""
SHORT, LONG = 1_000, 100_000
"""Lines or messages: shorter than the first is measured more often, as the best run counts, longer than the second once."""
NO_LIMIT = attrs.evolve(DEFAULT_LIMITS, reply_bytes=DEFAULT_LIMITS.reply_bytes * 2)
MILLION = 1_000_000

type Costs = Mapping[int, float]
"""Microseconds of CPU per token or message, by their number."""


def growth(size: Size) -> list[Line]:
    """Short and long answers, a line a read: the translator, and from the request line to the last frame without the request's own share.

    Then short and long conversations, from the request line to the body. Beside each stands the one of the second length.
    """
    longest = (MILLION,) if max(size.lengths) > MILLION // 2 else ()
    rows: dict[str, Costs] = {"translator, text": {tokens: _translator(tokens, size.repeats) for tokens in (*size.lengths, *longest)}}
    kinds = (("text", lines, MILLION), ("nine tenths thinking", thinking_lines, MILLION), ("tool calls", tool_lines, MOST_CALLS))
    for kind, spell, most in kinds:
        rows[f"to frames, {kind}"] = _to_frames(spell, [length for length in size.lengths if length <= most], size.repeats)
    found = [line for what, costs in rows.items() for line in _lines(what, "token", costs)]
    return [*found, *_lines("request line to body, messages", "message", _requests(size.histories, size.repeats))]


def _translator(tokens: int, repeats: int) -> float:
    return best_us(partial(feed, lines(tokens), NO_LIMIT), _more_often(tokens, repeats)) / tokens


def _to_frames(spell: Callable[[int], list[bytes]], lengths: Sequence[int], repeats: int) -> Costs:
    """An answer of one line costs what a request costs, which is no token's."""
    request = _way([*spell(1), LAST], repeats)
    return {tokens: (_way([*spell(tokens), LAST], repeats) - request) / tokens for tokens in lengths}


def _way(reads: list[bytes], repeats: int) -> float:
    with way(ScriptedBridge(reads)), frames_to_nowhere():
        return best_us(partial(answered, 1), _more_often(len(reads), repeats))


def _requests(histories: Sequence[int], repeats: int) -> Costs:
    """Without what a request of one message costs."""
    with frames_to_nowhere():
        one = planned_us(request_line(), SHORT)
        best = {messages: planned_us(request_line(turns=messages // 2), _more_often(messages, repeats)) for messages in histories}
    return {messages: (us - one) / messages for messages, us in best.items()}


def _more_often(many: int, repeats: int) -> int:
    return max(repeats, SHORT // many) if many <= LONG else 1


def _lines(what: str, unit: str, costs: Costs) -> list[Line]:
    usual = sorted(costs)[min(1, len(costs) - 1)]
    return [
        Line(
            what=f"{what}, {many:,}",
            ours=cost,
            unit=f"us/{unit}",
            beside={"the second": costs[usual]},
            goal=f"{MOST} at most",
            more="GROWS" if many > usual and cost > MOST * costs[usual] else "",
        )
        for many, cost in costs.items()
    ]

"""Fuzzes everything that reads a server: `uv run python -m tests.fuzzing --lines 1000000 --seed N`.

With `--conversations 1000` whole conversations over real sockets instead. Exit code 1 when a case goes wrong.
"""

import argparse
import sys

from tests.fuzzing.run import SLOWEST_LINE_S, Figures, FuzzError, fuzz


def main() -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzzing", description="Damaged recordings through framing, decoding and machine."
    )
    parser.add_argument("--lines", type=int, default=1_000_000, help="how many lines (default: a million)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same cases")
    parser.add_argument("--case", type=int, default=0, help="the case to begin with")
    parser.add_argument("--conversations", type=int, help="how many whole conversations, instead of lines")
    wanted = parser.parse_args()
    try:
        if wanted.conversations:
            return _converse(wanted.conversations, wanted.seed, wanted.case)
        figures = fuzz(wanted.lines, wanted.seed, wanted.case, _report)
    except FuzzError as error:
        print(error)
        return 1
    _report(figures)
    return 1 if figures.slowest_s > SLOWEST_LINE_S else 0


def _converse(count: int, seed: int, start: int) -> int:
    import dify_plugin  # patches the process, as it does in the plugin

    from tests.fuzzing.conversations import StrayAnswerError, fuzz_conversations

    assert dify_plugin
    try:
        print(fuzz_conversations(count, seed, start))
    except StrayAnswerError as error:
        print(error)
        return 1
    return 0


def _report(figures: Figures) -> None:
    per_line_us, slowest_ms = 1e6 * figures.seconds / max(1, figures.lines), 1000 * figures.slowest_s
    print(
        f"{figures.lines:,} lines in {figures.cases:,} cases, {figures.bytes / 1e6:,.0f} MB, {figures.seconds:.1f} s of reading, "
        f"{per_line_us:.0f} us per line, slowest {slowest_ms:.0f} ms (case {figures.slowest_case})"
    )


sys.exit(main())

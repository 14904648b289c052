"""Prints the fault matrix and whether it is true: `uv run python -m tests.faults [NAME ...]`, for all or some faults.

Exit code 1 if a cell differs from the table.
"""

import sys
from collections.abc import Iterable

import dify_plugin  # noqa: F401  # patches the process for gevent, before anything uses sockets

from plugin_entry.serving.chat import BRIDGE
from tests.faults.cells import Cell, Fault, Kind, NotApplicable, cells_of
from tests.faults.faults import FAULTS
from tests.faults.run import run
from tests.faults.summary import Summary, class_of, delivered, summaries
from tests.faults.verdict import complaints

WIDTHS = (28, 32, 26)


def main(names: list[str]) -> int:
    """Gives the exit code."""
    wanted = [fault for fault in FAULTS if not names or fault.name in names]
    cells = [cell for fault in wanted for cell in cells_of(fault)]
    seen = run(cells)
    BRIDGE.close()
    wrong = {cell.name: found for cell in cells if (found := complaints(cell, seen[cell.name]))}
    section = ""
    for summary in summaries(wanted):
        if summary.faults[0].section != section:
            section = summary.faults[0].section
            print(f"\n{section}\n{'=' * len(section)}")
        _print(summary, wrong)
    print(f"\n{len(wanted)} faults, {len(cells)} cells, {len(wrong)} different from the table")
    return 1 if wrong or not cells else 0


def _print(summary: Summary, wrong: dict[str, list[str]]) -> None:
    print(f"\n{summary.title}: {summary.says}")
    lines: dict[tuple[str, ...], list[str]] = {}
    for kind in Kind:
        lines.setdefault(_outcome(summary, kind), []).append(kind.value)
    for outcome, kinds in lines.items():
        print("  " + " ".join(text.ljust(width) for text, width in zip((", ".join(kinds), *outcome), WIDTHS, strict=False)), *outcome[2:])
    for cell in _cells(summary.faults):
        for complaint in wrong.get(cell.name, ()):
            print(f"  WRONG {cell.name}: {complaint}")


def _outcome(summary: Summary, kind: Kind) -> tuple[str, ...]:
    expected = summary.expected[kind]
    if isinstance(expected, NotApplicable):
        return (f"does not apply: {expected.reason}",)
    before = delivered(expected)
    return class_of(kind, expected) or "works", expected.code, f"a stream gave {before} before" if before else ""


def _cells(faults: Iterable[Fault]) -> Iterable[Cell]:
    return (cell for fault in faults for cell in cells_of(fault))


sys.exit(main(sys.argv[1:]))

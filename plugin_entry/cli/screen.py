"""Where the commands write: text on the standard output, at once, so that an answer is seen while it is written.

`rich` colours it where it is installed and the output is a terminal. Without it, or with `plain`, the same words come out bare.
"""

import re
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum

import attrs

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""What a model says must not steer the terminal; line feed and tab are harmless."""

type Write = Callable[[str, "Look"], None]


class Look(StrEnum):
    """What a piece of text is; the value is its style in `rich`."""

    PLAIN = ""
    THOUGHT = "dim italic"
    QUIET = "dim"
    TITLE = "bold cyan"
    USER = "bold"
    TOOL = "magenta"
    GOOD = "green"
    BAD = "bold red"


@attrs.define(slots=True)
class Screen:
    """Remembers whether the cursor stands at the beginning of a line, and nothing else."""

    _write: Write
    _fresh: bool = attrs.field(default=True, init=False)

    def piece(self, text: str, look: Look = Look.PLAIN) -> None:
        """Text as it arrives, without a line end of its own."""
        if text:
            self._write(CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text), look)
            self._fresh = text.endswith("\n")

    def line(self, text: str = "", look: Look = Look.PLAIN) -> None:
        """A line of its own."""
        self.fresh_line()
        self.piece(text, look)
        self.piece("\n")

    def fresh_line(self) -> None:
        """Goes to the beginning of a line."""
        if not self._fresh:
            self.piece("\n")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Left-aligned columns under headings."""
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        self._row(headings, widths, Look.QUIET)
        for row in rows:
            self._row(row, widths, Look.PLAIN)

    def _row(self, cells: Sequence[str], widths: Sequence[int], look: Look) -> None:
        self.line("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip(), look)


def open_screen(*, plain: bool = False) -> Screen:
    """The screen of this process: coloured in a terminal that has `rich`, else plain."""
    coloured = None if plain or not sys.stdout.isatty() else _coloured()
    return Screen(coloured or _plain)


def _plain(text: str, _: Look) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _coloured() -> Write | None:
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def write(text: str, look: Look) -> None:
        console.print(text, style=look.value or None, end="")

    return write

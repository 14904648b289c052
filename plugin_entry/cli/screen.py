"""Where the commands write: text on the standard output, at once, so that an answer is seen while it is written.

`rich` colours it where it is installed and the output is a terminal. Without it, or with `plain`, the same words come out bare. What is
waited for is shown by a spinner in such a terminal, and else by a line on the standard error.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from rich.status import Status

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
    """Knows whether the cursor stands at the beginning of a line, and what is waited for."""

    _write: Write
    _new_spinner: "Callable[[str], Status] | None" = None
    _fresh: bool = attrs.field(default=True, init=False)
    _look: Look = attrs.field(default=Look.PLAIN, init=False)
    _spinner: "Status | None" = attrs.field(default=None, init=False)

    def piece(self, text: str, look: Look = Look.PLAIN) -> None:
        """Text as it arrives, without a line end of its own."""
        if not text:
            return
        if self._spinner is not None:
            self._spinner.stop()
        self._write(CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text), look)
        self._fresh, self._look = text.endswith("\n"), look
        if self._spinner is not None and self._fresh:
            self._spinner.start()

    def line(self, text: str = "", look: Look = Look.PLAIN) -> None:
        """A line of its own."""
        self.fresh_line()
        self.piece(f"{text}\n", look)

    def fresh_line(self) -> None:
        """Goes to the beginning of a line. The end of a line goes where the line went."""
        if not self._fresh:
            self.piece("\n", self._look)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Left-aligned columns under headings."""
        widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
        for number, row in enumerate((headings, *rows)):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line("  ".join(cells).rstrip(), Look.PLAIN if number else Look.QUIET)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Shows what is waited for, between the lines that are written meanwhile."""
        self.fresh_line()
        if self._new_spinner is None:
            print(f"{what} ...", file=sys.stderr, flush=True)
            yield
            return
        self._spinner = self._new_spinner(what)
        self._spinner.start()
        try:
            yield
        finally:
            self._spinner.stop()
            self._spinner = None


def open_screen(*, plain: bool = False, answers_alone: bool = False) -> Screen:
    """The screen of this process: coloured in a terminal that has `rich`, else plain.

    With `answers_alone`, only text of the look PLAIN goes to the standard output, and all other to the standard error.
    """
    if answers_alone:
        return Screen(lambda text, look: _put(sys.stdout if look is Look.PLAIN else sys.stderr, text))
    coloured = None if plain or not sys.stdout.isatty() else _coloured()
    return coloured or Screen(lambda text, _: _put(sys.stdout, text))


def silent_screen() -> Screen:
    """Shows only what is waited for: for commands whose standard output is one document."""
    return Screen(lambda _, __: None)


def write_json(document: Any) -> None:
    """The one document of a command, for programs."""
    _put(sys.stdout, json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def _put(stream: IO[str], text: str) -> None:
    stream.write(text)
    stream.flush()


def _coloured() -> Screen | None:
    try:
        from rich.console import Console
    except ImportError:
        return None
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def write(text: str, look: Look) -> None:
        console.print(text, style=look.value or None, end="")

    return Screen(write, console.status)

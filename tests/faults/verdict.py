"""Whether a cell came out as the table says, and whether what holds for all cells holds for it.

That a stream ends in one of two ways only, and
with every think block closed, is checked while it is read (`transcript.py`).
"""

from collections.abc import Iterator

from tests.faults.cells import CHECK_CLASS, CLASSES, Cell, Kind
from tests.faults.run import LEFT_WITHIN_S, SECRETS, Observed

READABLE = {*CLASSES.values(), CHECK_CLASS, ""}
"""The classes whose text Dify shows."""
MOST_TRIES = 5
"""A request is sent again twice at most; embedding has ways of its own to find the text that fails."""
NEVER_REPEATED = {"first_byte_timeout", "stalled", "cut_short", "garbled_line", "line_too_long"}
"""After these the request may have run, or runs still."""
LIMITED = {"connect_timeout", "first_byte_timeout", "stalled"}


def complaints(cell: Cell, seen: Observed) -> list[str]:
    """What is wrong, in sentences."""
    return [*_against_the_table(cell, seen), *_against_all(cell, seen)]


def _against_the_table(cell: Cell, seen: Observed) -> Iterator[str]:
    wanted = (cell.error_class, cell.expected.code, cell.expected.delivered)
    got = (seen.error_class, seen.code, seen.delivered)
    if got != wanted:
        yield f"expected {_told(wanted)}, got {_told(got)} {seen.said[:300]}"


def _against_all(cell: Cell, seen: Observed) -> Iterator[str]:
    if seen.error_class not in READABLE:
        yield f"Dify does not show the text of {seen.error_class}"
    if seen.code and cell.fault.names.casefold() not in seen.said.casefold():
        yield f"the error does not name {cell.fault.names}: {seen.said}"
    if any(secret in seen.trace for secret in SECRETS):
        yield "the error holds a key, a prompt, a password or the value of a header"
    if (
        seen.code in LIMITED
        and cell.operation.kind is not Kind.VALIDATE
        and not any(f"within {limit} s" in seen.said for limit in _limits(cell))
    ):
        yield f"the error does not name the limit that ran out: {seen.said}"
    if (seen.delivered or seen.code in NEVER_REPEATED) and seen.code and seen.tries > 1:
        yield f"the request was sent {seen.tries} times although it may have run"
    if seen.tries > MOST_TRIES:
        yield f"the request was sent {seen.tries} times"
    if not seen.is_left_alone:
        yield f"the connection was still used {LEFT_WITHIN_S:g} seconds after the call"


def _limits(cell: Cell) -> list[str]:
    return [value for name, value in cell.fault.saved.items() if name.endswith("_timeout")]


def _told(outcome: tuple[str, str, str]) -> str:
    return " ".join(filter(None, outcome)) or "nothing"

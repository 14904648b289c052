"""The one good end without `done`, told apart from every other end."""

import pytest

from translator.response.stream import Repetition


def aborted(pieces: list[str]) -> bool:
    guard = Repetition()
    for piece in pieces:
        guard.note(piece)
    return guard.aborted


CASES = {
    "31 equal pieces": ([" again"] * 31, True),
    "30 equal pieces": ([" again"] * 30, False),
    "compared without white space": (["a ", " a", "\na"] * 11, True),
    "blank pieces": (["\n"] * 31, True),
    "interrupted": ([" a"] * 30 + [" b"] + [" a"] * 5, False),
    "text before it": (["Once", " upon"] + [" a"] * 31, True),
    "one piece, repeated": (["Again" + " again" * 31], True),
    "one piece, repeated too little": (["x" + " again" * 30], False),
    "one piece of line breaks": (["\n" * 31], True),
    "one piece of prose": (["The quick brown fox. " * 3], False),
    "nothing": ([], False),
    "one empty piece": ([""], False),
}


@pytest.mark.parametrize(("pieces", "expected"), CASES.values(), ids=CASES.keys())
def test_aborted(pieces: list[str], expected: bool) -> None:
    assert aborted(pieces) is expected


HOSTILE = {"a": "a" * 100_000 + "b", "ab": "ab" * 50_000 + "c", "blank": " " * 100_000 + "x", "mixed": "\n a" * 30_000 + "!"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_that_repeats_is_no_abort(text: str) -> None:
    assert aborted([text]) is False

"""How much came: bytes to the byte, and the one good end without `done` told apart from every other end."""

import pytest

from translator.limits import Limits
from translator.response.lines import OF_A_CALL, Tally
from translator.shapes.wire import WireFunctionCall, WireToolCall


def repeats(pieces: list[str]) -> bool:
    tally = Tally(Limits(answer_bytes=10**9))
    for piece in pieces:
        tally.count_piece(piece)
    return tally.repeats


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
def test_repeats(pieces: list[str], expected: bool) -> None:
    assert repeats(pieces) is expected


HOSTILE = {"a": "a" * 100_000 + "b", "ab": "ab" * 50_000 + "c", "blank": " " * 100_000 + "x", "mixed": "\n a" * 30_000 + "!"}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_that_repeats_is_no_repetition(text: str) -> None:
    assert repeats([text]) is False


@pytest.mark.parametrize(("name", "identity"), [("f", ""), ("f" * 50, "i" * 50)], ids=["short", "a long name and id"])
def test_calls_count_with_their_names_and_ids(name: str, identity: str) -> None:
    """However little it says, a call takes memory."""
    tally = Tally(Limits(answer_bytes=200))
    call = WireToolCall(id=identity, function=WireFunctionCall(name=name, arguments={"x": ""}))
    said = len('{"x":""}') + len(f'"{name}"') + len(f'"{identity}"') + OF_A_CALL
    assert tally.count_calls((call,)) is (said <= 200)
    assert tally.said == said

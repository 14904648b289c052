"""Literal think tags: found whatever the cut, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.response.tags import CLOSE, OPEN, TagSplitter
from translator.shapes.events import Event, WireEvent

WORDS = st.lists(st.sampled_from([OPEN, CLOSE, "<", "</", "think", ">", "a", "<b>", "\n", "<thin", "</think", "<<think>"]), max_size=12)


def split(parts: list[str]) -> list[tuple[Event, str]]:
    splitter = TagSplitter()
    pieces = [piece for part in parts for piece in splitter.feed(part)] + splitter.flush()
    return joined(pieces)


def joined(pieces: list[WireEvent]) -> list[tuple[Event, str]]:
    result: list[tuple[Event, str]] = []
    for piece in pieces:
        if piece.kind is Event.TEXT and result and result[-1][0] is Event.TEXT:
            result[-1] = (Event.TEXT, result[-1][1] + piece.text)
        else:
            result.append((piece.kind, piece.text))
    return result


CASES = {
    "no tag": (["plain"], [(Event.TEXT, "plain")]),
    "a pair": (
        ["a<think>b</think>c"],
        [(Event.TEXT, "a"), (Event.TAG_OPEN, OPEN), (Event.TEXT, "b"), (Event.TAG_CLOSE, CLOSE), (Event.TEXT, "c")],
    ),
    "cut in the tag": (["<th", "ink", ">b"], [(Event.TAG_OPEN, OPEN), (Event.TEXT, "b")]),
    "almost a tag": (["<thinker>"], [(Event.TEXT, "<thinker>")]),
    "less than": (["1 < 2"], [(Event.TEXT, "1 < 2")]),
    "held at the end": (["a</thi"], [(Event.TEXT, "a</thi")]),
    "twice the sign": (["<", "<think>"], [(Event.TEXT, "<"), (Event.TAG_OPEN, OPEN)]),
}


@pytest.mark.parametrize(("parts", "pieces"), CASES.values(), ids=CASES.keys())
def test_pieces(parts: list[str], pieces: list[tuple[Event, str]]) -> None:
    assert split(parts) == pieces


@given(WORDS, st.randoms(use_true_random=False))
def test_any_cut_gives_the_same_pieces_and_loses_nothing(words: list[str], random: object) -> None:
    text = "".join(words)
    whole = split([text])
    assert split(list(text)) == whole
    assert split(words) == whole
    assert "".join(piece for _, piece in whole) == text
    assert all(OPEN not in piece and CLOSE not in piece for kind, piece in whole if kind is Event.TEXT)


def test_text_that_cannot_be_a_tag_is_not_held_back() -> None:
    splitter = TagSplitter()
    assert joined(splitter.feed("a <b> c")) == [(Event.TEXT, "a <b> c")]

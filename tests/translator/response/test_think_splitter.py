"""The splitter gives what the reply machine gives, for text that no Ollama sent."""

import pytest

from translator.response.tags import MARKERS
from translator.response.think_splitter import PieceKind, ThinkSplitter

type Parts = list[tuple[PieceKind, str]]


def split(text: str, size: int, thinks: bool = False) -> Parts:
    """The parts of a text that comes in pieces of one size, neighbours of one kind joined."""
    splitter = ThinkSplitter(thinks=thinks)
    pieces = [piece for at in range(0, len(text), size) for piece in splitter.feed(text[at : at + size])] + splitter.end()
    joined: Parts = []
    for kind, piece in pieces:
        if joined and joined[-1][0] == kind:
            joined[-1] = (kind, joined[-1][1] + piece)
        else:
            joined.append((kind, piece))
    return joined


CASES: dict[str, Parts] = {
    "<think>\nHm.</think>\n\nSo it is.": [("thinking", "Hm."), ("text", "\n\nSo it is.")],
    "  <think>a</think>b": [("text", "  "), ("thinking", "a"), ("text", "b")],
    "No thinking, and `<think>` is a tag.": [("text", "No thinking, and `<think>` is a tag.")],
    "<think></think>Empty.": [("text", "Empty.")],
    "<think>never closed": [("thinking", "never closed")],
    "ends with <thi": [("text", "ends with <thi")],
    "": [],
}


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("text", CASES)
def test_cuts_do_not_matter(text: str, size: int) -> None:
    assert split(text, size) == CASES[text]


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.opens)
def test_every_family_is_known(marker: object) -> None:
    opens, closes = marker.opens, marker.closes  # type: ignore[attr-defined]  # a Marker, which the decorator does not say
    assert split(f"{opens}Hm.{closes}So.", 3) == [("thinking", "Hm."), ("text", "So.")]


def test_a_later_tag_is_thinking_only_of_a_model_that_thinks() -> None:
    text = "One. <think>Hm.</think>Two."
    assert split(text, 5) == [("text", text)]
    assert split(text, 5, thinks=True) == [("text", "One. "), ("thinking", "Hm."), ("text", "Two.")]


def test_what_is_certain_does_not_wait() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("<think>I wonder") == [("thinking", "I wonder")]
    assert splitter.feed(" why</th") == [("thinking", " why")]
    assert splitter.feed("ink>Be") == [("text", "Be")]
    assert splitter.feed("cause") == [("text", "cause")]


def test_after_the_end_there_is_nothing() -> None:
    splitter = ThinkSplitter()
    assert splitter.feed("<thi") == []
    assert splitter.end() == [("text", "<thi")]
    assert splitter.feed("more") == []
    assert splitter.end() == []

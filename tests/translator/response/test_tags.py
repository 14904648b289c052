"""Literal think tags: found whatever the cut, and nothing else is touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.response.tags import CLOSE, MARKERS, NATIVE, OPEN, Marker, TagSplitter
from translator.shapes.events import Event, Reading

WORDS = st.lists(
    st.sampled_from([OPEN, CLOSE, "<", "</", "think", ">", "a", "<b>", "\n", "<thin", "</think", "<<think>", "`", "```", " ", "[THINK]"]),
    max_size=14,
)
type Found = list[tuple[Event, str]]


def split(parts: list[str], reading: Reading = Reading.ANSWER, marker: Marker | None = None) -> Found:
    """All that is found; neighbouring texts are joined. The beginning is over with the first word, and a tag there opens a block."""
    splitter = TagSplitter() if marker is None else TagSplitter(marker)
    found: Found = []
    for part, is_last in [*((part, False) for part in parts), ("", True)]:
        splitter.put(part)
        while (event := splitter.next(reading, is_last)) is not None:
            if reading is Reading.BEGINNING and event.text.strip():
                reading = Reading.BLOCK if event.kind is Event.TAG_OPEN else Reading.ANSWER
            if event.kind is Event.TEXT and found and found[-1][0] is Event.TEXT:
                found[-1] = (Event.TEXT, found[-1][1] + event.text)
            else:
                found.append((event.kind, event.text))
    assert not splitter.is_holding
    return found


def text(words: str) -> tuple[Event, str]:
    return Event.TEXT, words


OPENED, CLOSED = (Event.TAG_OPEN, OPEN), (Event.TAG_CLOSE, CLOSE)

ANSWER: dict[str, tuple[str, Found]] = {
    "no tag": ("plain", [text("plain")]),
    "a pair": ("a<think>b</think>c", [text("a"), OPENED, text("b"), CLOSED, text("c")]),
    "almost a tag": ("<thinker>", [text("<thinker>")]),
    "less than": ("1 < 2", [text("1 < 2")]),
    "the beginning of a tag at the end": ("a</thi", [text("a</thi")]),
    "twice the sign": ("<<think>", [text("<"), OPENED]),
    "another family": ("a [THINK]b", [text("a [THINK]b")]),
    "between back-ticks": ("a `<think>` b", [text("a `<think>` b")]),
    "between two back-ticks": ("a ``<think>` `` b</think>", [text("a ``<think>` `` b"), CLOSED]),
    "after back-ticks": ("a `b` <think>", [text("a `b` "), OPENED]),
    "in a fence": ("```xml\n<think>\na\n</think>\n```\n</think>", [text("```xml\n<think>\na\n</think>\n```\n"), CLOSED]),
    "in a longer fence": ("````\n```\n<think>\n````\n</think>", [text("````\n```\n<think>\n````\n"), CLOSED]),
    "in a fence that is not closed": ("```\n<think>", [text("```\n<think>")]),
    "a back-tick alone ends with its line": ("it`s\n<think>", [text("it`s\n"), OPENED]),
}


def cuts(whole: str) -> list[list[str]]:
    """Whole, by character, and cut in two at every place."""
    return [[whole], list(whole), *([whole[:at], whole[at:]] for at in range(1, len(whole)))]


@pytest.mark.parametrize(("whole", "found"), ANSWER.values(), ids=ANSWER)
def test_in_the_answer(whole: str, found: Found) -> None:
    for parts in cuts(whole):
        assert split(parts) == found


BLOCK: dict[str, tuple[str, Found]] = {
    "its end": ("a</think>", [text("a"), CLOSED]),
    "other tags are left out": ("a <think> b", [text("a  b")]),
    "between back-ticks": ("the tag `</think>` ends it</think>", [text("the tag `` ends it"), CLOSED]),
    "after a back-tick alone": ("it`s</think>b", [text("it`s"), CLOSED, text("b")]),
    "after a fence that is not closed": ("```\nx</think>", [text("```\nx"), CLOSED]),
}


@pytest.mark.parametrize(("whole", "found"), BLOCK.values(), ids=BLOCK)
def test_in_a_block(whole: str, found: Found) -> None:
    for parts in cuts(whole):
        assert split(parts, Reading.BLOCK) == found


def test_nothing_ends_thinking_that_the_server_keeps_apart() -> None:
    for parts in cuts("a</think> b<think>c"):
        assert split(parts, Reading.BLOCK, NATIVE) == [text("a bc")]


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.opens)
@pytest.mark.parametrize("before", ["", "\n", " \n\n"], ids=repr)
def test_every_family_at_the_beginning(marker: Marker, before: str) -> None:
    whole = f"{before}{marker.opens}hm <think> hm</thin{marker.closes}yes"
    for parts in cuts(whole):
        found = split(parts, Reading.BEGINNING)
        wanted = [(Event.TAG_OPEN, marker.opens), text("hm  hm</thin"), (Event.TAG_CLOSE, marker.closes), text("yes")]
        assert found == ([text(before)] if before else []) + wanted


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.opens)
def test_no_family_after_the_beginning(marker: Marker) -> None:
    found = split([f"It is {marker.opens} and {marker.closes}"], Reading.BEGINNING)
    assert [kind for kind, _ in found if kind is not Event.TEXT] == ([Event.TAG_OPEN, Event.TAG_CLOSE] if marker.opens == OPEN else [])


def test_what_only_begins_like_a_tag_is_text() -> None:
    for whole in ("[THIN]", "<thinks>", "<seed:", "<|chan", "<", "[", "◁"):
        for parts in cuts(whole):
            assert split(parts, Reading.BEGINNING) == [text(whole)]


@pytest.mark.parametrize(
    ("whole", "is_alone"),
    [
        ("a\n</think>\nb", True),
        ("a\n </think> \r\nb", True),
        ("</think>", True),
        ("a\n</think>", True),
        ("a</think>\n", False),
        ("a\n</think> b", False),
        ("a \n b </think>\n", False),
    ],
)
def test_whether_a_closing_tag_is_alone_on_its_line(whole: str, is_alone: bool) -> None:
    for parts in cuts(whole):
        splitter, found = TagSplitter(), []
        for part, is_last in [*((part, False) for part in parts), ("", True)]:
            splitter.put(part)
            while (event := splitter.next(Reading.ANSWER, is_last)) is not None:
                found += [event.is_alone] if event.kind is Event.TAG_CLOSE else []
        assert found == [is_alone], parts


@given(WORDS, st.sampled_from(Reading))
def test_any_cut_gives_the_same_pieces_and_loses_nothing(words: list[str], reading: Reading) -> None:
    whole = "".join(words)
    found = split([whole], reading)
    assert split(list(whole), reading) == found
    assert split(words, reading) == found
    if reading is Reading.ANSWER:
        assert "".join(piece for _, piece in found) == whole


def test_text_that_cannot_be_a_tag_is_not_held_back() -> None:
    splitter = TagSplitter()
    splitter.put("a <b> c")
    event = splitter.next(Reading.ANSWER)
    assert event is not None
    assert event.text == "a <b> c"
    assert not splitter.is_holding

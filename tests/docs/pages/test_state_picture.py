"""The drawing of the state machine: it shows every row of the table, and nothing in it covers anything else."""

import itertools
import re
import sys
from collections import Counter

import attrs
import pytest

from docs.pages.state_machine import OUTPUT_WORDS
from docs.pages.state_picture import HEIGHT, WIDTH, state_picture
from translator.response.table import TABLE, TERMINAL
from translator.shapes.events import Event, Output, State

PICTURE = state_picture()
PAGE = sys.modules[state_picture.__module__]
"""By its name alone the module cannot be imported: the package has the function under it."""
LIVE = [state for state in State if state not in TERMINAL]
WORD = re.compile(r"[A-Z_]+(?: \[[A-Z]+\])?")
NAME, ARROW, SMALL = (10.5, 15), (7.6, 13), (5.9, 10.5)
"""Width of a character and height of the letters, in the units of the picture: by class of the text, wide rather than narrow."""


@attrs.frozen
class Area:
    """A rectangle of the picture."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: "Area") -> bool:
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "Area") -> bool:
        return self.left <= other.left and other.right <= self.right and self.top <= other.top and other.bottom <= self.bottom


def boxes() -> list[Area]:
    found = re.findall(r'<rect [^>]*?x="(-?\d+)" y="(\d+)" width="(\d+)" height="(\d+)"', PICTURE)
    return [Area("box", int(x), int(y), int(x) + int(w), int(y) + int(h)) for x, y, w, h in found]


def texts(kind: str) -> list[Area]:
    """All texts of a class; "" for those at arrows."""
    found = re.findall(r'<text(?: class="(\w+)")? x="(\d+)" y="(\d+)"(?: text-anchor="(\w+)")?>([^<]*)</text>', PICTURE)
    width, height = {"name": NAME, "": ARROW, "small": SMALL}[kind]
    areas = []
    for name, x, y, anchor, words in found:
        if name == kind:
            length = len(words) * width
            left = int(x) - {"": 0.0, "start": 0.0, "middle": length / 2, "end": length}[anchor]
            areas.append(Area(words, left, int(y) - height, left + length, int(y) + 2))
    return areas


def test_every_way_of_the_table_has_its_arrow() -> None:
    """An arrow between two states, or the words in a box for what does not leave it; the arrow to an end begins in every state."""
    found = re.findall(r'data-from="([\w ]+)" data-to="(\w+)"', PICTURE)
    arrows = {(source, target) for sources, target in found for source in sources.split()}
    ways = {(state, row.state) for state in LIVE for cell in TABLE[state].values() for row in cell}
    assert arrows == {(source.name, target.name) for source, target in ways if source is not target}
    assert PICTURE.count("stays: ") == sum(source is target for source, target in ways)


def test_every_row_of_the_table_is_borne_with_its_guard() -> None:
    shown = Counter(
        word for area in [*texts(""), *texts("small")] for word in WORD.findall(area.what) if word.partition(" ")[0] in Event.__members__
    )
    rows = [(event, row) for state in LIVE for event, cell in TABLE[state].items() for row in cell]
    words = [(f"{event.name} [{row.guard.name}]" if row.guard else event.name, row.state) for event, row in rows]
    leading_on = Counter(word for word, state in words if state not in TERMINAL)
    assert shown == leading_on + Counter({word for word, state in words if state in TERMINAL})


def test_words_at_arrows_touch_no_box_and_no_other_words() -> None:
    assert len(boxes()) == len(State)
    words = texts("") + [area for area in texts("small") if area.what.startswith("from")]
    assert [(area.what, box) for area in words for box in boxes() if area.touches(box)] == []
    assert [(one.what, other.what) for one, other in itertools.combinations(words, 2) if one.touches(other)] == []
    canvas = Area("canvas", 0, 0, WIDTH, HEIGHT)
    assert [area for area in [*words, *boxes()] if not canvas.holds(area)] == []


def test_words_of_a_box_fit_into_it() -> None:
    inside = texts("name") + [area for area in texts("small") if not area.what.startswith("from")]
    assert [area.what for area in inside if not any(box.holds(area) for box in boxes())] == []


def test_a_state_or_a_way_without_a_place_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without_state = {state: place for state, place in PAGE.PLACES.items() if state is not State.TAGGED}
    without_way = {pair: path for pair, path in PAGE.PATHS.items() if pair != (State.START, State.ANSWER)}
    with monkeypatch.context() as patch:
        patch.setattr(PAGE, "PLACES", without_state)
        with pytest.raises(ValueError, match="state TAGGED has no place"):
            state_picture()
    with monkeypatch.context() as patch:
        patch.setattr(PAGE, "PATHS", without_way)
        with pytest.raises(ValueError, match="way from START to ANSWER has no place"):
            state_picture()


def test_an_end_that_not_every_state_reaches_alike_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = {event: cell for event, cell in TABLE[State.START].items() if event is not Event.STOP}
    monkeypatch.setattr(PAGE, "TABLE", {**TABLE, State.START: cells})
    with pytest.raises(ValueError, match="leads to STOPPED from some states in another way"):
        state_picture()


def test_every_output_has_its_words() -> None:
    assert set(OUTPUT_WORDS) == set(Output)

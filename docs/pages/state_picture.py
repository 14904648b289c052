"""The transition table as a drawing: an SVG file that needs nothing but itself and follows the reader's light or dark.

Where boxes, arrows and words are is written down here. Which arrows there are and what they bear is read from the table. A state or an
arrow of the table that has no place here is a `ValueError` that names it.
"""

import itertools
from collections.abc import Mapping, Sequence
from html import escape

from translator.response.table import TABLE, TERMINAL, Step
from translator.shapes.events import Event, State

WIDTH, HEIGHT = 1240, 830
BOX_WIDTH, BOX_HEIGHT = 164, 48
LINE = 15
"""Height of one more line of small words in a box."""

PLACES: Mapping[State, tuple[int, int]] = {
    State.START: (144, 340),
    State.THINKING: (620, 90),
    State.TAG_SEEN: (420, 580),
    State.TAGGED: (820, 580),
    State.ANSWER: (1090, 340),
    State.FINISHED: (130, 790),
    State.FAILED: (385, 790),
    State.STOPPED: (1140, 790),
}
"""The middle of each box."""

PATHS: Mapping[tuple[State, State], tuple[str, int, int, str]] = {
    (State.START, State.THINKING): ("M150 308 C180 150 380 80 522 84", 250, 135, "end"),
    (State.THINKING, State.START): ("M522 102 C420 120 250 190 200 307", 340, 190, "start"),
    (State.START, State.ANSWER): ("M267 340 L964 340", 560, 331, "middle"),
    (State.START, State.TAG_SEEN): ("M150 373 C165 460 220 540 297 570", 180, 500, "end"),
    (State.TAG_SEEN, State.START): ("M370 547 C330 480 260 430 215 374", 322, 450, "start"),
    (State.TAG_SEEN, State.TAGGED): ("M543 580 L701 580", 620, 571, "middle"),
    (State.TAGGED, State.START): ("M752 548 C640 440 420 400 268 362", 580, 430, "start"),
    (State.THINKING, State.TAGGED): ("M660 115 C720 240 815 400 815 546", 745, 240, "start"),
    (State.THINKING, State.ANSWER): ("M719 96 C860 110 1010 190 1060 299", 940, 205, "end"),
    (State.ANSWER, State.THINKING): ("M1110 300 C1110 90 880 50 720 80", 1085, 130, "start"),
    (State.ANSWER, State.TAG_SEEN): ("M1110 380 C1110 700 640 720 470 614", 850, 694, "middle"),
}
"""The way of each arrow between two states, and where its words begin, end, or have their middle."""

WIDER: Mapping[State, int] = {State.START: 244, State.THINKING: 196, State.TAG_SEEN: 244, State.TAGGED: 236, State.ANSWER: 250}
COLOURS: Mapping[State, str] = {
    State.THINKING: "thinking", State.TAG_SEEN: "tags", State.TAGGED: "tags", State.ANSWER: "text",
    State.FINISHED: "end", State.FAILED: "error",
}  # fmt: skip
"""As in the page of `dify-ollama trace`; the others are quiet."""

STYLE = """
svg{--quiet:#59636e;--fore:#1b1f24;--back:#ffffff;--thinking:#8250df;--text:#0969da;--tags:#9a6700;--end:#1a7f37;--error:#cf222e}
@media(prefers-color-scheme:dark){svg{--quiet:#9198a1;--fore:#e6edf3;--back:#20242b;--thinking:#ab7df8;--text:#4493f8;--tags:#d29922;
--end:#3fb950;--error:#f85149}}
text{font:13px ui-sans-serif,system-ui,sans-serif;fill:var(--fore);stroke:var(--back);stroke-width:5px;paint-order:stroke}
.name{font-weight:600;font-size:15px}
.small{font-size:10.5px;fill:var(--quiet);stroke:none}
rect{fill:var(--back);stroke:var(--quiet);stroke-width:2}path{fill:none;stroke:var(--quiet);stroke-width:1.5}.tip{fill:var(--quiet);stroke:none}
.thinking{stroke:var(--thinking)}.text{stroke:var(--text)}.tags{stroke:var(--tags)}.end{stroke:var(--end)}.error{stroke:var(--error)}
"""

BRACKET_TOP, BRACKET = 710, 728
WORDS_IN_A_LINE = 2

type Way = tuple[Event, Step]
"""A row of the table with its event: what an arrow bears."""


def state_picture() -> str:
    """The whole file. Raises ValueError for a state or an arrow without a place."""
    live = [state for state in State if state not in TERMINAL]
    ways = {pair: found for pair, found in _ways().items() if pair[1] not in TERMINAL}
    arrows = "\n".join(_arrow(source, target, found) for (source, target), found in ways.items() if source is not target)
    boxes = "\n".join(_box(state, ways.get((state, state), [])) for state in State)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="The states of a reply">\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        '<path class="tip" d="M0 0 L10 5 L0 10 z"/></marker></defs>\n'
        f"{arrows}\n{_endings(live)}\n{boxes}\n</svg>\n"
    )


def _ways() -> dict[tuple[State, State], list[Way]]:
    """The rows that lead from one state to another, in the order of the table."""
    found: dict[tuple[State, State], list[Way]] = {}
    for source, cells in TABLE.items():
        for event, cell in cells.items():
            for row in cell:
                found.setdefault((source, row.state), []).append((event, row))
    return found


def _place(state: State) -> tuple[int, int]:
    if state not in PLACES:
        raise ValueError(f"The state {state.name} has no place in the picture: add it to PLACES.")
    return PLACES[state]


def _arrow(source: State, target: State, ways: Sequence[Way]) -> str:
    if (source, target) not in PATHS:
        raise ValueError(f"The way from {source.name} to {target.name} has no place in the picture: add it to PATHS.")
    path, x, y, anchor = PATHS[source, target]
    return (
        f'<path data-from="{source.name}" data-to="{target.name}" d="{path}" marker-end="url(#tip)"/>'
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{_joined(_words(ways))}</text>'
    )


def _endings(live: Sequence[State]) -> str:
    """One arrow for each end, since the table leads there from every state alike."""
    bracket = f'<path d="M40 {BRACKET_TOP} V{BRACKET} H{WIDTH - 40} V{BRACKET_TOP}"/>'
    words = f'<text class="small" x="50" y="{BRACKET - 7}">from every state above</text>'
    return bracket + words + "".join(_ending(live, state) for state in State if state in TERMINAL)


def _ending(live: Sequence[State], end: State) -> str:
    words = [_words([(event, row) for event, cell in TABLE[state].items() for row in cell if row.state is end]) for state in live]
    if any(one != other for one, other in itertools.pairwise(words)):
        raise ValueError(f"The table leads to {end.name} from some states in another way: the picture needs an arrow for each.")
    x, y = _place(end)
    sources = " ".join(state.name for state in live)
    return (
        f'<path data-from="{sources}" data-to="{end.name}" d="M{x} {BRACKET} V{y - BOX_HEIGHT // 2 - 1}" marker-end="url(#tip)"/>'
        f'<text x="{x + 8}" y="{BRACKET + 22}">{_joined(words[0])}</text>'
    )


def _box(state: State, stays: Sequence[Way]) -> str:
    (x, y), width = _place(state), WIDER.get(state, BOX_WIDTH)
    lines = [_joined(part) for part in itertools.batched(_words(stays), WORDS_IN_A_LINE)]
    height = BOX_HEIGHT + LINE * max(0, len(lines) - 1)
    top = y - height // 2
    small = "".join(
        f'<text class="small" x="{x}" y="{top + 39 + LINE * number}" text-anchor="middle">{"stays: " if number == 0 else ""}{line}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<rect class="{COLOURS.get(state, "quiet")}" x="{x - width // 2}" y="{top}" width="{width}" height="{height}"'
        f' rx="8"/><text class="name" x="{x}" y="{top + (21 if lines else 29)}" text-anchor="middle">{state.name}</text>{small}'
    )


def _words(ways: Sequence[Way]) -> list[str]:
    return [f"{event.name} [{row.guard.name}]" if row.guard else event.name for event, row in ways]


def _joined(words: Sequence[str]) -> str:
    return escape(" · ".join(words))

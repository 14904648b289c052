"""The transition table as a drawing, an SVG file that needs nothing but itself and follows the reader's light or dark.

Enters: the table. Leaves: the drawing. Where things are is written down here; which arrows there are and what they bear is read from the
table, and an arrow that has no place here is an error.
"""

import itertools
from collections.abc import Mapping
from html import escape

from translator.response.table import TABLE, TERMINAL
from translator.shapes.events import Event, State

WIDTH, HEIGHT = 1000, 600
BOX_WIDTH, BOX_HEIGHT = 164, 48

PLACES: Mapping[State, tuple[int, int]] = {
    State.START: (95, 200),
    State.THINKING: (360, 70),
    State.TAG_SEEN: (360, 330),
    State.TAGGED: (590, 200),
    State.ANSWER: (890, 200),
    State.FINISHED: (150, 560),
    State.FAILED: (450, 560),
    State.STOPPED: (850, 560),
}
"""The middle of each box."""

PATHS: Mapping[tuple[State, State], tuple[str, int, int, str]] = {
    (State.START, State.THINKING): ("M135 175 L276 92", 194, 124, "end"),
    (State.START, State.TAG_SEEN): ("M135 225 L276 308", 194, 288, "end"),
    (State.START, State.ANSWER): ("M95 225 C95 500 925 500 925 227", 500, 445, "middle"),
    (State.THINKING, State.TAGGED): ("M425 95 L545 174", 496, 130, "start"),
    (State.THINKING, State.ANSWER): ("M443 68 C600 60 790 90 862 173", 690, 92, "middle"),
    (State.TAG_SEEN, State.TAGGED): ("M425 305 L545 226", 496, 280, "start"),
    (State.TAG_SEEN, State.ANSWER): ("M443 330 C620 330 780 310 852 227", 700, 312, "middle"),
    (State.TAGGED, State.ANSWER): ("M714 200 L789 200", 751, 191, "middle"),
    (State.ANSWER, State.THINKING): ("M895 175 C880 -5 600 -5 444 50", 690, 24, "middle"),
    (State.ANSWER, State.TAG_SEEN): ("M885 225 C860 400 620 410 444 345", 690, 391, "middle"),
}
"""The way of each arrow between two states, and where its words begin, end, or have their middle."""

WIDER: Mapping[State, int] = {State.TAGGED: 246, State.ANSWER: 200}
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

BRACKET_TOP, BRACKET = 478, 496


def state_picture() -> str:
    """The whole file."""
    live = [state for state in State if state not in TERMINAL]
    steps = {pair: events for pair, events in _steps().items() if pair[1] not in TERMINAL}
    arrows = "\n".join(_arrow(source, target, events) for (source, target), events in steps.items() if source is not target)
    boxes = "\n".join(_box(state, steps.get((state, state), [])) for state in State)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="The states of a reply">\n'
        f"<style>{STYLE}</style>\n"
        '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse">'
        '<path class="tip" d="M0 0 L10 5 L0 10 z"/></marker></defs>\n'
        f"{arrows}\n{_endings(live)}\n{boxes}\n</svg>\n"
    )


def _steps() -> dict[tuple[State, State], list[Event]]:
    """The events that lead from one state to another, in the order of the table."""
    found: dict[tuple[State, State], list[Event]] = {}
    for source, row in TABLE.items():
        for event, step in row.items():
            if source not in TERMINAL:
                found.setdefault((source, step.state), []).append(event)
    return found


def _arrow(source: State, target: State, events: list[Event]) -> str:
    way, x, y, anchor = PATHS[source, target]
    return (
        f'<path data-from="{source.name}" data-to="{target.name}" d="{way}" marker-end="url(#tip)"/>'
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{_words(events)}</text>'
    )


def _endings(live: list[State]) -> str:
    """One arrow for each end, since the table leads there from every state alike."""
    bracket = f'<path d="M40 {BRACKET_TOP} V{BRACKET} H{WIDTH - 40} V{BRACKET_TOP}"/>'
    words = f'<text class="small" x="50" y="{BRACKET - 7}">from every state above</text>'
    return bracket + words + "".join(_ending(live, state) for state in State if state in TERMINAL)


def _ending(live: list[State], end: State) -> str:
    ways = [[event for event, step in TABLE[state].items() if step.state is end] for state in live]
    if any(one != other for one, other in itertools.pairwise(ways)):
        raise ValueError(f"The table leads to {end.name} from some states in another way: the picture needs an arrow for each.")
    x, y = PLACES[end]
    sources = " ".join(state.name for state in live)
    return (
        f'<path data-from="{sources}" data-to="{end.name}" d="M{x} {BRACKET} V{y - BOX_HEIGHT // 2 - 1}" marker-end="url(#tip)"/>'
        f'<text x="{x + 8}" y="{BRACKET + 22}">{_words(ways[0])}</text>'
    )


def _box(state: State, stays: list[Event]) -> str:
    (x, y), width = PLACES[state], WIDER.get(state, BOX_WIDTH)
    name_y = y + 5 if not stays else y - 3
    loop = f'<text class="small" x="{x}" y="{y + 15}" text-anchor="middle">stays: {_words(stays)}</text>' if stays else ""
    return (
        f'<rect class="{COLOURS.get(state, "quiet")}" x="{x - width // 2}" y="{y - BOX_HEIGHT // 2}" width="{width}" height="{BOX_HEIGHT}"'
        f' rx="8"/><text class="name" x="{x}" y="{name_y}" text-anchor="middle">{state.name}</text>{loop}'
    )


def _words(events: list[Event]) -> str:
    return escape(" · ".join(event.name for event in events))

"""A plot as SVG text, drawn by hand: a few lines and a goal over two logarithmic axes.

Enters: series of points and their names. Leaves: a picture that is legible on a light page and on a dark one, and to who sees no colours.
"""

from collections.abc import Sequence
from math import log10
from xml.sax.saxutils import escape

import attrs

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 96, 48, 56
INSET = 32
"""Pixels from the axis to the first column, for its figures."""
STEPS = (1, 2, 5)
ABOVE, BELOW = -9.0, 18.0
"""Pixels from a point to its figure."""
CLOSE = 28.0
"""Pixels between two points of one column, the figure of one of which would hide the other."""
LIGHT = {"fore": "#1b1f24", "quiet": "#59636e", "faint": "#d8dee4", "back": "#ffffff", "lead": "#0969da", "goal": "#9a6700"}
DARK = {"fore": "#e6edf3", "quiet": "#9198a1", "faint": "#3d444d", "back": "#20242b", "lead": "#4493f8", "goal": "#d29922"}
SHAPES = """text{font:12px ui-sans-serif,system-ui,sans-serif}.title{font-size:15px;font-weight:600}
.value{stroke-width:4px;paint-order:stroke;stroke-linejoin:round}.grid,.axis,.line,path.goal{fill:none}.line{stroke-width:2}
.lead.line{stroke-width:2.5}text.lead{font-weight:600}path.goal{stroke-width:1.5;stroke-dasharray:6 4}"""
COLOURS = """text,.dot{fill:%(quiet)s}.title,.value{fill:%(fore)s}.value{stroke:%(back)s}.back{fill:%(back)s}.grid{stroke:%(faint)s}
.axis,.line{stroke:%(quiet)s}.lead.line{stroke:%(lead)s}.lead.dot,text.lead{fill:%(lead)s}path.goal{stroke:%(goal)s}text.goal{fill:%(goal)s}"""
"""Spelled out for both kinds of page: some viewers know no CSS variables."""


@attrs.frozen
class Series:
    """Points (x, y), both above 0, under one name; `leads` for the one that the plot is about."""

    name: str
    points: Sequence[tuple[float, float]]
    leads: bool = False


@attrs.frozen
class Axis:
    """A logarithmic scale from `low` to `high`, on the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        """The pixel of a value."""
        return self.start + log10(value / self.low) / log10(self.high / self.low) * (self.end - self.start)

    @property
    def marks(self) -> list[float]:
        """Round numbers on the scale."""
        rounds = [step * 10.0**power for power in range(-3, 7) for step in STEPS]
        return [mark for mark in rounds if self.low <= mark <= self.high]


def svg(series: Sequence[Series], goal: tuple[str, float], title: str, across: str, up: str) -> str:
    """`goal` is a name and a height."""
    points = [point for each in series for point in each.points]
    columns = sorted({across for across, _ in points})
    x = Axis(columns[0], max(columns[-1], 2 * columns[0]), LEFT + INSET, WIDTH - RIGHT)
    heights = [goal[1], *(height for _, height in points)]
    y = Axis(min(heights) / 1.4, max(heights) * 1.3, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{SHAPES}\n{COLOURS % LIGHT}\n@media(prefers-color-scheme:dark){{{COLOURS % DARK}}}</style>",
        f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(WIDTH / 2, 24, title, "title", "middle"),
        *_scales(x, y, columns),
        _text(WIDTH / 2, HEIGHT - 14, across, "", "middle"),
        f'<text x="18" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 18 {HEIGHT / 2})">{escape(up)}</text>',
        f'<path class="goal" d="M{LEFT},{y.place(goal[1]):.1f} H{WIDTH - RIGHT}"/>',
        _text(WIDTH - RIGHT, y.place(goal[1]) - 6, goal[0], "goal", "end"),
        *(part for each in series for part in _line(each, x, y, points)),
    ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scales(x: Axis, y: Axis, columns: Sequence[float]) -> list[str]:
    rows = [
        part
        for mark in y.marks
        for part in (
            f'<path class="grid" d="M{LEFT},{y.place(mark):.1f} H{WIDTH - RIGHT}"/>',
            _text(LEFT - 8, y.place(mark) + 4, f"{mark:g}", "", "end"),
        )
    ]
    names = [_text(x.place(column), HEIGHT - BOTTOM + 18, f"{column:g}", "", "middle") for column in columns]
    return [*rows, *names, f'<path class="axis" d="M{LEFT},{TOP} V{HEIGHT - BOTTOM} H{WIDTH - RIGHT}"/>']


def _line(series: Series, x: Axis, y: Axis, points: Sequence[tuple[float, float]]) -> list[str]:
    if not series.points:
        return []
    extra = "lead " if series.leads else ""
    places = [(x.place(across), y.place(up)) for across, up in series.points]
    path = " ".join(f"{left:.1f},{height:.1f}" for left, height in places)
    last_left, last_height = places[-1]
    return [
        f'<polyline class="{extra}line" points="{path}"/>',
        *(f'<circle class="{extra}dot" cx="{left:.1f}" cy="{height:.1f}" r="3.5"/>' for left, height in places),
        *(_figure(point, x, y, points) for point in series.points),
        _text(last_left + 10, last_height + 4, series.name, extra.strip(), "start"),
    ]


def _figure(point: tuple[float, float], x: Axis, y: Axis, points: Sequence[tuple[float, float]]) -> str:
    """Above its point, or below when another point is just above."""
    across, up = point
    is_crowded = any(other == across and 0 < y.place(up) - y.place(height) < CLOSE for other, height in points)
    return _text(x.place(across), y.place(up) + (BELOW if is_crowded else ABOVE), f"{up:.0f}", "value", "middle")


def _text(x: float, y: float, words: str, kind: str, anchor: str) -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'

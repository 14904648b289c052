"""A trace as one HTML page that needs nothing but itself: no script, no font, no address.

A timeline on top shows every line at its time, the machine's state, and a row per kind of event; a click leads to the line below. What is
shown of the lines can be chosen; the browser does that by style alone. On a narrow screen the timeline keeps its size and scrolls in
its box.
"""

from html import escape

from plugin_entry.cli.screen import Look
from plugin_entry.cli.tracing.document import Document
from plugin_entry.cli.tracing.text import line_rows, line_states, line_title, summary

LANES: tuple[tuple[str, frozenset[str]], ...] = (
    ("thinking", frozenset({"THINKING"})),
    ("text", frozenset({"TEXT"})),
    ("tags", frozenset({"TAG_OPEN", "TAG_CLOSE"})),
    ("calls", frozenset({"CALLS"})),
    ("end", frozenset({"DONE", "STOP"})),
    ("error", frozenset({"REFUSED", "GARBLED", "CUT", "LOST", "TIME_UP"})),
)
"""Rows of the timeline and the events in them; every event has its row."""

STATES: dict[str, str] = {
    "THINKING": "thinking",
    "TAG_SEEN": "tags",
    "TAGGED": "tags",
    "ANSWER": "text",
    "FINISHED": "end",
    "FAILED": "error",
}
"""The colour of a state; the others are quiet."""

FILTERS: tuple[tuple[str, str, str, str], ...] = (
    *((name, name, f"body:has(#{name}:not(:checked)) .{name.rstrip('s')}", " checked") for name in ("wire", "events", "deltas", "frames")),
    ("moved", "only lines that move the machine", "body:has(#moved:checked) section:not(.moved)", ""),
)
"""Id, label, what it hides, and how it is at first."""

WIDTH, LEFT, RIGHT, LANE, TOP = 1000, 90, 40, 28, 8
BAND, LETTER = 16, 7
"""Height of the band of states, and about how wide a letter in it is."""
TICKS = 5

STYLE = """
:root{color-scheme:light dark;--back:#fff;--card:#f6f8fa;--fore:#1b1f24;--quiet:#59636e;--line:#d1d9e0;--thinking:#8250df;--text:#0969da;
--tags:#9a6700;--calls:#bf3989;--end:#1a7f37;--error:#cf222e}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--card:#151b23;--fore:#e6edf3;--quiet:#9198a1;--line:#3d444d;--thinking:#ab7df8;
--text:#4493f8;--tags:#d29922;--calls:#db61a2;--end:#3fb950;--error:#f85149}}
*{box-sizing:border-box}html{scroll-behavior:smooth}
body{background:var(--back);color:var(--fore);font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem}
h1{font-size:1.4rem;margin:0 0 .4rem}h2{font-size:1rem;margin:0 0 .3rem}p{margin:.1rem 0}code,pre{font:13px/1.5 ui-monospace,monospace}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.quiet{color:var(--quiet);font-weight:normal}.bad{color:var(--error)}
figure,fieldset,section{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:1rem 0;padding:.7rem 1rem}
figure{overflow-x:auto}svg{display:block;width:100%;min-width:900px;height:auto}
svg text{fill:var(--quiet);font-size:12px}svg line{stroke:var(--line)}
svg a:hover *{stroke:var(--fore)}
svg .tick{fill:var(--quiet);stroke:transparent;stroke-width:4}svg .band{fill:var(--quiet)}svg .name{fill:var(--back);font-weight:600}
fieldset{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem}legend{padding:0 .3rem;color:var(--quiet)}label{cursor:pointer}
section{border-left:4px solid var(--line);margin:.6rem 0;scroll-margin-top:1rem}section:target{outline:2px solid var(--text)}
dl{display:grid;grid-template-columns:4rem 1fr;gap:.1rem .5rem;margin:0}dl>div{display:contents}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere;min-width:0}
@media print{svg{min-width:0}fieldset{display:none}section{break-inside:avoid}}
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{summary}
<figure tabindex="0">{timeline}</figure>
{filters}
{lines}
</body>
</html>
"""


def to_html(document: Document) -> str:
    """The whole page."""
    filters = "".join(f'<label><input type="checkbox" id="{name}"{state}> {label}</label>' for name, label, _, state in FILTERS)
    return PAGE.format(
        title=escape(f"Trace of {document['source']}"),
        style=STYLE + _colours() + "".join(f"{hidden}{{display:none}}" for *_, hidden, _ in FILTERS),
        summary="\n".join(f"<p{' class="bad"' if row.startswith('error ') else ''}>{escape(row)}</p>" for row in summary(document)),
        timeline=_timeline(document),
        filters=f"<fieldset><legend>show</legend>{filters}</fieldset>",
        lines="\n".join(_section(index, line) for index, line in enumerate(document["lines"])),
    )


def _colours() -> str:
    """A colour per kind of event: of its dots, of the band of the state it leads to, of the lines that bring it."""
    dots = "".join(f"svg .{name}{{fill:var(--{name})}}section.{name}{{border-left-color:var(--{name})}}" for name, _ in LANES)
    return dots + "".join(f"svg .{state}{{fill:var(--{name})}}" for state, name in STATES.items())


def _timeline(document: Document) -> str:
    height = TOP + LANE * (len(LANES) + 2) + 22
    places = [_place(document, index) for index in range(len(document["lines"]))]
    rows = "".join(_lane(row, name) for row, name in enumerate(("lines", "state", *(name for name, _ in LANES))))
    marks = "".join(_mark(index, line, x) for index, (line, x) in enumerate(zip(document["lines"], places, strict=True)))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Timeline of the lines, states and events">'
        f"{rows}{_axis(document, height)}{_bands(document, places)}{marks}</svg>"
    )


def _place(document: Document, index: int) -> float:
    """From left to right by time, or by number where the times are unknown."""
    if document["timed"] and document["total_ms"]:
        share = document["lines"][index]["ms"] / document["total_ms"]
    else:
        share = (index + 1) / len(document["lines"])
    return LEFT + float(share) * (WIDTH - LEFT - RIGHT)


def _middle(row: int) -> float:
    return TOP + LANE * row + LANE / 2


def _lane(row: int, name: str) -> str:
    y = _middle(row)
    return f'<text x="0" y="{y + 4}">{name}</text><line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'


def _axis(document: Document, height: int) -> str:
    if not document["timed"]:
        return ""
    step = (WIDTH - LEFT - RIGHT) / TICKS
    return "".join(
        f'<text x="{LEFT + step * tick:.1f}" y="{height - 6}" text-anchor="middle">{document["total_ms"] * tick / TICKS:.0f} ms</text>'
        for tick in range(TICKS + 1)
    )


def _bands(document: Document, places: list[float]) -> str:
    """The state of the machine between two moves; it begins at the left edge with the state before the first line."""
    moves = [(line["after"], x) for line, x in zip(document["lines"], places, strict=True) if line["before"] != line["after"]]
    begun = [(document["lines"][0]["before"], float(LEFT)), *moves] if document["lines"] else []
    ends = [x for _, x in begun[1:]] + [float(WIDTH - RIGHT)]
    return "".join(_band(state, left, right) for (state, left), right in zip(begun, ends, strict=True))


def _band(state: str, left: float, right: float) -> str:
    y, width = _middle(1) - BAND / 2, max(right - left, 2.0)
    name = f'<text class="name" x="{left + 5:.1f}" y="{y + 12}">{state}</text>' if width > len(state) * LETTER + 10 else ""
    title = f"<title>{state}</title>"
    return f'<rect class="band {state}" x="{left:.1f}" y="{y}" width="{width:.1f}" height="{BAND}" rx="3">{title}</rect>{name}'


def _mark(index: int, line: Document, x: float) -> str:
    """A tick for a line that came, and a dot per kind of event in it."""
    kinds = _kinds(line)
    title = f"<title>{escape(f'{line_title(line)}, {line["ms"]:.1f} ms: {", ".join(kinds) or "no event"}')}</title>"
    y = _middle(0)
    tick = f'<rect class="tick" x="{x - 1:.1f}" y="{y - 7}" width="2" height="14"/>' if line["wire"] else ""
    dots = "".join(
        f'<circle class="{name}" cx="{x:.1f}" cy="{_middle(row)}" r="6"/>' for row, (name, _) in enumerate(LANES, start=2) if name in kinds
    )
    return f'<a href="#line-{index}">{title}{tick}{dots}</a>'


def _kinds(line: Document) -> list[str]:
    """The rows of the timeline that a line appears in."""
    events = {event["event"] for event in line["events"]} or ({"REFUSED"} if line["after"] == "FAILED" else set())
    return [name for name, kinds in LANES if events & kinds]


def _section(index: int, line: Document) -> str:
    rows = "".join(f'<div class="{kind}"><dt>{kind}</dt><dd>{_cell(kind, text, look)}</dd></div>' for kind, text, look in line_rows(line))
    looks = " ".join([*(["moved"] if line["before"] != line["after"] else []), *_kinds(line)[-1:]])
    return (
        f'<section id="line-{index}" class="{looks}"><h2>{escape(line_title(line))} <span class="quiet">{line["ms"]:.1f} ms, '
        f"{escape(line_states(line))}</span></h2><dl>{rows}</dl></section>"
    )


def _cell(kind: str, text: str, look: Look) -> str:
    tag, bad = "pre" if kind == "wire" else "code", ' class="bad"' if look is Look.BAD else ""
    return f"<{tag}{bad}>{escape(text)}</{tag}>"

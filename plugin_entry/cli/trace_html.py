"""A trace as one page that needs nothing but itself: no script, no font, no address.

Enters: the document of a trace. Leaves: HTML. A timeline on top shows every line at its time, in a row per kind of event; a click leads to
the line below.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from plugin_entry.cli.trace_text import delta_text, event_text, line_title, summary

type Document = Mapping[str, Any]

LANES: tuple[tuple[str, frozenset[str]], ...] = (
    ("thinking", frozenset({"THINKING"})),
    ("text", frozenset({"TEXT"})),
    ("tags", frozenset({"TAG_OPEN", "TAG_CLOSE"})),
    ("calls", frozenset({"CALLS"})),
    ("end", frozenset({"DONE", "IDLE", "REPEATED", "STOP", "END"})),
    ("error", frozenset({"SPENT", "REFUSED", "GARBLED", "CUT"})),
)
"""Rows of the timeline and the events in them; every event has its row."""

WIDTH, LEFT, RIGHT, LANE, TOP = 1000, 90, 20, 30, 16
TICKS = 5

STYLE = """
:root{color-scheme:light dark;--back:#fff;--fore:#1b1f24;--quiet:#667;--line:#d7dbe0;--thinking:#8250df;--text:#0969da;--tags:#bf8700;
--calls:#bf3989;--end:#1a7f37;--error:#cf222e}
@media(prefers-color-scheme:dark){:root{--back:#0d1117;--fore:#e6edf3;--quiet:#8b949e;--line:#30363d;--thinking:#a371f7;--text:#58a6ff;
--tags:#d29922;--calls:#f778ba;--end:#3fb950;--error:#f85149}}
body{background:var(--back);color:var(--fore);font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1rem;margin:0}p{margin:.2rem 0}svg{width:100%;height:auto}
svg text{fill:var(--quiet);font-size:12px}svg line{stroke:var(--line)}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.3rem 0}
section{border-top:1px solid var(--line);padding:.6rem 0}section:target{outline:2px solid var(--text);outline-offset:4px}
dl{display:grid;grid-template-columns:4rem 1fr;margin:0}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
.quiet{color:var(--quiet);font-weight:normal}.bad{color:var(--error)}
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>{style}{lanes}</style>
</head>
<body>
<h1>{title}</h1>
{summary}
{timeline}
{lines}
</body>
</html>
"""


def to_html(document: Document) -> str:
    """The whole page."""
    return PAGE.format(
        title=escape(f"Trace of {document['source']}"),
        style=STYLE,
        lanes="".join(f".{name}{{fill:var(--{name})}}" for name, _ in LANES),
        summary="\n".join(f"<p>{escape(row)}</p>" for row in summary(document)),
        timeline=_timeline(document),
        lines="\n".join(_section(index, line) for index, line in enumerate(document["lines"])),
    )


def _timeline(document: Document) -> str:
    height = TOP + LANE * len(LANES) + 24
    marks = "".join(_mark(index, line, _place(document, index)) for index, line in enumerate(document["lines"]))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Timeline of the events">'
        f"{''.join(_lane(row, name) for row, (name, _) in enumerate(LANES))}{_axis(document, height)}{marks}</svg>"
    )


def _place(document: Document, index: int) -> float:
    """From left to right by time, or by number where the times are unknown."""
    if document["timed"] and document["total_ms"]:
        share = document["lines"][index]["ms"] / document["total_ms"]
    else:
        share = (index + 1) / len(document["lines"])
    return LEFT + float(share) * (WIDTH - LEFT - RIGHT)


def _lane(row: int, name: str) -> str:
    y = TOP + LANE * row + LANE / 2
    return f'<text x="0" y="{y + 4}">{name}</text><line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}"/>'


def _axis(document: Document, height: int) -> str:
    if not document["timed"]:
        return ""
    step = (WIDTH - LEFT - RIGHT) / TICKS
    return "".join(
        f'<text x="{LEFT + step * tick:.1f}" y="{height - 4}" text-anchor="middle">{document["total_ms"] * tick / TICKS:.0f} ms</text>'
        for tick in range(TICKS + 1)
    )


def _mark(index: int, line: Document, x: float) -> str:
    events = {event["event"] for event in line["events"]} or ({"REFUSED"} if line["after"] == "FAILED" else set())
    title = f"<title>{escape(f'{line_title(line)}, {line["ms"]:.1f} ms: {", ".join(sorted(events))}')}</title>"
    dots = "".join(
        f'<circle class="{name}" cx="{x:.1f}" cy="{TOP + LANE * row + LANE / 2}" r="6">{title}</circle>'
        for row, (name, kinds) in enumerate(LANES)
        if events & kinds
    )
    return f'<a href="#line-{index}">{dots}</a>' if dots else ""


def _section(index: int, line: Document) -> str:
    states = line["before"] if line["before"] == line["after"] else f"{line['before']} → {line['after']}"
    unread = "" if line["read"] else " (not read: the answer had ended)"
    rows = "".join(f"<dt>{name}</dt><dd>{cell}</dd>" for name, cell in _cells(line))
    return (
        f'<section id="line-{index}"><h2>{escape(line_title(line))} <span class="quiet">{line["ms"]:.1f} ms, '
        f"{escape(states)}{unread}</span></h2><dl>{rows}</dl></section>"
    )


def _cells(line: Document) -> Iterator[tuple[str, str]]:
    if line["wire"]:
        yield "wire", f"<pre>{escape(line['wire'])}</pre>"
    for event in line["events"]:
        yield "event", f"<code>{escape(event_text(event))}</code>"
    for delta in line["deltas"]:
        yield "delta", f"<code>{escape(delta_text(delta))}</code>"
    for frame in line["frames"]:
        look = ' class="bad"' if "error" in frame else ""
        yield "frame", f"<code{look}>{escape(json.dumps(frame, ensure_ascii=False))}</code>"

"""A trace as text for a terminal and as JSON for programs."""

import json
from collections.abc import Iterator
from typing import Any

from plugin_entry.cli.screen import Look
from plugin_entry.cli.tracing.document import Document

type TextRow = tuple[str, Look]

FAILED = "FAILED"


def to_json(document: Document) -> str:
    """The document as it is."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def to_rows(document: Document) -> Iterator[TextRow]:
    """A block per line: time and states, then what came, what it meant, and what left."""
    for number, row in enumerate(summary(document)):
        yield row, Look.TITLE if number == 0 else Look.BAD if row.startswith("error ") else Look.PLAIN
    for line in document["lines"]:
        yield from _block(line)


def summary(document: Document) -> Iterator[str]:
    """What there is to say about the whole reply, a row each."""
    yield f"{document['source']}, model {document['model']}, status {document['status']}"
    first = "" if document["first_chunk_ms"] is None else f", first chunk after {document['first_chunk_ms']:.1f} ms"
    timing = f"{document['total_ms']:.1f} ms{first}" if document["timed"] else "times unknown"
    count = len(document["lines"])
    yield f"{count} {'line' if count == 1 else 'lines'}, {timing}"
    usage = document["usage"]
    if usage is not None:
        speed = f", {usage['tokens_per_second']} tokens/s" if usage["tokens_per_second"] else ""
        estimated = " (estimated)" if usage["estimated"] else ""
        counts = f"{usage['prompt_tokens']} prompt + {usage['completion_tokens']} answer tokens{estimated}{speed}"
        yield f"finish reason {document['finish_reason']}, {counts}"
    if document["error"] is not None:
        yield f"error {document['error']['code']} ({document['error']['family']}): {document['error']['message']}"


def line_title(line: Document) -> str:
    """The number of a line, or what stands in its place."""
    return f"line {line['number']}" if line["number"] else "end of the bytes"


def line_states(line: Document) -> str:
    """Where a line led the machine, and whether it was read at all."""
    states = f"{line['before']} → {line['after']}" if line["before"] != line["after"] else line["before"]
    return states if line["read"] else f"{states}  (not read: the answer had ended)"


def line_rows(line: Document) -> Iterator[tuple[str, str, Look]]:
    """What came, what it meant, and what left: the kind of a row, its text and its look."""
    if line["wire"]:
        yield "wire", line["wire"], Look.QUIET
    for event in line["events"]:
        yield "event", _event(event), Look.PLAIN
    for delta in line["deltas"]:
        yield "delta", _delta(delta), Look.TOOL
    for frame in line["frames"]:
        yield "frame", _json(frame), Look.BAD if "error" in frame else Look.GOOD


def _event(event: Document) -> str:
    """With what it carried and, if it moved the machine, where to."""
    carried = f" {_json(event['text'])}" if event["text"] else ""
    moved = "" if event["before"] == event["after"] else f"  {event['before']} → {event['after']}"
    return f"{event['event']}{carried}{moved}"


def _delta(delta: Document) -> str:
    rest = {key: value for key, value in delta.items() if key != "delta"}
    return f"{delta['delta']} {_json(rest.get('text', rest))}" if rest else str(delta["delta"])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _block(line: Document) -> Iterator[TextRow]:
    yield "", Look.PLAIN
    look = Look.BAD if line["after"] == FAILED else Look.USER
    yield f"{line_title(line)}  {line['ms']:.1f} ms  {line_states(line)}", look
    for kind, text, row_look in line_rows(line):
        yield f"  {kind:<6} {text}", row_look

"""A trace as text for a terminal and as JSON for programs."""

import json
from collections.abc import Iterator

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


def event_text(event: Document) -> str:
    """An event with what it carried and, if it moved the machine, where to."""
    carried = f" {json.dumps(event['text'], ensure_ascii=False)}" if event["text"] else ""
    moved = "" if event["before"] == event["after"] else f"  {event['before']} → {event['after']}"
    return f"{event['event']}{carried}{moved}"


def delta_text(delta: Document) -> str:
    """A delta with what it carries."""
    rest = {key: value for key, value in delta.items() if key != "delta"}
    carried = rest.get("text", rest) if rest else None
    return str(delta["delta"]) + ("" if carried is None else f" {json.dumps(carried, ensure_ascii=False)}")


def _block(line: Document) -> Iterator[TextRow]:
    yield "", Look.PLAIN
    moved = line["before"] != line["after"]
    states = f"{line['before']} → {line['after']}" if moved else line["before"]
    unread = "" if line["read"] else "  (not read: the answer had ended)"
    look = Look.BAD if line["after"] == FAILED else Look.USER
    yield f"{line_title(line)}  {line['ms']:.1f} ms  {states}{unread}", look
    if line["wire"]:
        yield f"  wire   {line['wire']}", Look.QUIET
    for event in line["events"]:
        yield f"  event  {event_text(event)}", Look.PLAIN
    for delta in line["deltas"]:
        yield f"  delta  {delta_text(delta)}", Look.TOOL
    for frame in line["frames"]:
        yield f"  frame  {json.dumps(frame, ensure_ascii=False)}", Look.BAD if "error" in frame else Look.GOOD

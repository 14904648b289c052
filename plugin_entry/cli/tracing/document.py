"""A trace as one plain document, the same for every way to show it: dictionaries, lists, texts and numbers, ready for JSON.

Times are milliseconds since the request was sent.
"""

from typing import Any

import attrs

from plugin_entry.cli.tracing.source import Source
from translator.response.chunks import Chunk
from translator.shapes.dify import Usage
from translator.shapes.events import Delta, Event, FailureDelta, FinalDelta, State
from translator.tracing import TracedLine, trace_reply

type Document = dict[str, Any]


def document_of(source: Source) -> Document:
    """Reads the reply with the plugin's own machine."""
    trace = trace_reply(source.pieces, model=source.model, status=source.status, content_type=source.content_type, route=source.route)
    final, problem = trace.final, trace.problem
    return {
        "source": source.name,
        "model": source.model,
        "status": source.status,
        "timed": source.timed,
        "total_ms": trace.total_ms,
        "first_chunk_ms": trace.first_chunk_ms,
        "finish_reason": final.finish_reason if final else None,
        "usage": _usage(final.usage) if final else None,
        "error": {"code": problem.code, "family": problem.family, "message": problem.message} if problem else None,
        "lines": [_line(line) for line in trace.lines],
    }


def _line(line: TracedLine) -> Document:
    failures = (delta for delta in line.deltas if isinstance(delta, FailureDelta))
    return {
        "number": line.number or None,
        "ms": line.ms,
        "wire": line.wire,
        "read": line.read,
        "before": line.before.name,
        "after": line.after.name,
        "events": [attrs.asdict(step, value_serializer=_named) for step in line.steps],
        "deltas": [{"delta": type(delta).__name__, **_carried(delta)} for delta in line.deltas],
        "frames": [*map(_frame, line.chunks), *({"error": delta.error.problem.message} for delta in failures)],
    }


def _named(_: object, __: object, value: Any) -> Any:
    return value.name if isinstance(value, Event | State) else value


def _carried(delta: Delta) -> Document:
    match delta:
        case FinalDelta(finish_reason, usage, done_reason):
            return {"finish_reason": finish_reason, "done_reason": done_reason, "usage": _usage(usage)}
        case FailureDelta(error):
            return {"code": error.code}
        case _:
            return attrs.asdict(delta)


def _frame(chunk: Chunk) -> Document:
    """What differs from an empty chunk; every frame has a content."""
    frame: Document = {"content": chunk.text}
    if chunk.tool_calls:
        frame["tool_calls"] = [attrs.asdict(call) for call in chunk.tool_calls]
    if chunk.finish_reason is not None:
        frame["finish_reason"] = chunk.finish_reason
    if chunk.usage is not None:
        frame["usage"] = {"prompt_tokens": chunk.usage.prompt_tokens, "completion_tokens": chunk.usage.completion_tokens}
    return frame


def _usage(usage: Usage) -> Document:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "estimated": usage.estimated,
        "tokens_per_second": round(usage.tokens_per_second, 1),
    }

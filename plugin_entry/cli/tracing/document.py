"""A trace as one plain document, the same for every way to show it: dictionaries, lists, texts and numbers, ready for JSON.

Times are milliseconds since the request was sent.
"""

from typing import Any

from plugin_entry.cli.tracing.source import Source
from translator.response.chunks import Chunk
from translator.shapes.dify import ToolCall, Usage
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta, TextDelta, ThinkDelta
from translator.tracing import Trace, TracedLine, TracedStep, trace_reply

type Document = dict[str, Any]


def document_of(source: Source) -> Document:
    """Reads the reply with the plugin's own machine."""
    trace = trace_reply(source.pieces, model=source.model, status=source.status, content_type=source.content_type, route=source.route)
    return {
        "source": source.name,
        "model": source.model,
        "status": source.status,
        "timed": source.timed,
        "total_ms": trace.total_ms,
        "first_chunk_ms": trace.first_chunk_ms,
        **_end(trace),
        "lines": [_line(line) for line in trace.lines],
    }


def _end(trace: Trace) -> Document:
    return {
        "finish_reason": trace.final.finish_reason.value if trace.final else None,
        "usage": _usage(trace.final.usage) if trace.final else None,
        "error": None
        if trace.problem is None
        else {"code": trace.problem.code, "family": trace.problem.family.value, "message": trace.problem.message},
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
        "events": [_step(step) for step in line.steps],
        "deltas": [_delta(delta) for delta in line.deltas],
        "frames": [*map(_frame, line.chunks), *({"error": delta.error.problem.message} for delta in failures)],
    }


def _step(step: TracedStep) -> Document:
    return {"event": step.event.name, "text": step.text, "before": step.before.name, "after": step.after.name}


def _delta(delta: Delta) -> Document:
    kind = {"delta": type(delta).__name__}
    match delta:
        case TextDelta(text) | ThinkDelta(text):
            return {**kind, "text": text}
        case CallsDelta(calls):
            return {**kind, "calls": [_call(call) for call in calls]}
        case FinalDelta(finish_reason, usage, done_reason):
            return {**kind, "finish_reason": finish_reason.value, "done_reason": done_reason, "usage": _usage(usage)}
        case FailureDelta(error):
            return {**kind, "code": error.code}
        case _:
            return kind


def _frame(chunk: Chunk) -> Document:
    """What differs from an empty chunk; every frame has a content."""
    frame: Document = {"content": chunk.text}
    if chunk.tool_calls:
        frame["tool_calls"] = [_call(call) for call in chunk.tool_calls]
    if chunk.finish_reason is not None:
        frame["finish_reason"] = chunk.finish_reason.value
    if chunk.usage is not None:
        frame["usage"] = {"prompt_tokens": chunk.usage.prompt_tokens, "completion_tokens": chunk.usage.completion_tokens}
    return frame


def _call(call: ToolCall) -> Document:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


def _usage(usage: Usage) -> Document:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "estimated": usage.estimated,
        "tokens_per_second": round(usage.tokens_per_second, 1),
    }

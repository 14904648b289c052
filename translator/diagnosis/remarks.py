"""Warnings for whoever runs the server, about answers that succeeded but lost time or text.

Each names a thing that users feel and cannot see: text that never reached the model, seconds lost to loading, a window smaller than it was
said to be. No word of the prompt or the answer is in them.
"""

from collections.abc import Callable

import attrs

from translator.diagnosis.running import RunningModel
from translator.response.held_text import CALL_IN_TEXT, CALL_LEFT_IN_TEXT
from translator.shapes.events import TIME_UP, FinalDelta
from translator.turn import SHORTENED, Turn

RELOAD_MS = 1000
"""Milliseconds of loading that mean a load: with the model in memory `load_duration` is some hundreds at most (0.24.0 `chat-plain`)."""

KEPT_MS = 240_000
"""Milliseconds after an answer in which the server still has the model, unless told otherwise: its default is five minutes."""

MISJUDGED = 1.25
"""The estimate of a prompt may be off by this factor before it is believed against the server's count."""

SPARE = 0.9
"""The share of the window that an answer must have filled to have ended because of it."""


@attrs.frozen(slots=True, kw_only=True)
class Before:
    """What was known when the answer ended: how to estimate the prompt in tokens, and milliseconds since the model's last answer."""

    estimate: Callable[[], int]
    since_last_ms: float | None = None


def remarks(turn: Turn, final: FinalDelta, before: Before) -> tuple[str, ...]:
    """Sentences for the log; empty when all is as it should be."""
    found = (
        _cut_prompt(turn, final, before),
        _reloaded(turn, final, before),
        _short_window(turn, final),
        _out_of_time(final),
        _call_in_text(turn),
    )
    return tuple(filter(None, found))


def was_loaded(final: FinalDelta) -> bool:
    """The server loaded the model for this answer."""
    return final.usage.load_ns >= RELOAD_MS * 1_000_000


def wrong_window(turn: Turn, running: RunningModel | None) -> str:
    """A sentence when the server runs the model with less than was asked for; `running` is what `/api/ps` says."""
    asked, given = turn.window.num_ctx, running and running.window
    if not asked or not given or given >= asked:
        return ""
    return f"The context is wrong: the server runs the model with {given:,} tokens, {asked:,} were asked for; memory may not allow more."


def _cut_prompt(turn: Turn, final: FinalDelta, before: Before) -> str:
    size, real = turn.window.size, final.usage.prompt_tokens
    if SHORTENED in turn.notes:
        return f"The prompt was cut: older turns did not fit into {size:,} tokens."
    if final.usage.estimated or not turn.is_countable or real > size or turn.prompt_characters <= size:
        return ""
    estimate = before.estimate()
    if estimate <= max(size, real * MISJUDGED):
        return ""
    return f"The prompt was cut by the server: it read {real:,} tokens of about {estimate:,}; the window has {size:,}."


def _reloaded(turn: Turn, final: FinalDelta, before: Before) -> str:
    if not was_loaded(final) or before.since_last_ms is None or before.since_last_ms > KEPT_MS or turn.request.keep_alive in {0, "0"}:
        return ""
    return (
        f"The model was loaded again ({final.usage.load_ns / 1e9:.1f} s), {before.since_last_ms / 1000:.0f} s after its last answer: "
        "another context size, another model that took its memory, or a short keep_alive."
    )


def _out_of_time(final: FinalDelta) -> str:
    return "The answer was ended at its time limit (answer_timeout), before Dify throws it away." if final.done_reason == TIME_UP else ""


def _call_in_text(turn: Turn) -> str:
    return next((note for note in (CALL_IN_TEXT, CALL_LEFT_IN_TEXT) if note in turn.notes), "")


def _short_window(turn: Turn, final: FinalDelta) -> str:
    """An answer that ended for its length, at no limit that was sent, ended at the window."""
    usage, size = final.usage, turn.window.size
    if final.done_reason != "length" or usage.estimated or turn.window.num_ctx is None:
        return ""
    limit = turn.request.options.get("num_predict")
    if (isinstance(limit, int) and 0 < limit <= usage.completion_tokens) or usage.total_tokens >= size * SPARE:
        return ""
    return f"The context is wrong: the answer ended for its length at {usage.total_tokens:,} tokens of a window of {size:,}."

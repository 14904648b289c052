"""The size of the context window: Dify is told the same number as the server.

The number depends on settings only, never on the prompt: any change of `num_ctx` makes the server load the model again (server/sched.go,
needsReload).
"""

from enum import StrEnum

import attrs

from translator.errors import Family, Problem
from translator.versions import NEWEST, RUNNING_WINDOW, TRUNCATE, ServerVersion

AUTO_LIMIT = 8192
"""Automatic size in tokens where the model could do more: the full trained length fills the memory of most machines."""

SERVERS_WINDOW = 0
"""The setting that leaves the window to the server (OLLAMA_CONTEXT_LENGTH, or its own choice by memory): `num_ctx` is never sent, so a
model is not loaded again because two clients want two sizes."""

UNLOADED_LIMIT = 4096
"""The server's window in tokens before it was ever seen running the model: the smallest that servers choose by themselves since 0.6
(envconfig/config.go)."""

UNKNOWN_LIMIT = 8192
"""Size in tokens where nothing is known of the model."""


class OverflowPolicy(StrEnum):
    """What happens when a conversation outgrows the window."""

    DROP = "drop"
    """The server drops whole oldest turns; the system prompt and the last message stay (server/prompt.go). Nothing is sent."""
    ERROR = "error"
    """The server refuses (`truncate: false`, 0.24.0 and 0.33.0 `error-too-long*`)."""


@attrs.frozen(slots=True, kw_only=True)
class ModelWindow:
    """What the model's description says, in tokens; None where it is silent. `remote`: it runs in the cloud."""

    maximum: int | None = None
    num_ctx: int | None = None
    running: int | None = None
    """The window that the server runs the model with, or ran it with last."""
    remote: bool = False


@attrs.frozen(slots=True, kw_only=True)
class ContextPlan:
    """`size` in tokens for Dify and for our own estimates. `num_ctx` and `truncate` are sent unless None."""

    size: int
    num_ctx: int | None = None
    truncate: bool | None = None
    maximum: int | None = None
    note: str = ""


def plan_context(
    setting: int | None,
    window: ModelWindow,
    overflow: OverflowPolicy = OverflowPolicy.DROP,
    *,
    version: ServerVersion = NEWEST,
) -> ContextPlan:
    """The window for a setting in tokens (None: automatic; `SERVERS_WINDOW`: what the server runs the model with).

    Automatic: the Modelfile's `num_ctx`, else the model's maximum up to 8192. A number above the model's maximum is cut to it, as the
    server does by itself (llm/llama_server.go): Dify must not budget with tokens that do not exist. Cloud models always have their maximum
    and take no `num_ctx`; there a smaller number only limits Dify's budget.
    """
    if setting == SERVERS_WINDOW:
        if version >= RUNNING_WINDOW and not window.remote:
            size = window.running or min(window.num_ctx or UNLOADED_LIMIT, window.maximum or UNLOADED_LIMIT)
            truncate = False if overflow is OverflowPolicy.ERROR else None
            return ContextPlan(size=size, truncate=truncate, maximum=window.maximum, note=_overflow_note(overflow, version))
        note = "" if window.remote else f"Server {version} does not say its window ({RUNNING_WINDOW} does): the context size is automatic."
        return attrs.evolve(plan_context(None, window, overflow, version=version), note=note)
    wanted = setting if setting is not None else _automatic(window)
    size = wanted if window.maximum is None else min(wanted, window.maximum)
    return ContextPlan(
        size=size,
        num_ctx=None if window.remote else size,
        truncate=False if overflow is OverflowPolicy.ERROR else None,
        maximum=window.maximum,
        note=" ".join(filter(None, (_cut_note(wanted, size), _overflow_note(overflow, version)))),
    )


def _automatic(window: ModelWindow) -> int:
    if window.remote:
        return window.maximum or UNKNOWN_LIMIT
    return window.num_ctx or min(window.maximum or UNKNOWN_LIMIT, AUTO_LIMIT)


def _cut_note(wanted: int, size: int) -> str:
    return f"The context size {wanted} is more than the model can do; {size} is used." if size < wanted else ""


def _overflow_note(overflow: OverflowPolicy, version: ServerVersion) -> str:
    if overflow is OverflowPolicy.ERROR and version < TRUNCATE:
        return f"Server {version} cannot refuse prompts that are too long (0.12.6 can); it drops the oldest turns."
    return ""


def too_long(prompt: int | None, window: int | None, maximum: int | None, *, estimated: bool = False) -> Problem:
    """The one message for a prompt that does not fit, with the numbers that are known: prompt, window, the model's maximum (tokens).

    `estimated`: nobody counted the prompt, the number is our guess.
    """
    numbers = {"prompt of about" if estimated else "prompt": prompt, "context size": window, "model maximum": maximum}
    known = ", ".join(f"{name} {number} tokens" for name, number in numbers.items() if number is not None)
    can_grow = maximum is None or window is None or window < maximum
    remedy = "Shorten the prompt or the history" + (
        ", or raise the context size in the model's settings." if can_grow else ", or use a model with a larger context."
    )
    cause = f"The prompt does not fit into the context window ({known})." if known else "The prompt does not fit into the context window."
    return Problem(code="context_too_long", family=Family.BAD_REQUEST, cause=cause, remedy=remedy)

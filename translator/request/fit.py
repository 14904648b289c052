"""Prompts that are longer than the context window: which are refused at once, which must not be cut, and what is left out of the others.

Enters: the messages of a turn, and the window. Leaves: nothing, a yes or no, or the messages without their older half. Older turns may be
dropped; the system prompt and the last message never are, and when these alone do not fit it is an error under both overflow policies: a
server that is allowed to truncate would cut them in the middle without a word (0.24.0 and 0.33.0 `too-long-truncated`).
"""

import math
from collections.abc import Sequence

import attrs

from translator.errors import RequestError
from translator.request.context import ContextPlan, too_long
from translator.schema.tools import spelled
from translator.shapes.dify import Message, Role, TextPart, Tool
from translator.shapes.wire import WireMessage
from translator.tokens import TOOLS_TOKENS, estimate_messages

CERTAINLY_MORE = 0.6
"""An estimate times this is below the real count for any vocabulary (see `translator/tokens.py`)."""

HARDLY_MORE = 2.0
"""An estimate times this is above the real count for nearly any vocabulary."""

MOST_TOKENS_PER_CHARACTER = 3
"""Bytes of a character that no vocabulary knows, each a token of its own; only rare characters have four."""

FIXED_ROLES = frozenset({Role.SYSTEM, Role.DEVELOPER})


def undroppable(messages: Sequence[Message]) -> tuple[Message, ...]:
    """What the server keeps whatever happens: system messages and the last message (server/prompt.go)."""
    return (*(message for message in messages[:-1] if message.role in FIXED_ROLES), *messages[-1:])


def require_room(messages: Sequence[Message], tools: Sequence[Tool], window: ContextPlan) -> None:
    """Refuses what is certain not to fit even alone; for the rest the server knows better than any estimate.

    Files are not counted: a picture costs one model 64 tokens and another 4000. Raises RequestError (context_too_long).
    """
    texts = _texts(messages)
    if _is_short(texts, tools, window):
        return
    tokens = estimate_messages(texts, tools)
    if tokens * CERTAINLY_MORE > window.size:
        raise RequestError(too_long(tokens, window.size, window.maximum, estimated=True))


def may_be_cut(messages: Sequence[Message], tools: Sequence[Tool], window: ContextPlan) -> bool:
    """Whether these messages alone might be longer than the window, so that the server must not be allowed to truncate."""
    has_files = any(not isinstance(message.content, str) for message in messages)
    if not has_files and _is_short(messages, tools, window):
        return False
    return estimate_messages(messages, tools) * HARDLY_MORE > window.size


def without_older_half(messages: tuple[WireMessage, ...]) -> tuple[WireMessage, ...] | None:
    """The messages without the older half of what may be dropped; None when nothing may.

    System messages stay, and so does the end: the last message, with the calls it answers when it is a tool's result, with the question
    before it when it is the beginning of an answer.
    """
    end = _start_of_end(messages)
    droppable = [index for index in range(end) if messages[index].role != Role.SYSTEM]
    if not droppable:
        return None
    dropped = set(droppable[: (len(droppable) + 1) // 2])
    for index in droppable:
        if index not in dropped and messages[index].role != Role.TOOL:
            break
        dropped.add(index)  # a result must not outlive its call
    return tuple(message for index, message in enumerate(messages) if index not in dropped)


def _start_of_end(messages: Sequence[WireMessage]) -> int:
    turns = [index for index, message in enumerate(messages) if message.role != Role.SYSTEM]
    ends_with_answer = bool(turns) and messages[turns[-1]].role == Role.ASSISTANT
    while len(turns) > 1 and messages[turns[-1]].role == Role.TOOL:
        turns.pop()
    if len(turns) > 1 and ends_with_answer:
        turns.pop()
    return turns[-1] if turns else 0


def _is_short(messages: Sequence[Message], tools: Sequence[Tool], window: ContextPlan) -> bool:
    """A bound that costs next to nothing, for nearly all prompts."""
    return _most_tokens_of(tools) + sum(map(_characters, messages)) * MOST_TOKENS_PER_CHARACTER <= window.size


def _most_tokens_of(tools: Sequence[Tool]) -> float:
    """No token is less than a byte. What cannot be spelled is left to the estimate."""
    texts = [spelled(tool) for tool in tools]
    return sum(math.inf if text is None else TOOLS_TOKENS + len(text) for text in texts)


def _characters(message: Message) -> int:
    return sum(map(len, message.texts))


def _texts(messages: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(map(_without_files, messages))


def _without_files(message: Message) -> Message:
    if isinstance(message.content, str):
        return message
    return attrs.evolve(message, content=tuple(part for part in message.content if isinstance(part, TextPart)))

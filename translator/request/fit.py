"""Prompts that are longer than the context window: which are refused at once, which must not be cut, and what is left out of the others.

A conversation is system messages and exchanges. An exchange is a user's turn with all that follows it up to the next; the last one is
running. Of a running exchange the user's turn stays, and what follows falls into rounds: an answer or calls, with the results of the calls.
Older exchanges leave first, whole and oldest first, then older rounds of the running exchange. So what is left begins with a user's turn,
roles alternate as before, and no result outlives its call. System messages, the running question and the last round never leave; when
these alone do not fit it is an error under both overflow policies: a server that is allowed to truncate would cut them in the middle
without a word (0.24.0 and 0.33.0 `too-long-truncated`).
"""

import math
from collections.abc import Sequence
from typing import Protocol

import attrs

from translator.errors import RequestError
from translator.request.context import ContextPlan, too_long
from translator.schema.tools import spelled
from translator.shapes.dify import Message, Role, TextPart, Tool
from translator.tokens import TOOLS_TOKENS, Vocabulary, estimate_messages, most_tokens

CERTAINLY_MORE = 0.6
"""An estimate times this is below the real count for any vocabulary (see `translator/tokens`)."""

HARDLY_MORE = 2.0
"""An estimate times this is above the real count for nearly any vocabulary."""

FIXED_ROLES = frozenset({Role.SYSTEM, Role.DEVELOPER})


class HasRole(Protocol):
    """A message of either side."""

    @property
    def role(self) -> str: ...


def undroppable[M: HasRole](messages: Sequence[M]) -> tuple[M, ...]:
    """What stays whatever happens: system messages, the question that is being answered, and the last round of its answer."""
    dropped = {index for unit in _units(messages, everything=True) for index in unit}
    return tuple(message for index, message in enumerate(messages) if index not in dropped)


def require_room(
    messages: Sequence[Message], tools: Sequence[Tool], window: ContextPlan, vocabulary: Vocabulary = Vocabulary.OTHER
) -> None:
    """Refuses what is certain not to fit even alone; for the rest the server knows better than any estimate.

    Files are not counted: a picture costs one model 64 tokens and another 4000. Raises RequestError (context_too_long).
    """
    if _most_tokens(messages, tools) * CERTAINLY_MORE <= window.size:
        return
    tokens = estimate_messages(tuple(map(_without_files, messages)), tools, vocabulary)
    if tokens * CERTAINLY_MORE > window.size:
        raise RequestError(too_long(tokens, window.size, window.maximum, estimated=True))


def may_be_cut(messages: Sequence[Message], tools: Sequence[Tool], window: ContextPlan, vocabulary: Vocabulary = Vocabulary.OTHER) -> bool:
    """Whether these messages alone might be longer than the window, so that the server must not be allowed to truncate."""
    has_files = any(not isinstance(message.content, str) for message in messages)
    if not has_files and _most_tokens(messages, tools) <= window.size:
        return False
    return estimate_messages(messages, tools, vocabulary) * HARDLY_MORE > window.size


def without_older_half[M: HasRole](messages: Sequence[M]) -> tuple[M, ...] | None:
    """The messages without the older half of its older exchanges, or else of the running one's older rounds; None for neither."""
    units = _units(messages)
    dropped = {index for unit in units[: (len(units) + 1) // 2] for index in unit}
    return tuple(message for index, message in enumerate(messages) if index not in dropped) if dropped else None


def may_be_cut_by_server(messages: Sequence[HasRole]) -> bool:
    """Whether the server's own way of cutting does no harm (server/prompt.go): it drops single messages from the front, which parts calls
    from their results and loses the question of a loop.
    """
    return messages[-1].role == Role.USER and all(message.role != Role.TOOL for message in messages)


def alternates(messages: Sequence[HasRole]) -> bool:
    """Whether users and assistants take turns, users first, as strict templates want it; results of calls belong to the assistant."""
    roles = [message.role for message in messages if message.role not in FIXED_ROLES | {Role.TOOL}]
    turns = [role for index, role in enumerate(roles) if not (index and role == Role.ASSISTANT == roles[index - 1])]
    return all(role == (Role.ASSISTANT if index % 2 else Role.USER) for index, role in enumerate(turns))


def _units(messages: Sequence[HasRole], *, everything: bool = False) -> list[list[int]]:
    """What may be left out, oldest first, by index: older exchanges; without any, or with `everything`, the running one's rounds."""
    *older, running = _parted(messages, range(len(messages)), Role.USER)
    opened = bool(running) and messages[running[0]].role == Role.USER
    rounds = _parted(messages, running[1:] if opened else running, Role.ASSISTANT)[:-1]
    return older + rounds if everything else older or rounds


def _parted(messages: Sequence[HasRole], places: Sequence[int], opener: Role) -> list[list[int]]:
    """The places without those of system messages, a new list at each message of `opener`; at least one list."""
    parts: list[list[int]] = [[]]
    for place in places:
        if messages[place].role in FIXED_ROLES:
            continue
        if messages[place].role == opener and parts[-1]:
            parts.append([])
        parts[-1].append(place)
    return parts


def _most_tokens(messages: Sequence[Message], tools: Sequence[Tool]) -> float:
    """A bound, which takes a hundredth of the time of an estimate. A tool that cannot be spelled is left to the estimate."""
    texts = map(spelled, tools)
    return most_tokens(messages) + sum(math.inf if text is None else TOOLS_TOKENS + len(text) for text in texts)


def _without_files(message: Message) -> Message:
    if isinstance(message.content, str):
        return message
    return attrs.evolve(message, content=tuple(part for part in message.content if isinstance(part, TextPart)))

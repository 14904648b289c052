"""Other forms of a conversation, for models whose template, or whose service behind the cloud, refuses the one that was sent.

A rewrite is tried once, after the refusal it is for (`REWRITE_AFTER`). One that helped is remembered for the model (`KnownRewrites`) and
used at once in its next request. The value of a rewrite is its sentence for the log.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import count

import attrs

from translator.caches import BoundedCache
from translator.shapes.dify import Role
from translator.shapes.wire import WireMessage

SEPARATOR = "\n\n"
REMEMBERED = 1024
"""Models of which rewrites are remembered; the ones that were used longest ago are forgotten."""

type WireMessages = tuple[WireMessage, ...]


class Rewrite(StrEnum):
    """What was changed."""

    SYSTEM_FIRST = "All system texts were joined at the beginning: the model's template takes them nowhere else."
    IN_TURN = (
        "System texts were joined at the beginning, and neighbours of one role: the model's template wants users and assistants in turn."
    )
    SYSTEM_IN_USER = "The system text was put before the first user message: the model's template takes no system message."
    SHORT_CALL_IDS = "Past tool calls were given ids of nine letters and digits: the model's template takes no others."
    WITHOUT_THINKING = "The thinking of earlier answers was left out: the model does not take it back."
    NO_THINKING_BEFORE_FORMAT = "Thinking was switched off while the answer has a format: with it the model gave no answer."
    """The only one that leaves the messages as they are."""


REWRITE_AFTER: Mapping[str, Rewrite] = {
    "system_not_first": Rewrite.SYSTEM_FIRST,
    "roles_must_alternate": Rewrite.IN_TURN,
    "system_refused": Rewrite.SYSTEM_IN_USER,
    "call_id_form": Rewrite.SHORT_CALL_IDS,
    "thinking_in_history": Rewrite.WITHOUT_THINKING,
    "empty_answer": Rewrite.NO_THINKING_BEFORE_FORMAT,
}
"""Which rewrite may help after a refusal, by the code of the error catalogue."""


def rewritten(messages: WireMessages, rewrite: Rewrite) -> WireMessages:
    """The messages in that form; equal to what they were when there is nothing to change."""
    return _FORMS[rewrite](messages)


class KnownRewrites:
    """What helped, by model. The key is the caller's; it should tell servers and their users apart."""

    def __init__(self) -> None:
        self._known: BoundedCache[Hashable, frozenset[Rewrite]] = BoundedCache(REMEMBERED)

    def of(self, key: Hashable) -> frozenset[Rewrite]:
        """The rewrites that a model needs."""
        return self._known.get(key) or frozenset()

    def learn(self, key: Hashable, rewrites: Iterable[Rewrite]) -> None:
        """Remembers the rewrites of a turn that was answered."""
        known = self.of(key).union(rewrites)
        if known:
            self._known.put(key, known)


def _system_first(messages: WireMessages) -> WireMessages:
    system = [message for message in messages if message.role == Role.SYSTEM]
    if not system or (len(system) == 1 and messages[0] is system[0]):
        return messages
    return (_joined(system, system[0]), *_without_system(messages))


def _in_turn(messages: WireMessages) -> WireMessages:
    """gemma's template counts a system text in the middle as a turn (0.33.0). Calls, results and thinking stay as they are."""
    joined: list[WireMessage] = []
    for message in _system_first(messages):
        before = joined[-1] if joined else None
        if before is not None and before.role == message.role and _is_talk(before) and _is_talk(message):
            joined[-1] = _joined([before, message], before)
        else:
            joined.append(message)
    return tuple(joined)


def _is_talk(message: WireMessage) -> bool:
    return message.role in {Role.USER, Role.ASSISTANT} and not message.tool_calls and message.thinking is None


def _system_in_user(messages: WireMessages) -> WireMessages:
    system = [message for message in messages if message.role == Role.SYSTEM]
    others = _without_system(messages)
    first = next((index for index, message in enumerate(others) if message.role == Role.USER), None)
    if not system or first is None:
        return messages
    return (*others[:first], _joined([*system, others[first]], others[first]), *others[first + 1 :])


def _without_system(messages: WireMessages) -> WireMessages:
    return tuple(message for message in messages if message.role != Role.SYSTEM)


def _joined(messages: Sequence[WireMessage], like: WireMessage) -> WireMessage:
    content = SEPARATOR.join(message.content for message in messages if message.content)
    return attrs.evolve(like, content=content, images=tuple(image for message in messages for image in message.images))


def _short_call_ids(messages: WireMessages) -> WireMessages:
    """Calls are numbered in their order; a result gets the id of its call, by the id it had or else by its place."""
    numbers = count(1)
    ids: dict[str, str] = {}
    waiting: list[str] = []
    changed: list[WireMessage] = []
    for message in messages:
        if message.tool_calls:
            calls = tuple(attrs.evolve(call, id=f"call{next(numbers):05d}") for call in message.tool_calls)
            ids |= {old.id: str(new.id) for old, new in zip(message.tool_calls, calls, strict=True) if old.id}
            waiting = [str(call.id) for call in calls]
            changed.append(attrs.evolve(message, tool_calls=calls))
        elif message.role == Role.TOOL and (waiting or message.tool_call_id):
            known = ids.get(message.tool_call_id or "") or (waiting[0] if waiting else f"call{next(numbers):05d}")
            waiting = [each for each in waiting if each != known]
            changed.append(attrs.evolve(message, tool_call_id=known))
        else:
            changed.append(message)
    return tuple(changed)


def _without_thinking(messages: WireMessages) -> WireMessages:
    return tuple(message if message.thinking is None else attrs.evolve(message, thinking=None) for message in messages)


_FORMS: Mapping[Rewrite, Callable[[WireMessages], WireMessages]] = {
    Rewrite.SYSTEM_FIRST: _system_first,
    Rewrite.IN_TURN: _in_turn,
    Rewrite.SYSTEM_IN_USER: _system_in_user,
    Rewrite.SHORT_CALL_IDS: _short_call_ids,
    Rewrite.WITHOUT_THINKING: _without_thinking,
    Rewrite.NO_THINKING_BEFORE_FORMAT: lambda messages: messages,
}

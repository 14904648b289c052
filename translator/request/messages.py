"""Dify's prompt messages to Ollama's, order kept.

Enters: messages of any role with text, parts, calls and tool results. Leaves: wire messages that the server decodes and every template
reads: content is one string, arguments are objects, tool results follow their calls in call order and carry name and id, thinking of past
answers is apart from their text. A part that cannot be sent raises; nothing is dropped but what is empty.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from translator.errors import RequestError
from translator.request.history import split_thinking
from translator.schema.arguments import arguments_to_object
from translator.shapes.dify import MediaPart, Message, Role, ToolCall
from translator.shapes.wire import WireFunctionCall, WireMessage, WireToolCall

WIRE_ROLES = {role: role.value for role in Role} | {Role.DEVELOPER: Role.SYSTEM.value}
"""Most of the server's renderers have no branch for `developer` and drop such a message without a word."""

MINIMAL_USER_TURN = WireMessage(role=Role.USER)
"""An empty user turn: strict chat templates of 0.30+ raise without any, and an empty `messages` only loads the model (0.24.0 `load`)."""

type MediaToWire = Callable[[MediaPart], str]
"""One media part to bare padded base64; raises RequestError when it cannot be sent."""


type ArgumentsToWire = Callable[[str, str], Mapping[str, Any]]
"""The text of a past call's arguments and the tool's name to the object that is sent; raises RequestError."""


def refuse_media(part: MediaPart) -> str:
    """The `MediaToWire` for callers that send text only."""
    raise RequestError.of(
        "media_not_supported",
        f"The message holds a part of type {part.kind.value}, which this model call cannot send.",
        "Remove the file from the message, or use a model with the capability.",
    )


def messages_to_wire(
    messages: Sequence[Message], media_to_wire: MediaToWire = refuse_media, arguments_to_wire: ArgumentsToWire = arguments_to_object
) -> tuple[WireMessage, ...]:
    """Gives at least one message, with at least one turn that is not the system's. Raises RequestError."""
    ordered = _results_in_call_order(_results_with_names(messages))
    wire = [_to_wire(message, media_to_wire, arguments_to_wire) for message in ordered]
    kept = _without_empty(wire)
    if all(message.role == Role.SYSTEM for message in kept):
        kept.append(MINIMAL_USER_TURN)
    return tuple(kept)


def _to_wire(message: Message, media_to_wire: MediaToWire, arguments_to_wire: ArgumentsToWire) -> WireMessage:
    images: tuple[str, ...] = ()
    role, content = WIRE_ROLES[message.role], message.content
    if not isinstance(content, str):
        images = tuple(media_to_wire(part) for part in content if isinstance(part, MediaPart))
        content = "".join(message.texts)
    match message.role:
        case Role.ASSISTANT:
            past = split_thinking(content)
            calls = tuple(_call_to_wire(call, arguments_to_wire) for call in message.tool_calls)
            return WireMessage(role=role, content=past.content, images=images, thinking=past.thinking or None, tool_calls=calls)
        case Role.TOOL:
            tool, call = message.name or None, message.tool_call_id or None
            return WireMessage(role=role, content=content, images=images, tool_name=tool, tool_call_id=call)
        case _:
            return WireMessage(role=role, content=content, images=images)


def _call_to_wire(call: ToolCall, arguments_to_wire: ArgumentsToWire) -> WireToolCall:
    arguments = arguments_to_wire(call.arguments, call.name)
    return WireToolCall(id=call.id or None, function=WireFunctionCall(name=call.name, arguments=arguments))


def _results_with_names(messages: Sequence[Message]) -> list[Message]:
    """Fills in the tool's name where a result came without: the nearest call before it with the same id has it."""
    names: dict[str, str] = {}
    named: list[Message] = []
    for message in messages:
        names |= {call.id: call.name for call in message.tool_calls}
        missing = message.role is Role.TOOL and not message.name
        named.append(attrs.evolve(message, name=names.get(message.tool_call_id, "")) if missing else message)
    return named


def _results_in_call_order(messages: Sequence[Message]) -> list[Message]:
    """Sorts each run of tool results by the calls it answers: most renderers go by order and ignore ids."""
    ordered: list[Message] = []
    run: list[Message] = []
    rank: dict[str, int] = {}
    for message in messages:
        if message.role is Role.TOOL:
            run.append(message)
            continue
        ordered += _sorted_run(run, rank)
        run = []
        rank = {call.id: position for position, call in enumerate(message.tool_calls)}
        ordered.append(message)
    return ordered + _sorted_run(run, rank)


def _sorted_run(run: list[Message], rank: dict[str, int]) -> list[Message]:
    return sorted(run, key=lambda result: rank.get(result.tool_call_id, len(rank)))


def _without_empty(messages: list[WireMessage]) -> list[WireMessage]:
    """Drops system messages without content (agents send one when there is no instruction) and an empty assistant turn at the end."""
    kept = [message for message in messages if not (message.role == Role.SYSTEM and _is_empty(message))]
    while kept and kept[-1].role == Role.ASSISTANT and _is_empty(kept[-1]):
        kept.pop()
    return kept


def _is_empty(message: WireMessage) -> bool:
    return not (message.content.strip() or message.images or message.tool_calls)

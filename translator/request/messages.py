"""Dify's prompt messages to Ollama's messages, in the same order, and to the texts of completion mode.

What comes out suits every template: content is one string, arguments are objects, tool results follow their calls in call order and carry
name and id, thinking of past answers is apart from their text. A part that cannot be sent raises an error; only what is empty is dropped.
"""

import re
from collections.abc import Callable, Sequence

import attrs

from translator.errors import RequestError
from translator.schema.json_data import arguments_to_object
from translator.shapes.dify import MediaPart, Message, Mode, Role, ToolCall
from translator.shapes.wire import WireFunctionCall, WireMessage, WireToolCall

WIRE_ROLES = {role: role.value for role in Role} | {Role.DEVELOPER: Role.SYSTEM.value}
"""Most of the server's renderers have no branch for `developer` and drop such a message without a word."""

MINIMAL_USER_TURN = WireMessage(role=Role.USER)
"""An empty user turn: strict chat templates of 0.30+ raise without any, and an empty `messages` only loads the model (0.24.0 `load`)."""

type MediaToWire = Callable[[MediaPart], str]
"""One media part to bare padded base64; raises RequestError when it cannot be sent."""


def refuse_media(part: MediaPart) -> str:
    """The `MediaToWire` for callers that send text only."""
    raise RequestError.of(
        "media_not_supported",
        f"The message holds a part of type {part.kind.value}, which this model call cannot send.",
        "Remove the file from the message, or use a model with the capability.",
    )


def messages_to_wire(messages: Sequence[Message], media_to_wire: MediaToWire = refuse_media) -> tuple[WireMessage, ...]:
    """Gives at least one message, with at least one turn that is not the system's. Raises RequestError."""
    ordered = _results_in_call_order(_results_with_names(messages))
    wire = [_to_wire(message, media_to_wire) for message in ordered]
    kept = _without_empty(wire)
    if all(message.role == Role.SYSTEM for message in kept):
        kept.append(MINIMAL_USER_TURN)
    return tuple(kept)


def with_instruction(messages: tuple[WireMessage, ...], instruction: str) -> tuple[WireMessage, ...]:
    """Adds a sentence to the first system message, or a system message to the front."""
    if not instruction:
        return messages
    first, rest = messages[0], messages[1:]
    if first.role != Role.SYSTEM:
        return (WireMessage(role=Role.SYSTEM.value, content=instruction), *messages)
    return (attrs.evolve(first, content=f"{first.content}\n\n{instruction}".strip()), *rest)


def _to_wire(message: Message, media_to_wire: MediaToWire) -> WireMessage:
    images: tuple[str, ...] = ()
    role, content = WIRE_ROLES[message.role], message.content
    if not isinstance(content, str):
        images = tuple(media_to_wire(part) for part in content if isinstance(part, MediaPart))
        content = "".join(message.texts)
    match message.role:
        case Role.ASSISTANT:
            content, thinking = split_thinking(content)
            calls = tuple(_call_to_wire(call) for call in message.tool_calls)
            return WireMessage(role=role, content=content, images=images, thinking=thinking or None, tool_calls=calls)
        case Role.TOOL:
            tool, call = message.name or None, message.tool_call_id or None
            return WireMessage(role=role, content=content, images=images, tool_name=tool, tool_call_id=call)
        case _:
            return WireMessage(role=role, content=content, images=images)


def _call_to_wire(call: ToolCall) -> WireToolCall:
    arguments = arguments_to_object(call.arguments, call.name)
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


# --- thinking of past answers ------------------------------------------------------------------------------------------------

THINK_BLOCK = re.compile(r"\s*<think(?:\s[^>]{0,512})?>(.*?)(?:</think\s*>|\Z)", re.DOTALL | re.IGNORECASE)


def split_thinking(text: str) -> tuple[str, str]:
    """Content and thinking of a past answer; several blocks are joined by a line break, no block is "".

    Blocks stand at the beginning. Tags later in the text are words about tags, or were shown as such: they stay where they are.
    """
    thoughts, end = [], 0
    while (block := THINK_BLOCK.match(text, end)) is not None:
        thoughts.append(block.group(1).strip())
        end = block.end()
    return text[end:].strip() if thoughts else text, "\n".join(filter(None, thoughts))


# --- completion mode ---------------------------------------------------------------------------------------------------------

SEPARATOR = "\n\n"


@attrs.frozen(slots=True, kw_only=True)
class CompletionText:
    """The three fields that take the place of messages."""

    system: str = attrs.field(repr=False)
    prompt: str = attrs.field(repr=False)
    images: tuple[str, ...] = attrs.field(default=(), repr=False)


def completion_text(messages: Sequence[Message], media_to_wire: MediaToWire) -> CompletionText:
    """Joins the texts of a role with blank lines, in order. Raises RequestError for an empty prompt and for what cannot be sent."""
    wire = messages_to_wire(messages, media_to_wire)
    system = SEPARATOR.join(message.content for message in wire if message.role == Role.SYSTEM and message.content)
    prompt = SEPARATOR.join(message.content for message in wire if message.role != Role.SYSTEM and message.content)
    images = tuple(image for message in wire for image in message.images)
    if not prompt.strip() and not images:
        raise RequestError.of(
            "prompt_empty", "The prompt is empty, so the model has nothing to complete.", "Write something into the prompt."
        )
    return CompletionText(system=system, prompt=prompt, images=images)


def require_insert(model: str, suffix: str, mode: Mode, can_insert: bool | None) -> None:
    """Refuses a `suffix` where it would be lost or refused: "does not support insert", 400 (server/routes.go). Raises RequestError."""
    if not suffix:
        return
    if mode is not Mode.COMPLETION:
        raise RequestError.of("suffix_in_chat", "A suffix was given, which chat mode does not have.", "Use completion mode, or no suffix.")
    if can_insert is False:
        raise RequestError.of(
            "insert_missing",
            f'The model "{model}" cannot insert text before a suffix.',
            "Use a model with the capability insert, such as qwen2.5-coder or codellama:code, or no suffix.",
        )

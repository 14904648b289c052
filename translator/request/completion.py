"""Messages to the one prompt of completion mode.

Enters: any messages; Dify sends a single user message here, agents and memory may send more. Leaves: system text, prompt text and
pictures for `/api/generate`. The whole text is kept; an empty prompt would only load the model and answer nothing, so it is refused. A
text to insert before (`suffix`) has no place in Dify; who uses the library may give one.
"""

from collections.abc import Sequence

import attrs

from translator.errors import RequestError
from translator.request.messages import MediaToWire, messages_to_wire
from translator.shapes.dify import Message, Mode, Role

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

"""Messages to the one prompt of completion mode.

Enters: any messages; Dify sends a single user message here, agents and memory may send more. Leaves: system text, prompt text and
pictures for `/api/generate`. The whole text is kept; an empty prompt would only load the model and answer nothing, so it is refused.
"""

from collections.abc import Sequence

import attrs

from translator.errors import RequestError
from translator.request.messages import MediaToWire, messages_to_wire
from translator.shapes.dify import Message, Role

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

"""What the demo shows, as a table: one row per scene.

A scene is a question that goes through the plugin, and for the embedded server the recorded replies that answer it, one per turn, and what
must come out of them. Against a real server the questions are the same and nobody knows the answers.
"""

import io
import json
from collections.abc import Mapping
from typing import Any

import attrs

from plugin_entry.cli.chat.tools import TOOLS
from plugin_entry.cli.daemon.requests import image_part

SIDE = 64
VISION, TOOL_CALL, THOUGHT = "vision", "tool-call", "agent-thought"
"""Dify's words for what a model can do."""

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"city": {"type": "string"}, "temp": {"type": "integer"}},
        "required": ["city", "temp"],
    }
)
"""A text, as Dify sends it."""


@attrs.frozen(slots=True, kw_only=True)
class Expected:
    """What the recordings say: `finish` of every turn, a part of the last answer's text, and whether it thinks, or breaks off."""

    finish: tuple[str | None, ...]
    says: str
    thinks: bool = False
    breaks_off: bool = False


@attrs.frozen(slots=True, kw_only=True)
class Scene:
    """`needs` is a feature of the model. `recordings` are `version/scenario`, one per turn. `staged`: no server does this on demand."""

    title: str
    prompt: str
    recordings: tuple[str, ...]
    expected: Expected
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    tools: tuple[Mapping[str, Any], ...] = ()
    picture: bool = False
    structured: bool = False
    needs: str | None = None
    staged: bool = False


SCENES: tuple[Scene, ...] = (
    Scene(
        title="A plain answer",
        prompt="Why is the sky blue? Two sentences.",
        recordings=("0.24.0/chat-plain",),
        expected=Expected(finish=("stop",), says="air scatters short wavelengths"),
        parameters={"think": "off"},
    ),
    Scene(
        title="An answer with thinking",
        prompt="What makes the sky blue? Keep it short.",
        recordings=("0.33.0-rc2/qwen35-thinking",),
        expected=Expected(finish=("stop",), says="Rayleigh scattering", thinks=True),
        parameters={"think": "on"},
        needs=THOUGHT,
    ),
    Scene(
        title="Thinking at level high",
        prompt="Why is a sunset red? Think hard.",
        recordings=("0.24.0/think-high",),
        expected=Expected(finish=("stop",), says="Rayleigh scattering", thinks=True),
        parameters={"think": "high"},
        needs=THOUGHT,
    ),
    Scene(
        title="Parallel tool calls, and the turn with their results",
        prompt="How is the weather in Paris and in Oslo? Ask for both cities at once.",
        recordings=("0.24.0/tool-two", "0.33.0-rc2/native-tool-result-turn"),
        expected=Expected(finish=("tool_calls", "stop"), says="21 °C in Paris"),
        tools=TOOLS,
        needs=TOOL_CALL,
    ),
    Scene(
        title="A picture",
        prompt="What do you see? One sentence.",
        recordings=("0.33.0-rc2/native-vision",),
        expected=Expected(finish=("stop",), says="pixel"),
        picture=True,
        needs=VISION,
    ),
    Scene(
        title="A structured answer",
        prompt="A city and its temperature in May, in °C.",
        recordings=("0.24.0/format-schema",),
        expected=Expected(finish=("stop",), says='"city"'),
        parameters={"json_schema": SCHEMA, "think": "off"},
        structured=True,
    ),
    Scene(
        title="An error in the middle of an answer",
        prompt="What is the answer?",
        recordings=("0.33.0-rc2/native-crash-midway-message",),
        expected=Expected(finish=(None,), says="The answer is not", breaks_off=True),
        staged=True,
    ),
)


def picture_part() -> dict[str, Any]:
    """A red square as Dify sends a picture."""
    from PIL import Image

    png = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), "#d02020").save(png, "PNG")
    return image_part(png.getvalue(), "image/png", "square.png")

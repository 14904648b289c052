"""Words for tests of whole turns: models, messages, and the body that is expected."""

import json
from collections.abc import Mapping
from typing import Any

import attrs
import orjson

from tests.go.go_decoder import CHECKS
from translator.response.capabilities import ModelInfo
from translator.settings.credentials import Credentials, read_credentials
from translator.shapes.dify import MediaKind, MediaPart, Message, Role, TextPart, Tool, ToolCall
from translator.turn import Ask, Turn, plan_turn
from translator.versions import ServerVersion

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgAAACAAAB4iG8MwAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
HI = {"role": "user", "content": "hi"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SCHEMA_TEXT = json.dumps(SCHEMA)
SCHEMA_WORDS = (
    "Answer with one JSON value that is valid against the following JSON Schema and nothing else: no explanation, no Markdown.\n"
    '{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}'
)

EVERYTHING = frozenset({"completion", "tools", "vision", "thinking", "insert", "audio"})
PLAIN = ModelInfo(capabilities=frozenset({"completion"}), context_length=4096)
ABLE = ModelInfo(capabilities=EVERYTHING, context_length=40960)
THINKER = ModelInfo(capabilities=frozenset({"completion", "thinking"}), context_length=4096)
GPT_OSS = ModelInfo(capabilities=frozenset({"completion", "tools", "thinking"}), architecture="gptoss", context_length=131072)
CLOUD = attrs.evolve(GPT_OSS, remote=True)
MLX = attrs.evolve(PLAIN, format="safetensors")
OLD = ModelInfo(version=ServerVersion(0, 5, 13), template="{{ .Prompt }}", model_keys=frozenset({"llama.context_length"}))


def saved(**values: object) -> Credentials:
    return read_credentials({"base_url": "http://localhost:11434", **values})


def user(*parts: TextPart | MediaPart | str) -> Message:
    if len(parts) == 1 and isinstance(parts[0], str):
        return Message(role=Role.USER, content=parts[0])
    return Message(role=Role.USER, content=tuple(TextPart(part) if isinstance(part, str) else part for part in parts))


def says(role: Role, content: str = "") -> Message:
    return Message(role=role, content=content)


def picture(data: str = PNG, **values: str) -> MediaPart:
    return MediaPart(kind=MediaKind.IMAGE, base64=data, **values)


def part(kind: MediaKind, data: str) -> MediaPart:
    return MediaPart(kind=kind, base64=data)


def ask(*messages: Message, **values: Any) -> Ask:
    return Ask(model="m", messages=messages or (user("hi"),), **values)


def checked(turn: Turn) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(turn.body)
    CHECKS[turn.route](body)
    return body


def sent(asked: Ask, info: ModelInfo = PLAIN, credentials: Credentials | None = None) -> dict[str, Any]:
    return checked(plan_turn(asked, info, credentials or saved()))


def chat(
    *messages: Mapping[str, Any], num_ctx: int | None = 4096, options: Mapping[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """The body expected; a conversation without older turns carries `truncate: false`."""
    every_option = ({} if num_ctx is None else {"num_ctx": num_ctx}) | dict(options or {})
    body = {"model": "m", "messages": list(messages) or [HI], "stream": True, "truncate": False}
    return body | ({"options": every_option} if every_option else {}) | fields


def without_truncate(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != "truncate"}


def system(content: str) -> dict[str, str]:
    return {"role": "system", "content": content}


CALL = ToolCall(id="c1", name="get_weather", arguments='{"city":"Paris"}')
WEATHER = Tool(name="get_weather", description="Weather of a city", parameters=SCHEMA)
WIRE_WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "Weather of a city", "parameters": SCHEMA}}
WIRE_CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"id": "c1", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}],
}
WIRE_RESULT = {"role": "tool", "content": "sunny", "tool_name": "get_weather", "tool_call_id": "c1"}
LOOP = (
    user("weather?"),
    Message(role=Role.ASSISTANT, tool_calls=(CALL,)),
    Message(role=Role.TOOL, content="sunny", tool_call_id="c1"),
)

COMPLETING = saved(mode="completion")

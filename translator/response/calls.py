"""Tool calls that models or servers spell in another way than Ollama's API does, read as what they mean.

Two kinds: a name with remains of gpt-oss's channel markup (ollama/ollama#11704), and arguments as JSON text, as OpenAI's API has them
(ollama/ollama-python#484).
"""

from collections.abc import Mapping
from typing import Any

import attrs

from translator import codec
from translator.limits import DEFAULT_LIMITS
from translator.shapes.wire import WireToolCall

MARKUP = "<|"
"""Begins every token of gpt-oss's format (harmony): `get_weather<|channel|>commentary`."""
NAMESPACE = "functions."
"""The harmony format and Kimi's write it before the name of a tool."""


def with_declared_name(call: WireToolCall, tools: frozenset[str]) -> WireToolCall:
    """The same call, named as the tool that is meant; a name that leads to no declared tool stays as it is."""
    name = declared_name(call.function.name, tools)
    if name in {"", call.function.name}:
        return call
    return attrs.evolve(call, function=attrs.evolve(call.function, name=name))


def declared_name(written: str, tools: frozenset[str]) -> str:
    """The tool that a written name means; empty when none of `tools` is meant."""
    cut = written.partition(MARKUP)[0].strip()
    return next((name for name in (written, cut, cut.removeprefix(NAMESPACE)) if name in tools), "")


def with_read_arguments(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same message of a reply, its calls with an object where the arguments were the JSON text of one.

    Any other text stays. Raises DecodeError for more values than a line of a reply may hold.
    """
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or not any(map(_text_of, calls)):
        return message
    texts = b",".join(_text_of(call).encode("utf-8", "replace") for call in calls)
    codec.require_few_values(texts, DEFAULT_LIMITS.line_values, DEFAULT_LIMITS.line_containers)
    return {**message, "tool_calls": [_with_object(call) for call in calls]}


def _text_of(call: object) -> str:
    function = call.get("function") if isinstance(call, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return arguments if isinstance(arguments, str) else ""


def _with_object(call: Any) -> Any:
    arguments = object_of(_text_of(call))
    return call if arguments is None else {**call, "function": {**call["function"], "arguments": arguments}}


def object_of(text: str) -> dict[str, Any] | None:
    """The JSON object that a text is; None for any other text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = codec.loads(text)
    except codec.DecodeError:
        return None
    return value if isinstance(value, dict) else None

"""Repairs tool calls that models or servers write in another way than Ollama's API.

Two kinds: a name with remains of gpt-oss's channel markup (ollama/ollama#11704), and arguments as JSON text, as OpenAI's API has them
(ollama/ollama-python#484).
"""

import re
from collections.abc import Container, Mapping
from typing import Any

import attrs

from translator import codec
from translator.failures import build
from translator.limits import DEFAULT_LIMITS
from translator.response.literals import read_value
from translator.schema.json_data import can_be_sent_back
from translator.schema.walk import properties_of
from translator.shapes.dify import Tool
from translator.shapes.events import Event, WireEvent
from translator.shapes.wire import WireToolCall

MARKUP = re.compile(r"<[|｜].*", re.S)
"""What begins with a token of a family's format: `get_weather<|channel|>commentary` (gpt-oss)."""
RECIPIENT = re.compile(r"\bto=([^\s<]+)")
"""gpt-oss: `assistant<|channel|>commentary to=functions.get_weather`."""
NUMBER = re.compile(r":\d+\Z")
"""Kimi's: `functions.get_weather:0`."""
MOST_IN_NOTATION = 10_000
"""Values of a line that are read in Python's notation, which takes ten times as long as JSON."""
NAMESPACE = "functions."
"""The harmony format and Kimi's write it before the name of a tool."""


class UnreadableArgumentsError(codec.DecodeError):
    """The arguments of a call are no object, and no text of one."""


def with_declared_names(event: WireEvent, tools: Mapping[str, Tool], model: str) -> WireEvent:
    """The same event, its calls named as the tools that are meant.

    A name that is not declared stays: Dify tells the model. An empty one, or one whose markup leads to no tool, makes the event an error.
    """
    if not tools:
        return event
    calls = []
    for call in event.calls:
        written = call.function.name
        name = declared_name(written, tools) or (_only_fitting(call, tools) if _is_no_name(written) else written)
        if not name:
            return WireEvent(Event.GARBLED, error=build.call_without_tool(model))
        calls.append(call if name == written else attrs.evolve(call, function=attrs.evolve(call.function, name=name)))
    return attrs.evolve(event, calls=tuple(calls))


def declared_name(written: str, tools: Container[str]) -> str:
    """The tool that a written name means; empty when none of `tools` is meant."""
    recipient = RECIPIENT.search(written)
    cut = NUMBER.sub("", recipient[1] if recipient else MARKUP.sub("", written).strip())
    return next((name for name in (written, cut, cut.removeprefix(NAMESPACE)) if name in tools), "")


def _is_no_name(written: str) -> bool:
    return not written.strip() or MARKUP.search(written) is not None


def _only_fitting(call: WireToolCall, tools: Mapping[str, Tool]) -> str:
    """The only tool that takes the arguments of a call; empty when none does, or several do."""
    fitting = [name for name, tool in tools.items() if _takes(tool.parameters, call.function.arguments)]
    return fitting[0] if len(fitting) == 1 else ""


def _takes(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    known, required = properties_of(schema), schema.get("required")
    needed = required if isinstance(required, list) else []
    return all(key in known for key in arguments) and all(key in arguments for key in needed)


def with_read_arguments(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same message of a reply, its calls with an object where the arguments were the JSON text of one.

    Raises UnreadableArgumentsError for any other text or value, and DecodeError for more values than a line of a reply may hold.
    """
    calls = message.get("tool_calls")
    if not isinstance(calls, list) or all(isinstance(_arguments_of(call), dict) for call in calls):
        return message
    texts = b",".join(text.encode("utf-8", "replace") for call in calls if isinstance(text := _arguments_of(call), str))
    codec.require_few_values(texts, DEFAULT_LIMITS.line_values, DEFAULT_LIMITS.line_containers)
    return {**message, "tool_calls": [_with_object(call, is_few=texts.count(b",") <= MOST_IN_NOTATION) for call in calls]}


def _arguments_of(call: object) -> object:
    """An empty object where there are none, or no call: that is found when the call is read."""
    function = call.get("function") if isinstance(call, dict) else None
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return {} if arguments is None else arguments


def _with_object(call: Any, *, is_few: bool) -> Any:
    written = _arguments_of(call)
    if isinstance(written, dict):
        return call
    arguments = object_of(written, in_notation=is_few) if isinstance(written, str) else None
    if arguments is None or not can_be_sent_back(arguments):
        raise UnreadableArgumentsError("arguments are no object")
    return {**call, "function": {**call["function"], "arguments": arguments}}


def object_of(text: str, *, in_notation: bool = True) -> dict[str, Any] | None:
    """The object that a text is: as JSON, as JSON in a JSON text, or, if `in_notation`, as Python spells it. No text and `null` are an
    empty one.

    None for any other text.
    """
    if not text.strip():
        return {}
    try:
        value = codec.loads(text)
        value = codec.loads(value) if isinstance(value, str) else value
    except codec.DecodeError:
        value = _in_pythons_notation(text.strip()) if in_notation else ""
    return {} if value is None else value if isinstance(value, dict) else None


def _in_pythons_notation(text: str) -> object:
    """The value of a Python literal; "", which is no object, for any other text."""
    try:
        value, end = read_value(text, 0)
    except (ValueError, RecursionError):
        return ""
    return value if end == len(text) else ""

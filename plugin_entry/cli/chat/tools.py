"""Tools that the chat and the demo offer to a model, with made-up answers: nothing outside of the process is asked."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from plugin_entry.cli.daemon import requests

WEATHER = {"Paris": "21 °C, sunny", "Oslo": "9 °C, rain"}
ELSEWHERE = "17 °C, cloudy"

TOOLS = (
    requests.tool(
        "get_weather",
        "Weather of a city",
        {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "description": "days ahead, 0 is today"}},
            "required": ["city"],
        },
    ),
    requests.tool(
        "add",
        "The sum of numbers",
        {"type": "object", "properties": {"numbers": {"type": "array", "items": {"type": "number"}}}, "required": ["numbers"]},
    ),
)


def _weather(arguments: Mapping[str, Any]) -> str:
    return WEATHER.get(str(arguments.get("city")), ELSEWHERE)


def _add(arguments: Mapping[str, Any]) -> str:
    return f"{sum(map(float, arguments['numbers'])):g}"


RUN: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"get_weather": _weather, "add": _add}


def result_of(call: Mapping[str, Any]) -> dict[str, Any]:
    """The tool message that answers a call; what a model asks for wrongly is answered with a sentence that it can read."""
    function = call["function"]
    return requests.tool_message(_answer(function["name"], function["arguments"]), call["id"], function["name"])


def _answer(name: str, arguments: str) -> str:
    if name not in RUN:
        return f"There is no tool {name}."
    try:
        return RUN[name](json.loads(arguments))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"The arguments do not fit ({type(error).__name__})."

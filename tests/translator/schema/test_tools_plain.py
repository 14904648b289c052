"""Tools of other libraries, in their own forms."""

import json
from typing import Any

import pytest

from fixtures.recordings import load
from translator.errors import RequestError
from translator.schema.tools import ollama_tools, read_tool
from translator.shapes.dify import Tool

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "get_weather", "description": "Weather of a city"}
FORMS: dict[str, dict[str, Any]] = {
    "OpenAI": {"type": "function", "function": {**FUNCTION, "parameters": SCHEMA}},
    "bare": {**FUNCTION, "parameters": SCHEMA},
    "MCP": {**FUNCTION, "inputSchema": SCHEMA},
    "Anthropic": {**FUNCTION, "input_schema": SCHEMA},
}
WIRE = {"type": "function", "function": {**FUNCTION, "parameters": SCHEMA}}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_means_the_same(form: str) -> None:
    assert read_tool(FORMS[form]) == Tool(name="get_weather", description="Weather of a city", parameters=SCHEMA)
    assert ollama_tools([FORMS[form], read_tool(FORMS[form])]) == [WIRE, WIRE]


def test_the_server_takes_them_as_they_are() -> None:
    recorded = load("0.24.0", "think-then-tool").request_body["tools"]
    assert json.loads(json.dumps(ollama_tools(recorded))) == recorded


def test_little_is_enough() -> None:
    assert ollama_tools([{"name": "now"}]) == [
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    ]


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        ({}, "no name"),
        ("secret", "is an object, and not a str"),
        ({"function": "get_weather"}, "no name"),
        ({"name": 3}, "no name"),
        ({"name": "f", "parameters": "{}"}, 'The tool "f" cannot be read.'),
        ({"name": "f", "description": ["secret"]}, 'The tool "f" cannot be read.'),
    ],
)
def test_what_is_no_tool_is_said(tool: Any, said: str) -> None:
    with pytest.raises(RequestError, match=said) as raised:
        ollama_tools([tool])
    assert raised.value.code == "tool_invalid"
    assert "secret" not in str(raised.value)

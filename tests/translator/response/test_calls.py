"""Calls whose names or arguments are spelled in another way than Ollama's API does."""

from typing import Any

import attrs
import orjson
import pytest

from tests.translator.stream_player import Outcome, outcome, play
from translator.limits import DEFAULT_LIMITS
from translator.response.calls import declared_name
from translator.shapes.dify import Tool

TOOLS = frozenset({"get_weather", "f", "a<|b"})
DONE = b'{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}\n'


def called(function: dict[str, Any], tools: frozenset[str] = TOOLS) -> Outcome:
    line = orjson.dumps({"message": {"content": "", "tool_calls": [{"function": function}]}, "done": False})
    return outcome(play([line + b"\n", DONE], [Tool(name=name) for name in tools]))


NAMES = {
    "get_weather<|channel|>commentary": "get_weather",
    "get_weather<|channel|>commentary<|message|>": "get_weather",
    "get_weather<|constrain|>json": "get_weather",
    "get_weather <|channel|>": "get_weather",
    "functions.get_weather<|channel|>commentary": "get_weather",
    "functions.get_weather": "get_weather",
    "functions.get_weather:0": "get_weather",
    "get_weather:12": "get_weather",
    "get_weather<｜tool▁sep｜>": "get_weather",
    "assistant<|channel|>commentary to=functions.get_weather": "get_weather",
    "assistant<|channel|>commentary to=get_weather<|constrain|>json": "get_weather",
    "get_weather": "get_weather",
    "a<|b": "a<|b",
}
"""ollama/ollama#11704, movieclaw/movieclaw#224."""


@pytest.mark.parametrize(("written", "meant"), NAMES.items(), ids=NAMES)
def test_a_name_is_that_of_the_declared_tool(written: str, meant: str) -> None:
    result = called({"name": written, "arguments": {"city": "Paris"}})
    assert result.call_facts == [(meant, '{"city":"Paris"}')]


def test_a_name_without_markup_that_leads_to_no_tool_stays() -> None:
    assert declared_name("other", TOOLS) == ""
    assert called({"name": "other", "arguments": {}}).call_facts == [("other", "{}")]


MARKUP_ALONE = [
    "",
    " " * 1_000_000,
    "other<|channel|>commentary",
    "assistant<|channel|>analysis",
    "<|channel|>commentary",
    "assistant<|channel|>json to=x",
]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.mark.parametrize("written", MARKUP_ALONE, ids=lambda written: written[:40])
def test_a_name_that_is_markup_means_the_only_tool_that_takes_the_arguments(written: str) -> None:
    weather, clock = Tool(name="get_weather", parameters=CITY), Tool(name="now", parameters={"type": "object", "properties": {}})
    line = orjson.dumps({"message": {"tool_calls": [{"function": {"name": written, "arguments": {"city": "Paris"}}}]}, "done": False})
    assert outcome(play([line + b"\n", DONE], [weather, clock])).call_facts == [("get_weather", '{"city":"Paris"}')]
    for tools in ([clock], [weather, attrs.evolve(weather, name="other_weather")], [Tool(name="f")]):
        result = outcome(play([line + b"\n", DONE], tools))
        assert (result.calls, result.error) == ((), "call_without_tool")


def test_without_declared_tools_names_stay() -> None:
    assert called({"name": "f<|channel|>", "arguments": {}}, frozenset()).call_facts == [("f<|channel|>", "{}")]


OBJECTS = {
    '{"a": 1}': '{"a":1}',
    "{}": "{}",
    "": "{}",
    " ": "{}",
    "null": "{}",
    "{'a': 'b', 'c': True}": '{"a":"b","c":true}',
    '"{\\"a\\": 1}"': '{"a":1}',
    ' {"a": "{\\"b\\": 2}"}\n': '{"a":"{\\"b\\": 2}"}',
    '{"città": ["é", {"x": null}]}': '{"città":["é",{"x":null}]}',
    '{"n": 1234567890123456789}': '{"n":1234567890123456789}',
}
"""ollama/ollama-python#484."""


@pytest.mark.parametrize(("text", "expected"), OBJECTS.items(), ids=OBJECTS)
def test_arguments_as_json_text_are_read(text: str, expected: str) -> None:
    assert called({"name": "f", "arguments": text}).call_facts == [("f", expected)]


@pytest.mark.parametrize("text", ["Paris", "[1]", "1", '"a"', "{'a': 1} and more", '{"a": 1', '{"a": NaN}', '{"a": 1} and more'])
def test_any_other_text_is_no_call(text: str) -> None:
    result = called({"name": "f", "arguments": text})
    assert (result.call_facts, result.error) == ([], "arguments_unreadable")


@pytest.mark.parametrize("value", [[], [{"city": "Paris"}], 5, 0, 1.5, True, False])
def test_any_other_value_is_no_call(value: object) -> None:
    result = called({"name": "f", "arguments": value})
    assert (result.call_facts, result.error) == ([], "arguments_unreadable")


def test_one_of_two_calls_has_text() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"function": {"name": "f", "arguments": '{"a": 2}'}}, {}]
    line = {"message": {"content": "", "tool_calls": calls[:2]}, "done": False}
    assert outcome(play([orjson.dumps(line) + b"\n", DONE], [Tool(name="f")])).call_facts == [("f", '{"a":1}'), ("f", '{"a":2}')]
    broken = {"message": {"content": "", "tool_calls": calls}, "done": False}
    assert outcome(play([orjson.dumps(broken) + b"\n", DONE], [Tool(name="f")])).error == "garbled_line"


def test_text_that_is_costly_to_parse_is_not_parsed() -> None:
    text = '{"a": [' + "[]," * DEFAULT_LIMITS.line_containers + "[]]}"
    assert called({"name": "f", "arguments": text}).error == "garbled_line"


@pytest.mark.parametrize(("values", "error"), [(9_000, ""), (11_000, "arguments_unreadable")])
def test_many_values_are_read_from_json_alone(values: int, error: str) -> None:
    for count in (1, 3):
        text = "{'a': [" + "1," * (values // count) + "1]}"
        line = {"message": {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": text}}] * count}, "done": False}
        assert outcome(play([orjson.dumps(line) + b"\n", DONE], [Tool(name="f")])).error == error
    assert called({"name": "f", "arguments": text.replace("'", '"')}).error == ""


def test_arguments_as_text_are_measured_as_they_will_be_spelled() -> None:
    """In a text every quote is escaped; the bound for calls is about what Dify is given."""
    arguments = {"a": '\\"' * (DEFAULT_LIMITS.calls_bytes // 5)}
    result = called({"name": "f", "arguments": orjson.dumps(arguments).decode()})
    assert (result.error, len(result.calls)) == ("", 1)

"""Arguments of past tool calls, text to object and back."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.go import go_decoder
from translator.errors import Family, RequestError
from translator.schema import json_data
from translator.schema.json_data import arguments_to_object, compact_json

OBJECTS: dict[str, tuple[str, dict[str, Any]]] = {
    "empty text": ("", {}),
    "blank text": (" \n", {}),
    "empty object": ("{}", {}),
    "order kept": ('{"b": 1, "a": {"y": 1, "x": [null, true]}}', {"b": 1, "a": {"y": 1, "x": [None, True]}}),
    "big integer": ('{"id": 123456789012345678901234567890}', {"id": 123456789012345678901234567890}),
    "unicode": ('{"stadt": "Kölн 東京 😀"}', {"stadt": "Kölн 東京 😀"}),
    "lone surrogate in a value": ('{"a": "x\\ud800"}', {"a": "x\ufffd"}),
    "lone surrogate in a key": ('{"a\\ud800": 1}', {"a\ufffd": 1}),
    "last of equal keys": ('{"a": 1, "a": 2}', {"a": 2}),
}

SECRET = "s3cr3t"
REFUSED = {
    "cut": (f'{{"a": "{SECRET}', "tool_arguments_malformed"),
    "text after": (f'{{"a": 1}} {SECRET}', "tool_arguments_malformed"),
    "plain text": (SECRET, "tool_arguments_malformed"),
    "not a number": ('{"a": NaN}', "tool_arguments_malformed"),
    "infinite": ('{"a": -Infinity}', "tool_arguments_malformed"),
    "number beyond float": ('{"a": 1e999}', "tool_arguments_malformed"),
    "number of 5000 digits": ('{"a": ' + "9" * 5000 + "}", "tool_arguments_malformed"),
    "bottomless": ('{"a":' * 100_000, "tool_arguments_malformed"),
    "list": (f'["{SECRET}"]', "tool_arguments_not_object"),
    "text in quotes": (f'"{SECRET}"', "tool_arguments_not_object"),
    "number": ("1", "tool_arguments_not_object"),
    "null": ("null", "tool_arguments_not_object"),
}


@pytest.mark.parametrize(("text", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_text_to_object(text: str, expected: dict[str, Any]) -> None:
    result = arguments_to_object(text, "f")
    assert result == expected
    assert list(result) == list(expected)


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED)
def test_refusal_names_the_tool_and_never_the_arguments(text: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        arguments_to_object(text, "get_weather")
    assert caught.value.code == code
    assert caught.value.family is Family.BAD_REQUEST
    assert "get_weather" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.fixture
def _every_text_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_data, "_LONG", -1)


@pytest.mark.usefixtures("_every_text_is_long")
@pytest.mark.parametrize(("text", "expected"), OBJECTS.values(), ids=OBJECTS)
def test_long_texts_are_read_the_same(text: str, expected: dict[str, Any]) -> None:
    test_text_to_object(text, expected)


@pytest.mark.usefixtures("_every_text_is_long")
@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED)
def test_long_texts_are_refused_the_same(text: str, code: str) -> None:
    test_refusal_names_the_tool_and_never_the_arguments(text, code)


TEXTS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({}, "{}"),
    "compact": ({"city": "Paris", "days": [1, 2]}, '{"city":"Paris","days":[1,2]}'),
    "unicode not escaped": ({"stadt": "Köln 東京 😀"}, '{"stadt":"Köln 東京 😀"}'),
    "big integer": ({"id": 2**80}, '{"id":1208925819614629174706176}'),
    "lone surrogate": ({"a": "x\ud800"}, '{"a":"x\ud800"}'),
}


@pytest.mark.parametrize(("arguments", "expected"), TEXTS.values(), ids=TEXTS)
def test_object_to_text(arguments: dict[str, Any], expected: str) -> None:
    assert compact_json(arguments) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_there_and_back_is_the_same(arguments: dict[str, Any]) -> None:
    assert arguments_to_object(compact_json(arguments), "f") == arguments


@given(st.dictionaries(st.text(st.characters(codec=None, categories=["Cs", "L"])), JSON, max_size=4))
def test_server_accepts_what_comes_out(arguments: dict[str, Any]) -> None:
    call = {"function": {"name": "f", "arguments": arguments_to_object(json.dumps(arguments), "f")}}
    go_decoder.check_chat({"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]})

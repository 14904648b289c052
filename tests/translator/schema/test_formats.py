"""Structured output: what becomes of `json_schema` and `format`, and what is refused before it is sent."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.go import go_decoder
from tests.translator.schema.schema_strategies import SCHEMAS
from translator.errors import RequestError
from translator.schema.formats import answer_format, schema_prompt

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ANYTHING = {"type": ["string", "number", "boolean", "object", "array", "null"]}
NODE = {"type": "object", "properties": {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
NODE_OUT = {"type": "object", "properties": {"v": {"type": "integer"}, "kids": {"type": "array", "items": {"$ref": "#/$defs/def-0-Node"}}}}
AROUND = r"[\x20-\x21\x23-\x5B\x5D-\x7E\x80-\U0010FFFF]*"

GIVEN: dict[str, tuple[Any, Any, Any]] = {
    "nothing": (None, None, None),
    "blank": (" ", None, None),
    "json": (None, "json", "json"),
    "text": (json.dumps(CITY), None, CITY),
    "object": (CITY, None, CITY),
    "wrapped": ({"schema": CITY, "name": "llm_response"}, None, CITY),
    "wrapped text": (json.dumps({"schema": CITY, "name": "x", "strict": True}), None, CITY),
    "wrapped text in text": ({"schema": json.dumps(CITY), "name": "x"}, None, CITY),
    "wrapped twice": ({"type": "json_schema", "json_schema": {"schema": CITY, "name": "x"}}, None, CITY),
    "schema is stricter than json": (CITY, "json", CITY),
    "property called schema": (
        {"type": "object", "properties": {"schema": CITY}},
        None,
        {"type": "object", "properties": {"schema": CITY}},
    ),
    "empty schema": ("{}", None, {"type": "object"}),
}


@pytest.mark.parametrize(("json_schema", "format_", "expected"), GIVEN.values(), ids=GIVEN)
def test_format(json_schema: Any, format_: Any, expected: Any) -> None:
    result = answer_format(json_schema, format_).wire
    assert result == expected
    go_decoder.check_chat({"model": "m", "format": result})


def inside(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}}


REWRITTEN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "dollar schema": ({"$schema": "s", **CITY}, CITY),
    "reference": ({**inside({"$ref": "#/$defs/A"}), "$defs": {"A": {"type": "string"}}}, inside({"type": "string"})),
    "recursive": ({"$ref": "#/$defs/Node", "$defs": {"Node": NODE}}, {"$ref": "#/$defs/def-0-Node", "$defs": {"def-0-Node": NODE_OUT}}),
    "recursive with text beside": (
        {**inside({"$ref": "#/$defs/Node", "description": "d"}), "$defs": {"Node": NODE}},
        {**inside({"$ref": "#/$defs/def-0-Node"}), "$defs": {"def-0-Node": NODE_OUT}},
    ),
    "allOf beside properties": (
        {"properties": {"b": {"type": "null"}}, "allOf": [{"type": "object", "properties": {"a": {"type": "string"}}}]},
        {"type": "object", "properties": {"b": {"type": "null"}, "a": {"type": "string"}}},
    ),
    "required of draft 3": (inside({"type": "string", "required": True}), {**inside({"type": "string"}), "required": ["a"]}),
    "property without type": (inside({"title": "A"}), inside({**ANYTHING, "title": "A"})),
    "property true": (inside(True), inside(ANYTHING)),
    "property with only a length": (inside({"minLength": 1}), inside({"type": "string", "minLength": 1})),
    "property with only a range": (inside({"minimum": 1}), inside({"type": "number", "minimum": 1})),
    "property with only a format": (inside({"format": "iri"}), inside({"type": "string", "format": "iri"})),
    "type null": (inside({"type": None, "enum": ["x"]}), inside({"enum": ["x"]})),
    "const null": (inside({"const": None}), inside({"const": None})),
    "tuple": (
        inside({"type": "array", "prefixItems": [{"type": "string"}], "items": False}),
        inside({"type": "array", "prefixItems": [{"type": "string"}]}),
    ),
    "whole pattern": (inside({"type": "string", "pattern": "^a$"}), inside({"type": "string", "pattern": "^a$"})),
    "open pattern": (inside({"type": "string", "pattern": "a+"}), inside({"type": "string", "pattern": f"^{AROUND}a+{AROUND}$"})),
    "pattern from the start": (
        inside({"type": "string", "pattern": "^a|b"}),
        inside({"type": "string", "pattern": f"^(a{AROUND}|{AROUND}b{AROUND})$"}),
    ),
    "pattern with a dollar sign": (
        inside({"type": "string", "pattern": "^a\\$"}),
        inside({"type": "string", "pattern": f"^a[\\x24]{AROUND}$"}),
    ),
    "count as a float": (
        inside({"type": "array", "items": {}, "minItems": 2.0}),
        inside({"type": "array", "items": ANYTHING, "minItems": 2}),
    ),
    "kept closed": ({**CITY, "additionalProperties": False}, {**CITY, "additionalProperties": False}),
    "map": ({"type": "object", "additionalProperties": {}}, {"type": "object", "additionalProperties": ANYTHING}),
}


@pytest.mark.parametrize(("schema", "expected"), REWRITTEN.values(), ids=REWRITTEN)
def test_schema(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert answer_format(schema).wire == expected


REFUSED: dict[str, tuple[Any, str, str]] = {
    "not json": ('{"a": \n?}', "schema_malformed", "The JSON schema is not valid JSON at line 2, column 1."),
    "not a number": ('{"a": NaN}', "schema_malformed", "The JSON schema is not valid JSON."),
    "bottomless": ('{"a":' * 100_000, "schema_malformed", "The JSON schema is not valid JSON."),
    "list": ("[]", "schema_not_object", "The JSON schema is not a JSON object."),
    "boolean": ("true", "schema_not_object", "The JSON schema is not a JSON object."),
    "lost reference": (
        inside({"$ref": "#/$defs/No"}),
        "schema_reference",
        "The JSON schema refers to something it does not hold: #/$defs/No.",
    ),
    "definition that is only itself": (
        {"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/A"}]}}},
        "schema_reference",
        "A definition of the JSON schema refers to itself without anything in between.",
    ),
    "property called $ref": (
        {"type": "object", "properties": {"$ref": {"type": "string"}}},
        "schema_reference",
        "The JSON schema uses the name `$ref` for something else than a reference.",
    ),
    "unknown type": (
        inside({"type": "datetime"}),
        "schema_invalid",
        "The JSON schema is not valid: $.properties.a.type must be one of array, boolean, integer, null, number, object, string, or a list"
        " of them.",
    ),
    "property that is a text": (
        inside("string"),
        "schema_invalid",
        "The JSON schema is not valid: $.properties.a must be an object.",
    ),
    "property false": (
        inside(False),
        "schema_invalid",
        "The JSON schema is not valid: $.properties.a is `false`, which no answer can satisfy.",
    ),
    "properties list": ({"properties": []}, "schema_invalid", "The JSON schema is not valid: $.properties must be an object."),
    "no alternatives": ({"anyOf": []}, "schema_invalid", "The JSON schema is not valid: $.anyOf must not be empty."),
    "enum that is a text": ({"enum": "a"}, "schema_invalid", "The JSON schema is not valid: $.enum must be a list."),
    "required junk": (
        {"required": [1]},
        "schema_invalid",
        "The JSON schema is not valid: $.required must be a list of property names.",
    ),
    "minimum text": (
        {"type": "integer", "minimum": "1"},
        "schema_invalid",
        "The JSON schema is not valid: $.minimum must be a number.",
    ),
    "length of a half": ({"maxLength": 1.5}, "schema_invalid", "The JSON schema is not valid: $.maxLength must be a whole number."),
    "format number": ({"format": 1}, "schema_invalid", "The JSON schema is not valid: $.format must be a text."),
}


@pytest.mark.parametrize(("json_schema", "code", "cause"), REFUSED.values(), ids=REFUSED)
def test_refused(json_schema: Any, code: str, cause: str) -> None:
    with pytest.raises(RequestError) as caught:
        answer_format(json_schema)
    assert caught.value.code == code
    assert caught.value.problem.cause == cause
    assert caught.value.problem.remedy


def format_or_code(schema: dict[str, Any]) -> object:
    try:
        return answer_format(schema).wire
    except RequestError as error:
        return error.code


@settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=200)
@given(SCHEMAS)
def test_any_schema_is_enforceable_or_refused(schema: dict[str, Any]) -> None:
    result = format_or_code(schema)
    if isinstance(result, str):
        assert result.startswith("schema_")
        return
    go_decoder.check_chat({"model": "m", "format": result})
    assert isinstance(result, dict)
    assert "$schema" not in result
    assert answer_format(json.dumps(result)).wire is not None


PROMPTS: dict[str, tuple[Any, str]] = {
    "schema": (
        {"type": "object", "description": "日本"},
        "Answer with one JSON value that is valid against the following JSON Schema and nothing else: no explanation, no Markdown.\n"
        '{"type":"object","description":"日本"}',
    ),
    "json": ("json", "Answer with one valid JSON value and nothing else: no explanation, no Markdown."),
}


@pytest.mark.parametrize(("format_", "expected"), PROMPTS.values(), ids=PROMPTS)
def test_prompt(format_: Any, expected: str) -> None:
    assert schema_prompt(format_) == expected

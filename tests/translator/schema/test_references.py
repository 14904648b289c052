"""Schemas without references: exact results, bounds, and what must hold for any schema."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.translator.schema.schema_strategies import SCHEMAS, property_names
from translator.errors import RequestError
from translator.schema.json_data import plain_json
from translator.schema.merge import lift_required, merge_all_of, merge_schemas
from translator.schema.references import MOST_DEEP, hoist_refs, inline_refs
from translator.schema.walk import LIST_KEYWORDS, MAP_KEYWORDS, SCHEMA_KEYWORDS
from translator.schema.words import NOTES, describe

NODE = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}

INLINED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "defs": (
        {"$schema": "s", "$id": "i", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}},
        {"properties": {"a": {"type": "string"}}},
    ),
    "definitions": ({"items": {"$ref": "#/definitions/A"}, "definitions": {"A": {"type": "string"}}}, {"items": {"type": "string"}}),
    "chain": (
        {"not": {"$ref": "#/$defs/A"}, "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"type": "null"}}},
        {"not": {"type": "null"}},
    ),
    "escaped pointer": (
        {"items": {"$ref": "#/$defs/a~1b~0c%20d"}, "$defs": {"a/b~c d": {"type": "string"}}},
        {"items": {"type": "string"}},
    ),
    "pointer into a list": (
        {"anyOf": [{"type": "null"}], "items": {"$ref": "#/anyOf/0"}},
        {"anyOf": [{"type": "null"}], "items": {"type": "null"}},
    ),
    "text beside it": (
        {"items": {"$ref": "#/$defs/A", "description": "Here"}, "$defs": {"A": {"type": "string", "description": "A thing."}}},
        {"items": {"description": "Here. A thing.", "type": "string"}},
    ),
    "keywords beside it": (
        {"items": {"$ref": "#/$defs/A", "required": ["y"], "minimum": 2}, "$defs": {"A": {"required": ["x"], "minimum": 1}}},
        {"items": {"required": ["y", "x"], "minimum": 2}},
    ),
    "property called $ref": ({"properties": {"$ref": {"type": "string"}}}, {"properties": {"$ref": {"type": "string"}}}),
    "references in data": (
        {"enum": [{"$ref": "#/$defs/A"}], "default": {"$ref": "x"}},
        {"enum": [{"$ref": "#/$defs/A"}], "default": {"$ref": "x"}},
    ),
    "recursive": (
        {"$ref": "#/$defs/Node", "$defs": {"Node": NODE}},
        {"type": "object", "properties": {"next": {"type": "object", "description": "recursive: again the shape of Node"}}},
    ),
    "recursive root": (
        {"type": "object", "properties": {"child": {"$ref": "#"}}},
        {"type": "object", "properties": {"child": {"type": "object", "description": "recursive: again the shape of the whole"}}},
    ),
    "two ways to one target": (
        {"properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}},
        {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
    ),
    "lost": ({"items": {"$ref": "#/$defs/No"}}, {"items": {"description": "reference not found: #/$defs/No"}}),
    "remote": ({"items": {"$ref": "https://x/y"}}, {"items": {"description": "reference not found: https://x/y"}}),
    "reference that is no text": ({"$ref": 1, "type": "string"}, {"type": "string"}),
}


@pytest.mark.parametrize(("schema", "expected"), INLINED.values(), ids=INLINED)
def test_inline(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    result = inline_refs(schema)
    assert result.schema == expected
    assert result.recursive == ("recursive: " in str(expected))
    assert bool(result.unresolved) == ("not found" in str(expected))


def test_inline_stops_where_references_multiply() -> None:
    steps: dict[str, Any] = {
        f"D{index}": {"properties": {name: {"$ref": f"#/$defs/D{index + 1}"} for name in "abcd"}} for index in range(9)
    }
    result = inline_refs({"$ref": "#/$defs/D0", "$defs": {**steps, "D9": {}}})
    assert result.oversized
    assert "cut here" in str(result.schema)


def test_inline_stops_where_schemas_are_deep() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(MOST_DEEP + 3):
        schema = {"type": "array", "items": schema}
    result = inline_refs(schema)
    assert result.oversized
    innermost = result.schema
    for _ in range(MOST_DEEP + 1):
        innermost = innermost["items"]
    assert innermost == {"type": "array", "description": "cut here: the schema is too large"}


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(SCHEMAS)
def test_inline_leaves_no_reference_and_changes_nothing_twice(schema: dict[str, Any]) -> None:
    once = inline_refs(schema).schema
    again = inline_refs(once)
    assert again.schema == once
    assert not again.recursive
    assert again.unresolved == ()


HOISTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "without references": ({"$schema": "s", "type": "string", "$defs": {"A": {}}}, {"type": "string"}),
    "name made plain": (
        {"items": {"$ref": "#/definitions/Foo[int]~1x"}, "definitions": {"Foo[int]/x": {"type": "string"}}},
        {"items": {"$ref": "#/$defs/def-0-Foo-int-x"}, "$defs": {"def-0-Foo-int-x": {"type": "string"}}},
    ),
    "whole root": (
        {"type": "object", "properties": {"c": {"$ref": "#"}}},
        {
            "type": "object",
            "properties": {"c": {"$ref": "#/$defs/def-0-the-whole"}},
            "$defs": {"def-0-the-whole": {"type": "object", "properties": {"c": {"$ref": "#/$defs/def-0-the-whole"}}}},
        },
    ),
    "constraints beside it": (
        {"items": {"$ref": "#/$defs/A", "required": ["x"]}, "$defs": {"A": {"type": "object"}}},
        {"items": {"allOf": [{"$ref": "#/$defs/def-0-A"}, {"required": ["x"]}]}, "$defs": {"def-0-A": {"type": "object"}}},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), HOISTED.values(), ids=HOISTED)
def test_hoist(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert hoist_refs(schema) == expected


MERGED: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "properties": (
        {"properties": {"a": {"type": "string"}, "b": {"minimum": 1}}},
        {"properties": {"b": {"minimum": 3, "maximum": 9}, "c": True}},
        {"properties": {"a": {"type": "string"}, "b": {"minimum": 3, "maximum": 9}, "c": True}},
    ),
    "required": ({"required": ["a"]}, {"required": ["b", "a"]}, {"required": ["a", "b"]}),
    "types": ({"type": ["string", "null"]}, {"type": ["null", "integer"]}, {"type": "null"}),
    "number and integer": ({"type": "number"}, {"type": "integer"}, {"type": "integer"}),
    "enums": ({"enum": [1, 2, 3]}, {"enum": [3, 2]}, {"enum": [2, 3]}),
    "enums apart": ({"enum": [1]}, {"enum": [2]}, {"enum": [1]}),
    "bounds": ({"minimum": 1, "maxLength": 9}, {"minimum": 2, "maxLength": 5}, {"minimum": 2, "maxLength": 5}),
    "texts": ({"description": "One"}, {"description": "Two."}, {"description": "One. Two."}),
    "text said before": ({"description": "One. Two."}, {"description": "Two."}, {"description": "One. Two."}),
    "null": ({"type": None}, {"type": "string"}, {"type": "string"}),
    "title": ({"title": "A"}, {"title": "B"}, {"title": "A"}),
    "patterns": ({"pattern": "a"}, {"pattern": "b"}, {"pattern": "a", "description": 'also pattern: "b"'}),
    "forbidden": ({"items": {"type": "string"}}, {"items": False}, {"items": False}),
}


@pytest.mark.parametrize(("first", "second", "expected"), MERGED.values(), ids=MERGED)
def test_merge(first: dict[str, Any], second: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_schemas(first, second) == expected


ALL_OF: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "parts and what is beside": (
        {"allOf": [{"type": "object"}, {"properties": {"a": {}}}], "required": ["a"]},
        {"required": ["a"], "type": "object", "properties": {"a": {}}},
    ),
    "nested": ({"items": {"allOf": [{"allOf": [{"minimum": 1}]}, {"maximum": 2}]}}, {"items": {"minimum": 1, "maximum": 2}}),
    "booleans": ({"allOf": [True, {"type": "string"}]}, {"type": "string"}),
    "only a reference": ({"allOf": [{"$ref": "#/$defs/A"}], "description": "d"}, {"$ref": "#/$defs/A"}),
    "reference and more": ({"allOf": [{"$ref": "#/$defs/A"}, {"minimum": 1}]}, {"minimum": 1, "allOf": [{"$ref": "#/$defs/A"}]}),
}


@pytest.mark.parametrize(("schema", "expected"), ALL_OF.values(), ids=ALL_OF)
def test_all_of(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert merge_all_of(schema) == expected


REQUIRED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "flags": (
        {"properties": {"a": {"required": True}, "b": {"required": False}, "c": {}}},
        {"properties": {"a": {}, "b": {}, "c": {}}, "required": ["a"]},
    ),
    "flag and list": ({"properties": {"a": {"required": True}}, "required": ["b"]}, {"properties": {"a": {}}, "required": ["b", "a"]}),
    "single name": ({"properties": {"a": {}}, "required": "a"}, {"properties": {"a": {}}, "required": ["a"]}),
    "nested": (
        {"items": {"properties": {"a": {"required": True}}}},
        {"items": {"properties": {"a": {}}, "required": ["a"]}},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), REQUIRED.values(), ids=REQUIRED)
def test_lift_required(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert lift_required(schema) == expected


WORDS: dict[str, tuple[Any, str]] = {
    "nothing known": ({}, "anything"),
    "true": (True, "anything"),
    "false": (False, "nothing"),
    "type": ({"type": "string"}, "string"),
    "types": ({"type": ["string", "null"]}, "string or null"),
    "list": ({"type": "array", "items": {"type": "integer"}}, "array of integer"),
    "places": ({"prefixItems": [{"type": "string"}, True]}, "in this order: string, anything"),
    "object": (
        {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}, "b": {}}, "required": ["a", "z"]},
        "object with a: integer (at least 1; required), b: anything (required: z)",
    ),
    "map": ({"type": "object", "additionalProperties": {"type": "number"}}, "object (further properties: number)"),
    "alternatives": ({"anyOf": [{"type": "string"}, {"const": 1}]}, "string or 1"),
    "values": ({"enum": ["a", 1, None, ""]}, 'one of a, 1, null, ""'),
    "range of draft 4": ({"type": "number", "minimum": 1, "exclusiveMinimum": True}, "number (more than 1)"),
    "range of draft 6": ({"type": "number", "exclusiveMinimum": 1, "maximum": 5}, "number (more than 1; at most 5)"),
    "condition": ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, "if required: a then required: b"),
    "dependents": ({"dependentRequired": {"a": ["b", "c"]}}, "a needs b, c"),
    "described": ({"type": "string", "description": "A name."}, "string (A name.)"),
    "long data": ({"default": "x" * 500}, f"default {'x' * 200}..."),
    "no schema": (5, "5"),
}


@pytest.mark.parametrize(("schema", "expected"), WORDS.values(), ids=WORDS)
def test_describe(schema: Any, expected: str) -> None:
    assert describe(schema) == expected


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(SCHEMAS)
def test_describe_says_every_property_name(schema: dict[str, Any]) -> None:
    inlined = merge_all_of(inline_refs(schema).schema)
    text = describe(inlined)
    assert [name for name in property_names(inlined) if name not in text] == []


def test_every_keyword_that_holds_schemas_is_said() -> None:
    elsewhere = {"anyOf", "oneOf", "allOf", "properties", "then", "else", "$defs"}
    assert (SCHEMA_KEYWORDS | LIST_KEYWORDS | MAP_KEYWORDS) - NOTES.keys() == elsewhere


def test_plain_json_reads_texts_as_the_server_does() -> None:
    assert plain_json({"a\ud800": ("x\udfff", float("inf"), 2**70, None)}) == {"a\ufffd": ["x\ufffd", "inf", 2**70, None]}


def test_plain_json_refuses_the_bottomless() -> None:
    value: list[Any] = []
    for _ in range(300):
        value = [value]
    with pytest.raises(RequestError) as caught:
        plain_json(value)
    assert caught.value.code == "json_too_deep"

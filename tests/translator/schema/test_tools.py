"""Tools as the server decodes them: exact JSON for each feature and version, and what must hold for any schema."""

import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.go import go_decoder
from tests.translator.schema.schema_strategies import SCHEMAS, property_names
from translator import codec
from translator.schema.json_data import plain_json
from translator.schema.tools import tool_to_wire, tools_to_wire
from translator.shapes.dify import Tool
from translator.shapes.wire import WireTool
from translator.versions import NEWEST, ServerVersion

PROPERTIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "plain": ({"type": "string", "description": "A city."}, {"type": "string", "description": "A city."}),
    "empty": ({}, {}),
    "null": (None, {}),
    "true": (True, {}),
    "false": (False, {"description": "never given"}),
    "type name instead of a schema": ("string", {"type": "string"}),
    "type null": ({"type": None}, {}),
    "type of another language": ({"type": "Str"}, {"type": "string"}),
    "unknown type": ({"type": "datetime"}, {"description": "type datetime"}),
    "type list": ({"type": ["string", "null"]}, {"type": ["string", "null"]}),
    "type list of one": ({"type": ["string"]}, {"type": "string"}),
    "nullable": ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    "enum of numbers": ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
    "enum mixed": ({"enum": ["a", 1, None]}, {"enum": ["a", 1, None]}),
    "const": ({"const": "a"}, {"type": "string", "enum": ["a"]}),
    "const null": ({"const": None}, {"type": "null", "enum": [None]}),
    "oneOf": ({"oneOf": [{"type": "string"}, {"const": 1}]}, {"anyOf": [{"type": "string"}, {"type": "integer", "enum": [1]}]}),
    "anyOf with booleans": ({"anyOf": [True, {"type": "null"}]}, {"anyOf": [{}, {"type": "null"}]}),
    "anyOf and oneOf": (
        {"anyOf": [{"type": "string"}], "oneOf": [{"const": 1}, {"const": 2}]},
        {"anyOf": [{"type": "string"}], "description": "and one of: 1 or 2"},
    ),
    "allOf": (
        {"allOf": [{"type": "object", "properties": {"p": {"type": "string"}}}, {"properties": {"q": {}}, "required": ["q"]}]},
        {"type": "object", "properties": {"p": {"type": "string"}, "q": {}}, "required": ["q"]},
    ),
    "default": ({"type": "integer", "default": 3, "description": "Days."}, {"type": "integer", "description": "Days. (default 3)"}),
    "format and pattern": (
        {"type": "string", "format": "date", "pattern": "^2"},
        {"type": "string", "description": "format date; pattern ^2"},
    ),
    "range": ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, {"type": "number", "description": "at least 0; less than 1"}),
    "lengths": (
        {"type": "string", "minLength": 2, "maxLength": 5},
        {"type": "string", "description": "minimum length 2; maximum length 5"},
    ),
    "title that says more": ({"type": "string", "title": "IATA code"}, {"type": "string", "description": "IATA code"}),
    "title that repeats the name": ({"type": "string", "title": "A"}, {"type": "string"}),
    "description that is no text": ({"description": ["x"]}, {"description": '["x"]'}),
    "items": ({"type": "array", "items": {"const": 1}}, {"type": "array", "items": {"type": "integer", "enum": [1]}}),
    "items true": ({"type": "array", "items": True}, {"type": "array", "items": {}}),
    "items by place": (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "description": "in this order: string, integer"},
    ),
    "map": (
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"type": "object", "description": "further properties: number"},
    ),
    "closed object": ({"type": "object", "additionalProperties": False}, {"type": "object"}),
    "nested": (
        {"properties": {"x": {"type": "string", "required": True}, "y": False}},
        {"type": "object", "properties": {"x": {"type": "string"}, "y": {"description": "never given"}}, "required": ["x"]},
    ),
    "required without property": ({"type": "object", "required": ["x"]}, {"type": "object", "description": "required: x"}),
    "properties list": ({"type": "object", "properties": []}, {"type": "object"}),
    "unknown keywords": ({"type": "string", "x-order": 1, "$comment": "no"}, {"type": "string"}),
    "lone surrogate": ({"enum": ["\ud800"]}, {"type": "string", "enum": ["\ufffd"]}),
}


def parameters(tool: WireTool) -> Any:
    return tool.function.parameters


def wire(schema: Any, version: str = "", description: str = "") -> WireTool:
    return tool_to_wire(Tool(name="f", description=description, parameters=schema), server=ServerVersion.parse(version))


def body(tool: WireTool) -> dict[str, Any]:
    function = {"name": tool.function.name, "description": tool.function.description, "parameters": parameters(tool)}
    return {"model": "m", "messages": [], "tools": [{"type": tool.type, "function": function}]}


@pytest.mark.parametrize(("schema", "expected"), PROPERTIES.values(), ids=PROPERTIES)
def test_property(schema: Any, expected: dict[str, Any]) -> None:
    tool = wire({"type": "object", "properties": {"a": schema}})
    assert parameters(tool) == {"type": "object", "properties": {"a": expected}}
    go_decoder.check_chat(body(tool))


EMPTY = {"type": "object", "properties": {}}
ROOTS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "empty": ({}, EMPTY, "Does it."),
    "no object": (True, EMPTY, "Does it."),
    "type list": ({"type": ["object", "null"], "properties": {"a": {}}}, {"type": "object", "properties": {"a": {}}}, "Does it."),
    "type null": ({"type": None, "properties": None}, EMPTY, "Does it."),
    "properties list": ({"type": "object", "properties": []}, EMPTY, "Does it."),
    "required": ({"properties": {"a": {}}, "required": ["a"]}, {"type": "object", "required": ["a"], "properties": {"a": {}}}, "Does it."),
    "required text": (
        {"properties": {"a": {}}, "required": "a"},
        {"type": "object", "required": ["a"], "properties": {"a": {}}},
        "Does it.",
    ),
    "required junk": ({"properties": {"a": {}}, "required": [1, None]}, {"type": "object", "properties": {"a": {}}}, "Does it."),
    "required of draft 3": (
        {"properties": {"a": {"required": True}, "b": {"required": False}}},
        {"type": "object", "required": ["a"], "properties": {"a": {}, "b": {}}},
        "Does it.",
    ),
    "required without property": (
        {"properties": {"a": {}}, "required": ["a", "gone"]},
        {"type": "object", "required": ["a"], "properties": {"a": {}}},
        "Does it. (required: gone)",
    ),
    "reference": (
        {"$ref": "#/$defs/Args", "$defs": {"Args": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}, "A": {"type": "null"}}},
        {"type": "object", "properties": {"a": {"type": "null"}}},
        "Does it.",
    ),
    "alternatives": (
        {
            "type": "object",
            "oneOf": [{"properties": {"a": {}, "c": {}}, "required": ["a", "c"]}, {"properties": {"b": {}, "c": {}}, "required": ["c"]}],
        },
        {"type": "object", "required": ["c"], "properties": {"a": {}, "c": {}, "b": {}}},
        "Does it. (arguments fit one of these: (a, c) or (b, c))",
    ),
    "alternatives for one property": (
        {"anyOf": [{"properties": {"a": {"type": "string"}}}, {"properties": {"a": {"type": "null"}}}]},
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}},
        "Does it. (arguments fit one of these: (a))",
    ),
    "described": ({"description": "Where to look.", "properties": {}}, EMPTY, "Does it. (Where to look.)"),
    "described the same": ({"description": "Does it."}, EMPTY, "Does it."),
    "no object at all": ({"type": "array", "items": {"type": "string"}}, EMPTY, "Does it. (arguments: array of string)"),
}


@pytest.mark.parametrize(("schema", "expected", "description"), ROOTS.values(), ids=ROOTS)
def test_root(schema: Any, expected: dict[str, Any], description: str) -> None:
    tool = wire(schema, description="Does it.")
    assert parameters(tool) == expected
    assert tool.function.description == description
    go_decoder.check_chat(body(tool))


OLD: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "type list before 0.6.6": (
        "0.6.5",
        {"type": ["null", "integer"], "description": "Days."},
        {"type": "integer", "description": "Days. (null or integer)"},
    ),
    "type list since 0.6.6": ("0.6.6", {"type": ["null", "integer"]}, {"type": ["null", "integer"]}),
    "items before 0.6.6": ("0.6.5", {"type": "array", "items": {"type": "string"}}, {"type": "array", "description": "array of string"}),
    "items since 0.6.6": ("0.6.6", {"type": "array", "items": {"type": "string"}}, {"type": "array", "items": {"type": "string"}}),
    "enum of numbers before 0.6.6": ("0.6.5", {"enum": [1, 2]}, {"type": "integer", "description": "one of 1, 2"}),
    "enum of texts before 0.6.6": ("0.6.5", {"enum": ["a", "b"]}, {"type": "string", "enum": ["a", "b"]}),
    "anyOf before 0.11.3": (
        "0.11.2",
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": ["string", "integer"], "description": "string or integer"},
    ),
    "anyOf before 0.6.6": (
        "0.5.13",
        {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        {"type": "string", "description": "string or integer (string or integer)"},
    ),
    "anyOf since 0.11.3": ("0.11.3", {"anyOf": [{"type": "string"}]}, {"anyOf": [{"type": "string"}]}),
    "nested before 0.13.5": (
        "0.13.4",
        {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        {"type": "object", "description": "with x: string (required)"},
    ),
    "nested in items before 0.13.5": (
        "0.13.4",
        {"type": "array", "items": {"type": "object", "properties": {"x": {}}}},
        {"type": "array", "items": {"type": "object", "properties": {"x": {}}}},
    ),
    "nested required before 0.20.0": (
        "0.19.0",
        {"properties": {"x": {"type": "string"}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {"type": "string"}}, "description": "required: x"},
    ),
    "nested required since 0.20.0": (
        "0.20.0",
        {"properties": {"x": {}}, "required": ["x"]},
        {"type": "object", "properties": {"x": {}}, "required": ["x"]},
    ),
    "inside anyOf": (
        "0.13.4",
        {"anyOf": [{"properties": {"x": {}}}, {"type": "null"}]},
        {"anyOf": [{"type": "object", "description": "with x: anything"}, {"type": "null"}]},
    ),
    "unknown version": ("nightly", {"type": ["null", "integer"]}, {"type": ["null", "integer"]}),
}


@pytest.mark.parametrize(("version", "schema", "expected"), OLD.values(), ids=OLD)
def test_property_of_version(version: str, schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert parameters(wire({"properties": {"a": schema}}, version))["properties"] == {"a": expected}


def test_recursive_tool_says_where_it_was_cut() -> None:
    node = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/Node"}}}}
    tool = wire({"properties": {"tree": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}})
    assert parameters(tool)["properties"]["tree"]["properties"]["kids"]["items"] == {
        "type": "object",
        "description": "recursive: again the shape of Node",
    }


def test_tools_keep_their_order_and_names() -> None:
    tools = tools_to_wire([Tool(name="b"), Tool(name="a", description="x")], server=NEWEST)
    assert [(tool.type, tool.function.name, tool.function.description) for tool in tools] == [("function", "b", ""), ("function", "a", "x")]


def old_property_is_accepted(schema: dict[str, Any]) -> bool:
    """The struct of 0.5.0 to 0.6.5: `Type string; Description string; Enum []string` (api/types.go, ToolFunction)."""
    kinds = {"type": str, "description": str, "enum": list}
    fits = all(isinstance(schema[keyword], kind) for keyword, kind in kinds.items() if keyword in schema)
    return fits and all(isinstance(value, str) for value in schema.get("enum", [])) and schema.keys() <= kinds.keys()


ANY_SCHEMA = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=200)
VERSIONS = st.sampled_from(["0.5.13", "0.6.6", "0.11.3", "0.13.5", "0.20.0", "0.33.0-rc2", "unknown"])


@ANY_SCHEMA
@given(SCHEMAS, VERSIONS)
@example({"type": "object", "properties": {"a": {"type": ["string", "null"], "required": True}}}, "0.5.13")
def test_any_schema_is_accepted_and_loses_no_property(schema: dict[str, Any], version: str) -> None:
    tool = wire(schema, version)
    go_decoder.check_chat(body(tool))
    result = parameters(tool)
    assert result["type"] == "object"
    assert set(result.get("required", [])) <= set(result["properties"])
    text = json.dumps([result, tool.function.description], ensure_ascii=False).replace('\\"', '"')
    assert [name for name in property_names(plain_json(schema)) if name.replace('\\"', '"') not in text] == []
    if version == "0.5.13":
        assert all(old_property_is_accepted(item) for item in result["properties"].values())


@ANY_SCHEMA
@given(SCHEMAS)
def test_what_came_out_goes_through_unchanged(schema: dict[str, Any]) -> None:
    once = wire(schema)
    again = tool_to_wire(Tool(name=once.function.name, description=once.function.description, parameters=once.function.parameters))
    assert again == once


def test_a_tool_is_translated_once_for_each_kind_of_server() -> None:
    offered = Tool(name="once", description="d", parameters={"type": "object", "properties": {"x": {"type": ["integer", "null"]}}})
    same = Tool(name="once", description="d", parameters={"type": "object", "properties": {"x": {"type": ["integer", "null"]}}})
    ((first,), (again,)) = tools_to_wire([offered], server=NEWEST), tools_to_wire([same], server=NEWEST)
    assert first is again
    for server in (NEWEST, ServerVersion(0, 5, 13)):
        assert tools_to_wire([offered], server=server) == (tool_to_wire(offered, server=server),)


def test_a_tool_that_is_huge_or_cannot_be_spelled_is_not_remembered() -> None:
    huge = Tool(name="huge", description="x" * 40_000)
    assert tools_to_wire([huge])[0] is not tools_to_wire([huge])[0]
    strange = Tool(name="strange", parameters=MappingProxyType({"type": "object", "properties": {"x": {"type": "string"}}}))
    with pytest.raises(TypeError):
        codec.dumps(strange.parameters)
    assert tools_to_wire([strange]) == (tool_to_wire(strange),)

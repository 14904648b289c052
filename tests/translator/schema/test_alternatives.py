"""What stands beside alternatives, in each of them."""

from typing import Any

import pytest

from translator.schema.alternatives import whole_alternatives
from translator.schema.formats import answer_format

TEXT, INTEGER = {"type": "string"}, {"type": "integer"}
PERSON = {"type": "object", "properties": {"mail": TEXT, "phone": TEXT}}

MOVED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one of two names is required": (
        {**PERSON, "title": "Person", "anyOf": [{"required": ["mail"]}, {"required": ["phone"]}]},
        {"title": "Person", "anyOf": [{**PERSON, "required": ["mail"]}, {**PERSON, "required": ["phone"]}]},
    ),
    "properties of each kind beside those of all": (
        {"type": "object", "properties": {"id": INTEGER}, "required": ["id"], "oneOf": [{"properties": {"a": TEXT}, "required": ["a"]}]},
        {"oneOf": [{"type": "object", "properties": {"id": INTEGER, "a": TEXT}, "required": ["id", "a"]}]},
    ),
    "a rule of texts beside other types": (
        {"maxLength": 3, "anyOf": [TEXT, INTEGER, {"type": ["string", "null"]}, {"const": "x"}]},
        {
            "anyOf": [
                {"maxLength": 3, **TEXT},
                INTEGER,
                {"maxLength": 3, "type": ["string", "null"]},
                {"maxLength": 3, "const": "x"},
            ]
        },
    ),
    "anything": ({**TEXT, "anyOf": [True, {"minLength": 2}]}, {"anyOf": [TEXT, {**TEXT, "minLength": 2}]}),
    "alternatives of alternatives": (
        {**TEXT, "anyOf": [{"oneOf": [{"minLength": 1}, {"maxLength": 9}]}]},
        {"anyOf": [{"oneOf": [{**TEXT, "minLength": 1}, {**TEXT, "maxLength": 9}]}]},
    ),
    "both kinds of alternatives": (
        {"anyOf": [TEXT, INTEGER], "oneOf": [{"const": 1}, {"const": "a"}]},
        {
            "oneOf": [
                {"anyOf": [{**TEXT, "const": 1}, {**INTEGER, "const": 1}]},
                {"anyOf": [{**TEXT, "const": "a"}, {**INTEGER, "const": "a"}]},
            ]
        },
    ),
    "deep inside": (
        {"type": "array", "items": {**TEXT, "anyOf": [{"format": "date"}]}},
        {"type": "array", "items": {"anyOf": [{**TEXT, "format": "date"}]}},
    ),
}


@pytest.mark.parametrize(("schema", "expected"), MOVED.values(), ids=MOVED)
def test_each_alternative_is_whole(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert whole_alternatives(schema) == expected


KEPT: dict[str, Any] = {
    "annotations alone": {"anyOf": [TEXT, {"type": "null"}], "default": None, "title": "A", "discriminator": {"propertyName": "t"}},
    "alternatives that are references": {"type": "object", "anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]},
    "no list": {"type": "string", "anyOf": "x"},
    "more than is reasonable": {
        "type": "object",
        "properties": {f"p{number}": TEXT for number in range(100)},
        "anyOf": [{"required": [f"p{number}"]} for number in range(100)],
    },
}


@pytest.mark.parametrize("schema", KEPT.values(), ids=KEPT)
def test_what_stays(schema: dict[str, Any]) -> None:
    assert whole_alternatives(schema) == schema


def test_the_model_reads_the_schema_as_it_was_written() -> None:
    schema = {**PERSON, "anyOf": [{"required": ["mail"]}, {"required": ["phone"]}]}
    form = answer_format(schema)
    assert form.schema == schema
    assert form.rules == ()

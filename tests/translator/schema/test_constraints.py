"""What a grammar keeps of a schema, and what the model is told instead."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import load
from tests.translator.schema.grammar_converter import as_regex
from translator.schema.constraints import constrained, rules_prompt
from translator.schema.formats import answer_format


def inside(schema: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": schema}}


TEXT, INTEGER, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
LIST = {"type": "array", "items": TEXT}
ANYTHING = {"type": ["string", "number", "boolean", "object", "array", "null"]}
FARTHEST = 10**16 - 1

KEPT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a pattern": ({**TEXT, "pattern": r"^\d{5}$"}, {**TEXT, "pattern": "^[0-9]{5}$"}),
    "a pattern with lengths in it": (
        {**TEXT, "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 9},
        {**TEXT, "pattern": "^[a-z]{2,9}$", "minLength": 2, "maxLength": 9},
    ),
    "lengths": ({**TEXT, "minLength": 1, "maxLength": 1999}, {**TEXT, "minLength": 1, "maxLength": 1999}),
    "a known format": ({**TEXT, "format": "date-time"}, {**TEXT, "format": "date-time"}),
    "a format that a pattern says": ({**TEXT, "format": "email"}, {**TEXT, "format": "email", "pattern": None}),
    "a text or nothing": ({"type": ["string", "null"], "pattern": r"\d"}, {"type": ["string", "null"], "pattern": None}),
    "whole bounds": ({**INTEGER, "minimum": 1, "maximum": 5}, {**INTEGER, "minimum": 1, "maximum": 5}),
    "exclusive bounds": ({**INTEGER, "exclusiveMinimum": 0, "exclusiveMaximum": 6}, {**INTEGER, "minimum": 1, "maximum": 5}),
    "exclusive bounds of draft 4": (
        {**INTEGER, "minimum": 0, "exclusiveMinimum": True, "maximum": 6, "exclusiveMaximum": False},
        {**INTEGER, "minimum": 1, "maximum": 6},
    ),
    "both kinds of bounds": ({**INTEGER, "minimum": 3, "exclusiveMinimum": 5}, {**INTEGER, "minimum": 6, "maximum": FARTHEST}),
    "a lower bound alone": ({**INTEGER, "minimum": 100}, {**INTEGER, "minimum": 100, "maximum": FARTHEST}),
    "an upper bound alone": ({**INTEGER, "maximum": -5}, {**INTEGER, "minimum": -FARTHEST, "maximum": -5}),
    "bounds of a half": (
        {**INTEGER, "minimum": 0.5, "maximum": 2.5, "exclusiveMaximum": 9.5},
        {**INTEGER, "minimum": 1, "maximum": 2},
    ),
    "counts": ({**LIST, "minItems": 1, "maxItems": 500}, {**LIST, "minItems": 1, "maxItems": 500}),
    "counts without items": ({"type": "array", "minItems": 2}, {"type": "array", "minItems": 2, "items": ANYTHING}),
    "a required name without a property": (
        {**inside(TEXT), "required": ["a", "b"]},
        {**inside(TEXT), "properties": {"a": TEXT, "b": ANYTHING}, "required": ["a", "b"]},
    ),
    "a required name among further ones": (
        {"type": "object", "required": ["b"], "additionalProperties": TEXT},
        {"type": "object", "properties": {"b": TEXT}, "required": ["b"], "additionalProperties": TEXT},
    ),
    "rules beside alternatives": (
        {"minLength": 3, "anyOf": [TEXT, {"type": "null"}]},
        {"anyOf": [{**TEXT, "minLength": 3}, {"type": "null"}]},
    ),
    "counts of a tuple": (
        {"type": "array", "prefixItems": [TEXT], "minItems": 1, "maxItems": 1},
        {"type": "array", "prefixItems": [TEXT], "minItems": 1, "maxItems": 1},
    ),
    "annotations": (
        {**TEXT, "default": "x", "examples": ["y"], "deprecated": True},
        {**TEXT, "default": "x", "examples": ["y"], "deprecated": True},
    ),
    "a choice": ({**TEXT, "enum": ["a"], "pattern": "^a$", "minLength": 1}, {**TEXT, "enum": ["a"], "pattern": "^a$", "minLength": 1}),
}


@pytest.mark.parametrize(("schema", "wire"), KEPT.values(), ids=KEPT)
def test_the_grammar_says_it(schema: dict[str, Any], wire: dict[str, Any]) -> None:
    form = answer_format(inside(schema))
    assert isinstance(form.wire, dict)
    sent = form.wire["properties"]["a"]
    if wire.get("pattern", "") is None:
        as_regex(sent["pattern"])
        wire = {**wire, "pattern": sent["pattern"]}
    assert sent == wire
    assert form.rules == ()
    assert form.instruction(is_enforced=True) == ""


SAID: dict[str, tuple[dict[str, Any], dict[str, Any] | None, str]] = {
    "looking around": ({**TEXT, "pattern": r"^(?=.*\d).{8,}$"}, TEXT, r"a: pattern ^(?=.*\d).{8,}$"),
    "looking around beside a format": (
        {**TEXT, "format": "email", "pattern": r"^(?!\.).*$"},
        None,
        r"a: pattern ^(?!\.).*$",
    ),
    "looking around beside lengths": (
        {**TEXT, "pattern": r"\bx\b", "minLength": 3},
        {**TEXT, "minLength": 3},
        r"a: pattern \bx\b",
    ),
    "lengths of a pattern": (
        {**TEXT, "pattern": "^a+b+$", "maxLength": 9},
        {**TEXT, "pattern": "^a+b+$", "maxLength": 9},
        "a: maximum length 9",
    ),
    "many characters": ({**TEXT, "minLength": 1, "maxLength": 5000}, {**TEXT, "minLength": 1}, "a: maximum length 5000"),
    "an unknown format": ({**TEXT, "format": "iri"}, {**TEXT, "format": "iri"}, "a: format iri"),
    "a format beside a pattern": (
        {**TEXT, "format": "date", "pattern": "^2"},
        None,
        "a: format date",
    ),
    "lengths of a known format": (
        {**TEXT, "format": "uuid", "minLength": 5},
        {**TEXT, "format": "uuid", "minLength": 5},
        "a: minimum length 5",
    ),
    "bounds of any number": (
        {**NUMBER, "exclusiveMinimum": 0, "maximum": 1},
        {**NUMBER, "exclusiveMinimum": 0, "maximum": 1},
        "a: more than 0; at most 1",
    ),
    "bounds of draft 4": (
        {**NUMBER, "minimum": 0, "exclusiveMinimum": True},
        {**NUMBER, "minimum": 0, "exclusiveMinimum": True},
        "a: more than 0",
    ),
    "bounds beyond every number": ({**INTEGER, "maximum": 10**30}, INTEGER, f"a: at most {10**30}"),
    "bounds that contradict": ({**INTEGER, "minimum": 5, "maximum": 3}, INTEGER, "a: at least 5; at most 3"),
    "multiples": (
        {**INTEGER, "minimum": 0, "multipleOf": 5},
        {**INTEGER, "minimum": 0, "maximum": FARTHEST, "multipleOf": 5},
        "a: a multiple of 5",
    ),
    "not": ({**TEXT, "not": {"const": "x"}}, {**TEXT, "not": {"const": "x"}}, "a: not x"),
    "many items": ({**LIST, "minItems": 2, "maxItems": 1000}, {**LIST, "minItems": 2}, "a: maximum number of items 1000"),
    "no item twice": ({**LIST, "uniqueItems": True}, {**LIST, "uniqueItems": True}, "a: no item twice"),
    "names of properties": (
        {"type": "object", "propertyNames": {"pattern": "^x"}},
        {"type": "object", "propertyNames": {"pattern": "^x"}},
        "a: property names: pattern ^x",
    ),
    "a required name that must not be": (
        {**inside(TEXT), "required": ["a", "b"], "additionalProperties": False},
        {**inside(TEXT), "required": ["a", "b"], "additionalProperties": False},
        "a: required: b",
    ),
    "in a list": ({"type": "array", "items": {**TEXT, "format": "iri"}}, None, "a[]: format iri"),
    "in a tuple": ({"type": "array", "prefixItems": [TEXT, {**TEXT, "format": "iri"}]}, None, "a[1]: format iri"),
    "in an object": (inside({**TEXT, "format": "iri"}), None, "a.a: format iri"),
    "in a map": ({"type": "object", "additionalProperties": {**TEXT, "format": "iri"}}, None, "a.*: format iri"),
    "in an alternative": ({"anyOf": [{**TEXT, "format": "iri"}, {"type": "null"}]}, None, "a: format iri"),
}


@pytest.mark.parametrize(("schema", "wire", "rule"), SAID.values(), ids=SAID)
def test_the_model_is_told(schema: dict[str, Any], wire: dict[str, Any] | None, rule: str) -> None:
    form = answer_format(inside(schema))
    assert isinstance(form.wire, dict)
    assert form.rules == (rule,)
    assert wire is None or form.wire["properties"]["a"] == wire
    assert form.instruction(is_enforced=True).endswith(f"\n- {rule}")
    assert schema_in(form.instruction(is_enforced=False), schema)


def schema_in(text: str, schema: dict[str, Any]) -> bool:
    """Where nothing is enforced the model reads the schema as it was written."""
    return all(f'"{keyword}"' in text for keyword in schema)


def test_a_recursive_schema_is_told_by_its_definitions() -> None:
    node = {"type": "object", "properties": {"id": {**TEXT, "format": "iri"}, "next": {"$ref": "#/$defs/Node"}}}
    form = answer_format({"$ref": "#/$defs/Node", "$defs": {"Node": node}})
    assert form.rules == ("def-0-Node.id: format iri",)


@pytest.mark.parametrize("name", ["größe", "a]b", "a-b", 'a"b', "a\\b"])
def test_names_that_break_the_grammar_of_an_open_object(name: str) -> None:
    schema = {"type": "object", "properties": {name: TEXT}, "additionalProperties": True}
    assert answer_format(schema).wire == {"type": "object", "properties": {name: TEXT}}
    assert answer_format({**schema, "properties": {"clean name_1": TEXT}}).wire == {**schema, "properties": {"clean name_1": TEXT}}


def test_no_rules_need_no_words() -> None:
    assert rules_prompt([]) == ""
    assert constrained({"type": "object"}).rules == ()


@pytest.mark.parametrize(
    ("scenario", "said"), [("format-minimum-alone", '"age": 18'), ("format-maximum-alone-breaks-json", '"degrees": -05')]
)
def test_what_a_real_server_made_of_one_bound(scenario: str, said: str) -> None:
    recording = load("0.33.0-rc2-real", f"{scenario}-blocking")
    assert said in orjson.loads(recording.body)["message"]["content"]
    form = answer_format(recording.request_body["format"])
    assert isinstance(form.wire, dict)
    (sent,) = form.wire["properties"].values()
    assert {"minimum", "maximum"} <= sent.keys()


VALUES = st.one_of(st.integers(-9, 9), st.floats(-9, 9), st.booleans(), st.none(), st.just(10**40))


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), VALUES)),
    st.integers(-12, 12),
)
def test_integer_bounds_mean_the_same(bounds: dict[str, Any], number: int) -> None:
    form = constrained({**INTEGER, **bounds})
    low, high = form.schema.get("minimum"), form.schema.get("maximum")
    fits = (low is None or number >= low) and (high is None or number <= high)
    if not form.rules:
        assert fits == original_fits(bounds, number)
    assert "exclusiveMinimum" not in form.schema


def original_fits(bounds: dict[str, Any], number: int) -> bool:
    low, high = numeric(bounds, "minimum"), numeric(bounds, "maximum")
    below, above = numeric(bounds, "exclusiveMinimum"), numeric(bounds, "exclusiveMaximum")
    fits_low = low is None or number > low or (number == low and bounds.get("exclusiveMinimum") is not True)
    fits_high = high is None or number < high or (number == high and bounds.get("exclusiveMaximum") is not True)
    return fits_low and fits_high and (below is None or number > below) and (above is None or number < above)


def numeric(bounds: dict[str, Any], keyword: str) -> int | float | None:
    value = bounds.get(keyword)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None

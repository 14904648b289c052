"""Schemas for property tests: the sensible, the old-fashioned and the broken, and what must survive of them."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

from translator.schema.walk import LIST_KEYWORDS, MAP_KEYWORDS, SCHEMA_KEYWORDS

NAMES = st.sampled_from(["alpha", "bravo", "charlie", "delta", "echo é", "$ref", "type", 'quote"', ""])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**20), st.floats(allow_nan=False), st.sampled_from(["", "a", "\ud800", "object"])
)
JUNK = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(NAMES, SCALARS, max_size=2))
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object", "STRING", "str", "datetime"])
REFS = st.sampled_from(["#", "#/$defs/Node", "#/definitions/Old", "#/properties/alpha", "#/nowhere", "https://example.com/x.json"])


def _keywords(children: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    listed = st.lists(children, max_size=3)
    named = st.dictionaries(NAMES, children, max_size=3)
    return {
        "type": st.one_of(TYPES, st.lists(TYPES, max_size=3), JUNK),
        "properties": st.one_of(named, named, JUNK),
        "required": st.one_of(st.lists(NAMES, max_size=3), st.booleans(), JUNK),
        "items": st.one_of(children, listed, JUNK),
        "prefixItems": listed,
        "anyOf": st.one_of(listed, children),
        "oneOf": listed,
        "allOf": listed,
        "additionalProperties": st.one_of(st.booleans(), children),
        "patternProperties": named,
        "not": children,
        "if": children,
        "then": children,
        "contains": children,
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=2),
        "enum": st.one_of(st.lists(SCALARS, max_size=4), JUNK),
        "const": JUNK,
        "default": JUNK,
        "examples": JUNK,
        "description": st.one_of(st.text(max_size=8), JUNK),
        "title": st.one_of(st.sampled_from(["Alpha", "A title"]), JUNK),
        "format": st.one_of(st.sampled_from(["date", "email"]), JUNK),
        "pattern": st.one_of(st.sampled_from(["^a$", "b+"]), JUNK),
        "minimum": st.one_of(st.integers(-3, 3), JUNK),
        "maxLength": st.one_of(st.integers(0, 9), JUNK),
        "nullable": st.booleans(),
        "$ref": REFS,
        "x-unknown": JUNK,
    }


def _few_keywords(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    keywords = _keywords(children)
    return st.lists(st.sampled_from(sorted(keywords)), min_size=1, max_size=4, unique=True).flatmap(
        lambda chosen: st.fixed_dictionaries({keyword: keywords[keyword] for keyword in chosen})
    )


_LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.builds(dict), TYPES.map(lambda kind: {"type": kind}), st.just({"$ref": "#/$defs/Node"})
)
_NODES = st.recursive(_LEAVES, lambda children: st.one_of(_few_keywords(children), _LEAVES), max_leaves=12)


SCHEMAS = st.builds(
    lambda root, node, old: {**root, "$defs": {"Node": node}, "definitions": {"Old": old}, "$schema": "http://json-schema.org/schema#"},
    _few_keywords(_NODES),
    _NODES,
    _NODES,
)
"""Whole schemas with definitions, references into them and out of them, and values of the wrong type in every place."""


def property_names(schema: Any) -> Iterator[str]:
    """Yields the names of all properties of a schema, definitions left out."""
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        yield from properties if isinstance(properties, Mapping) else ()
        for child in subschemas({keyword: value for keyword, value in schema.items() if keyword != "$defs"}):
            yield from property_names(child)


def subschemas(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yields the direct sub-schemas of a schema, never the data in `enum`, `const`, `default` or `examples`."""
    for keyword, value in schema.items():
        if keyword in MAP_KEYWORDS and isinstance(value, Mapping):
            yield from value.values()
        elif keyword in LIST_KEYWORDS or keyword in SCHEMA_KEYWORDS:
            yield from value if isinstance(value, list) else (value,)

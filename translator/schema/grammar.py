"""A schema that llama.cpp can turn into a grammar, or a clear error before any model is loaded.

The server's converter (llama.cpp common/json-schema-to-grammar.cpp, visit) refuses boolean schemas and schemas without a type, takes `{}`
for an object, and stops at keywords of a wrong type. The server itself would say so only after loading the model, and for thinking models
in the middle of the answer. What a grammar cannot say is found by `constraints.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from translator.errors import RequestError
from translator.schema.walk import LIST_KEYWORDS, TYPES, Schema

_PREFIX = "#/$defs/"
_SAME_PLACE = ("allOf", "anyOf", "oneOf")


def check_references(schema: Schema) -> None:
    """Accepts a schema whose references can be followed.

    Raises:
        RequestError: `schema_reference`.
    """
    definitions = schema.get("$defs", {})
    if not all(isinstance(ref, str) and ref.removeprefix(_PREFIX) in definitions for ref in _references(schema)):
        raise RequestError.of(
            "schema_reference", "The JSON schema uses the name `$ref` for something else than a reference.", "Choose another name there."
        )
    checked: set[str] = set()
    for name in definitions:
        _check_loop(name, definitions, (), checked)


def _references(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _check_loop(name: str, definitions: Schema, path: tuple[str, ...], checked: set[str]) -> None:
    if name in path:
        raise RequestError.of(
            "schema_reference", "A definition of the JSON schema refers to itself without anything in between.", "Correct the definition."
        )
    if name in checked:
        return
    for target in _targets(definitions[name]):
        _check_loop(target, definitions, (*path, name), checked)
    checked.add(name)


def _targets(schema: Any) -> Iterator[str]:
    """Yields the definitions that a value must fit at the same place, without going down into a property or an item."""
    if isinstance(schema, Mapping):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(_PREFIX)
        for keyword in _SAME_PLACE:
            for part in schema.get(keyword, ()):
                yield from _targets(part)


_ANYTHING = ["string", "number", "boolean", "object", "array", "null"]
IMPLIED_TYPES: dict[str, str] = {
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems", "contains"), "array"),
    **dict.fromkeys(("required", "minProperties", "maxProperties", "patternProperties", "propertyNames", "additionalProperties"), "object"),
}
_STRUCTURE = frozenset({"$ref", "type", "oneOf", "anyOf", "allOf", "const", "enum", "properties", "items", "prefixItems"})


def grammar_schema(schema: Mapping[str, Any], path: str = "$") -> Schema:
    """Checks and completes a schema at `path`, a JSON path for error messages.

    Raises:
        RequestError: `schema_invalid`, naming the place and the keyword.
    """
    # the converter reads `items` only when both are there; without it, it takes exactly the listed places
    hidden = {"items"} if "prefixItems" in schema else set()
    kept = {keyword: value for keyword, value in schema.items() if keyword not in hidden and (value is not None or keyword in _DATA)}
    result = _filled_in({keyword: _keyword(keyword, value, path) for keyword, value in kept.items()})
    return result if result.keys() & _STRUCTURE else {**_implied(result, path), **result}


def _filled_in(schema: Schema) -> Schema:
    """With a schema for what is asked for without one: the converter counts no items and requires no property that it knows nothing of."""
    properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
    stray = [] if others is False else [name for name in schema.get("required", ()) if name not in properties]
    if stray:
        anything = others if isinstance(others, dict) else {"type": list(_ANYTHING)}
        schema = {**schema, "properties": {**properties, **dict.fromkeys(stray, anything)}}
    if ("minItems" in schema or "maxItems" in schema) and not schema.keys() & {"items", "prefixItems"}:
        schema = {**schema, "items": {"type": list(_ANYTHING)}}
    return schema


def _implied(schema: Schema, path: str) -> Schema:
    kind = next((kind for keyword, kind in IMPLIED_TYPES.items() if keyword in schema), None)
    if kind or path == "$":
        return {"type": kind or "object"}
    return {"type": list(_ANYTHING)}


def _keyword(keyword: str, value: Any, path: str) -> Any:
    here = f"{path}.{keyword}"
    if keyword in ("properties", "$defs"):
        members = _expect(Mapping, "an object", value, here)
        return {name: _subschema(item, f"{here}.{name}") for name, item in members.items()}
    if keyword in LIST_KEYWORDS or (keyword == "items" and isinstance(value, list)):
        return [_subschema(item, f"{here}[{index}]") for index, item in enumerate(_filled(value, here))]
    if keyword == "items" or (keyword == "additionalProperties" and not isinstance(value, bool)):
        return _subschema(value, here)
    check = _CHECKS.get(keyword)
    return check(value, here) if check else value


def _subschema(value: Any, path: str) -> Schema:
    if value is True:
        return {"type": list(_ANYTHING)}
    if value is False:
        raise _invalid(path, "is `false`, which no answer can satisfy")
    return grammar_schema(_expect(Mapping, "an object", value, path), path)


def _expect(kind: type | tuple[type, ...], name: str, value: Any, path: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, kind):
        raise _invalid(path, f"must be {name}")
    return value


def _filled(value: Any, path: str) -> list[Any]:
    items: list[Any] = _expect(list, "a list", value, path)
    if not items:
        raise _invalid(path, "must not be empty")
    return items


def _type(value: Any, path: str) -> Any:
    kinds = value if isinstance(value, list) and value else [value]
    for kind in kinds:
        if not isinstance(kind, str) or kind not in TYPES:
            raise _invalid(path, f"must be one of {', '.join(sorted(TYPES))}, or a list of them")
    return value


def _required(value: Any, path: str) -> Any:
    names = _expect(list, "a list of property names", value, path)
    for name in names:
        _expect(str, "a list of property names", name, path)
    return names


def _count(value: Any, path: str) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _expect(int, "a whole number", value, path)


def _invalid(path: str, reason: str) -> RequestError:
    return RequestError.of("schema_invalid", f"The JSON schema is not valid: {path} {reason}.", "Correct the schema.")


_DATA = frozenset({"const", "default"})
_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "type": _type,
    "enum": _filled,
    "required": _required,
    **dict.fromkeys(("format", "pattern"), partial(_expect, str, "a text")),
    **dict.fromkeys(("minimum", "maximum"), partial(_expect, (int, float), "a number")),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _count),
}

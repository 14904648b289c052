"""Where schemas lie inside schemas.

Only the keywords listed here hold schemas, in any draft. What lies in `enum`, `const`, `default` or `examples` is data and is never taken
for a schema.
"""

from collections.abc import Callable, Mapping
from typing import Any

type Schema = dict[str, Any]

TYPES = frozenset({"string", "number", "integer", "boolean", "object", "array", "null"})
"""The types of JSON Schema."""

SCHEMA_KEYWORDS = frozenset(
    {"additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
"""Keywords that hold one schema (`items` may also hold a list of them)."""

LIST_KEYWORDS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords that hold a list of schemas."""

MAP_KEYWORDS = frozenset({"$defs", "dependentSchemas", "patternProperties", "properties"})
"""Keywords that hold schemas by name."""


def properties_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties of a schema by name; none where it has no object of them."""
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def map_subschemas(schema: Mapping[str, Any], change: Callable[[Any], Any]) -> Schema:
    """Copies a schema with `change` applied to each direct sub-schema; a single schema where a list belongs becomes that list."""
    return {keyword: _map_keyword(keyword, value, change) for keyword, value in schema.items()}


def _map_keyword(keyword: str, value: Any, change: Callable[[Any], Any]) -> Any:
    if keyword in MAP_KEYWORDS and isinstance(value, Mapping):
        return {name: change(item) for name, item in value.items()}
    if keyword in LIST_KEYWORDS and isinstance(value, Mapping):
        return [change(value)]
    if keyword in LIST_KEYWORDS or keyword in SCHEMA_KEYWORDS:
        return [change(item) for item in value] if isinstance(value, list) else change(value)
    return value

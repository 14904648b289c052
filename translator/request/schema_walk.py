"""Where schemas lie inside schemas, and how their data is copied.

What enters: a JSON Schema of any draft. What leaves: its direct sub-schemas, or a copy with each of them changed. Only the keywords
listed here hold schemas; what lies in `enum`, `const`, `default` or `examples` is data and is never taken for a schema.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from translator.errors import RequestError

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

MAP_KEYWORDS = frozenset({"dependentSchemas", "patternProperties", "properties"})
"""Keywords that hold schemas by name."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_DATA_DEPTH = 200


def plain_json(value: Any, depth: int = 0) -> Any:
    """Copies JSON data as the server will read it: keys are texts, lone surrogates U+FFFD, infinities texts.

    Raises:
        RequestError: `json_too_deep`, when lists and objects lie more than 200 deep in each other.
    """
    if depth > _DATA_DEPTH:
        raise RequestError.of("json_too_deep", f"The JSON value is nested more than {_DATA_DEPTH} levels deep.", "Make it flatter.")
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {plain_json(str(key)): plain_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def subschemas(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yields the direct sub-schemas of a schema, never the data in `enum`, `const`, `default` or `examples`."""
    for keyword, value in schema.items():
        if keyword in MAP_KEYWORDS and isinstance(value, Mapping):
            yield from value.values()
        elif keyword in LIST_KEYWORDS or keyword in SCHEMA_KEYWORDS:
            yield from value if isinstance(value, list) else (value,)


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


def compact_json(value: Any) -> str:
    """Gives one-line JSON text without escapes, in the author's key order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

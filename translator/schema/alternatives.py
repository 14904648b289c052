"""Alternatives that hold everything that is asked for at their place.

The server's converter reads `oneOf`, else `anyOf`, and nothing that stands beside them (llama.cpp common/json-schema-to-grammar.cpp,
visit): of an object with properties and `anyOf: [{"required": ["a"]}, ...]` it makes an object without any.
"""

from collections.abc import Mapping
from typing import Any

from translator.schema.grammar import IMPLIED_TYPES
from translator.schema.merge import merge_schemas
from translator.schema.walk import Schema, map_subschemas
from translator.schema.words import as_list

_SAYS_NOTHING = frozenset(
    {"title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "discriminator", "$defs"}
)
_CONCERNS: Mapping[str, str] = {**IMPLIED_TYPES, "properties": "object", "items": "array", "prefixItems": "array"}
_MOST_COPIES = 5000
"""Schemas in all copies of what stands beside alternatives; beyond, it stays where it is."""


def whole_alternatives(schema: Any) -> Any:
    """Moves what stands beside `oneOf` or `anyOf` into each alternative, at every depth."""
    if not isinstance(schema, Mapping):
        return schema
    keyword = next((keyword for keyword in ("oneOf", "anyOf") if isinstance(schema.get(keyword), list)), None)
    moved = schema if keyword is None else _moved(schema, keyword)
    return map_subschemas(moved, whole_alternatives)


def _moved(schema: Mapping[str, Any], keyword: str) -> Mapping[str, Any]:
    rest = {name: value for name, value in schema.items() if name != keyword and name not in _SAYS_NOTHING}
    branches = schema[keyword]
    is_plain = all(branch is True or (isinstance(branch, Mapping) and "$ref" not in branch) for branch in branches)
    if not rest or not is_plain or _count(rest) * len(branches) > _MOST_COPIES:
        return schema
    kept = {name: value for name, value in schema.items() if name in _SAYS_NOTHING}
    return kept | {keyword: [rest if branch is True else merge_schemas(_concerning(branch, rest), branch) for branch in branches]}


def _concerning(branch: Mapping[str, Any], rest: Schema) -> Schema:
    """Without rules for values of other types than the branch has."""
    kinds = ["number" if kind == "integer" else kind for kind in as_list(branch.get("type"))]
    return {name: value for name, value in rest.items() if not kinds or name not in _CONCERNS or _CONCERNS[name] in kinds}


def _count(schema: Any) -> int:
    if isinstance(schema, Mapping):
        return 1 + sum(map(_count, schema.values()))
    return sum(map(_count, schema)) if isinstance(schema, list) else 0

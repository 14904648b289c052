"""Two schemas that must both hold, as one.

The parts are those of an `allOf`, or a `$ref` target and the keywords beside it. Where two values of a keyword cannot be joined, the
first one stays and the other goes into `description`, so that no meaning is lost without a trace.
"""

from collections.abc import Callable, Mapping
from typing import Any

from translator.schema.json_data import compact_json
from translator.schema.walk import Schema, map_subschemas


def lift_required(schema: Any) -> Any:
    """Moves draft-3 `required: true` from each property into the list of its parent, at every depth, and drops `required: false`."""
    if not isinstance(schema, Mapping):
        return schema
    own = map_subschemas(schema, lift_required)
    properties = own.get("properties")
    if not isinstance(properties, Mapping):
        return own
    lifted = [name for name, item in properties.items() if isinstance(item, Mapping) and item.get("required") is True]
    bare = {name: _without_flag(item) for name, item in properties.items()}
    known = _names(own.get("required"))
    required = [*known, *(name for name in lifted if name not in known)]
    return {**own, "properties": bare, **({"required": required} if required else {})}


def _without_flag(schema: Any) -> Any:
    if not isinstance(schema, Mapping) or not isinstance(schema.get("required"), bool):
        return schema
    return {keyword: value for keyword, value in schema.items() if keyword != "required"}


def _names(required: Any) -> list[str]:
    names = [required] if isinstance(required, str) else required
    return list(dict.fromkeys(name for name in names if isinstance(name, str))) if isinstance(names, list) else []


def required_names(required: Any, properties: Mapping[str, Any]) -> list[str]:
    """Gives the required names that have a property; the others are said in words (see `words.notes`)."""
    return [name for name in _names(required) if name in properties]


_ANY = object()


def merge_all_of(schema: Any) -> Any:
    """Replaces every `allOf`, at any depth, by the merge of its parts with what stands beside it; parts that are references stay."""
    if not isinstance(schema, Mapping):
        return schema
    merged = map_subschemas(schema, merge_all_of)
    parts = merged.pop("allOf", None)
    references = []
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Mapping) and "$ref" in part:
            references.append(part)
        elif isinstance(part, Mapping):
            merged = merge_schemas(merged, part)
    if len(references) == 1 and merged.keys() <= _ANNOTATIONS:
        return references[0]
    return {**merged, "allOf": references} if references else merged


def merge_schemas(first: Mapping[str, Any], second: Mapping[str, Any]) -> Schema:
    """Gives the schema of what fits both; keywords of `first` come first."""
    result: Schema = {**first}
    lost: list[str] = []
    for keyword, value in second.items():
        mine = result.get(keyword, _ANY)
        if mine is _ANY or mine is None:
            result[keyword] = value
        elif mine != value and value is not None:
            if keyword in _JOIN:
                result[keyword] = _JOIN[keyword](mine, value)
            elif keyword not in _UNSAID:
                lost.append(f"also {keyword}: {compact_json(value)}")
    return _describe(result, lost)


def _describe(schema: Schema, notes: list[str]) -> Schema:
    if not notes:
        return schema
    known = schema.get("description")
    texts = [known, *notes] if isinstance(known, str) and known else notes
    return {**schema, "description": "; ".join(texts)}


def _properties(mine: Any, other: Any) -> Any:
    if not isinstance(mine, Mapping) or not isinstance(other, Mapping):
        return mine if isinstance(mine, Mapping) else other
    shared = {name: _both(mine[name], other[name]) for name in mine if name in other}
    return {**mine, **other, **shared}


def _both(mine: Any, other: Any) -> Any:
    """Joins two schemas of which either may be a boolean."""
    if isinstance(mine, Mapping) and isinstance(other, Mapping):
        return merge_schemas(mine, other)
    if mine is False or other is False:
        return False
    return mine if isinstance(mine, Mapping) else other


def _union(mine: Any, other: Any) -> Any:
    if not isinstance(mine, list) or not isinstance(other, list):
        return mine if isinstance(mine, list) else other
    return [*mine, *(item for item in other if item not in mine)]


def _enum(mine: Any, other: Any) -> Any:
    if not isinstance(mine, list) or not isinstance(other, list):
        return mine
    # a contradiction fits nothing; what was written first is the better hint
    return [item for item in mine if item in other] or mine


def _types(mine: Any, other: Any) -> Any:
    ours, theirs = ([kind] if isinstance(kind, str) else kind for kind in (mine, other))
    if not isinstance(ours, list) or not isinstance(theirs, list):
        return mine
    common = [kind for kind in ours if kind in theirs or (kind == "integer" and "number" in theirs)]
    if "number" in ours and "integer" in theirs and "integer" not in common:
        common.append("integer")
    return (common[0] if len(common) == 1 else common) or mine


def _texts(mine: Any, other: Any) -> Any:
    if not isinstance(mine, str) or not isinstance(other, str) or not mine or other in mine:
        return mine if isinstance(mine, str) and mine else other
    return f"{mine} {other}" if mine.endswith((".", "!", "?")) else f"{mine}. {other}"


def _tighter(choose: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    def join(mine: Any, other: Any) -> Any:
        numbers = all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in (mine, other))
        return choose(mine, other) if numbers else mine

    return join


_LARGER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_SMALLER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")

_JOIN: dict[str, Callable[[Any, Any], Any]] = {
    "properties": _properties,
    "patternProperties": _properties,
    "items": _both,
    "additionalProperties": _both,
    "required": _union,
    "examples": _union,
    "enum": _enum,
    "type": _types,
    "description": _texts,
    **dict.fromkeys(_LARGER, _tighter(max)),
    **dict.fromkeys(_SMALLER, _tighter(min)),
}

_UNSAID = frozenset({"title", "default", "example", "deprecated", "readOnly", "writeOnly"})
_ANNOTATIONS = _UNSAID | {"description", "examples"}

"""One tool property in the newest server's form.

The schema given has no references and no `allOf`. The property has the seven keywords of the server's ToolProperty (`anyOf`, `type`,
`items`, `description`, `enum`, `properties`, `required`; api/types.go since 0.20.0); the rest is said in `description`.
"""

from collections.abc import Mapping
from typing import Any

from translator.schema.json_data import compact_json
from translator.schema.merge import required_names
from translator.schema.walk import TYPES, Schema, properties_of
from translator.schema.words import as_list, describe, notes

_TYPE_ALIASES = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "dict": "object",
    "map": "object",
    "list": "array",
    "none": "null",
    "nil": "null",
}
_TYPE_OF = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}


def with_notes(schema: Schema, phrases: list[str]) -> Schema:
    """Adds phrases to the description, in brackets behind what the author wrote; none twice."""
    known = schema.get("description") or ""
    fresh = [phrase for phrase in dict.fromkeys(phrases) if phrase]
    if not fresh:
        return {keyword: value for keyword, value in schema.items() if keyword != "description" or value}
    joined = "; ".join(fresh)
    return {**schema, "description": f"{known} ({joined})" if known else joined}


def property_to_wire(schema: Any, name: str = "") -> Schema:
    """Gives the property; `name` tells a title that only repeats it."""
    if not isinstance(schema, Mapping):
        return _from_no_object(schema)
    remarks = _title(schema, name)
    result: Schema = {}
    result.update(_alternatives(schema, remarks))
    result.update(_type(schema, remarks))
    result.update(_items(schema))
    text = schema.get("description")
    result["description"] = text if isinstance(text, str) else ""
    if text is not None and not isinstance(text, str):
        remarks.append(compact_json(text))
    result.update(_enum(schema, remarks))
    result.update(_members(schema))
    return with_notes(_with_type(result), [*remarks, *notes(schema)])


def _from_no_object(schema: Any) -> Schema:
    """The server refuses booleans, numbers, texts and lists where a property belongs."""
    if schema is None or schema is True:
        return {}
    if schema is False:
        return {"description": "never given"}
    kind = _known_type(schema)
    return {"type": kind} if kind else {"description": describe(schema)}


def _title(schema: Mapping[str, Any], name: str) -> list[str]:
    title = schema.get("title")
    if not isinstance(title, str) or not title.strip():
        return []
    plain = {"".join(character for character in text.casefold() if character.isalnum()) for text in (title, name)}
    return [] if len(plain) == 1 else [title]


def _alternatives(schema: Mapping[str, Any], remarks: list[str]) -> Schema:
    any_of, one_of = (schema.get(keyword) for keyword in ("anyOf", "oneOf"))
    both = [item for item in (any_of, one_of) if isinstance(item, list) and item]
    if len(both) == 2:
        remarks.append(f"and one of: {describe({'anyOf': one_of})}")
    return {"anyOf": [property_to_wire(item) for item in both[0]]} if both else {}


def _known_type(kind: Any) -> str:
    text = kind.strip().lower() if isinstance(kind, str) else ""
    return text if text in TYPES else _TYPE_ALIASES.get(text, "")


def _type(schema: Mapping[str, Any], remarks: list[str]) -> Schema:
    kind = schema.get("type")
    listed = kind if isinstance(kind, list) else [kind]
    known = [found for item in listed if (found := _known_type(item))]
    remarks.extend(f"type {describe(item)}" for item in listed if item and not _known_type(item))
    if schema.get("nullable") is True and known:
        known.append("null")
    known = list(dict.fromkeys(known))
    return {"type": known[0] if len(known) == 1 else known} if known else {}


def _items(schema: Mapping[str, Any]) -> Schema:
    """A list of item schemas (one per place) becomes alternatives; which stands where is said in words."""
    items, prefix = schema.get("items"), schema.get("prefixItems")
    places = [*as_list(prefix), *(items if isinstance(items, list) else [])]
    if not places:
        return {"items": property_to_wire(items)} if "items" in schema and not isinstance(items, list) else {}
    rest = [items] if isinstance(items, Mapping) else []
    each = [property_to_wire(item) for item in (*places, *rest)]
    different = [item for index, item in enumerate(each) if item not in each[:index]]
    return {"items": different[0] if len(different) == 1 else {"anyOf": different}}


def _enum(schema: Mapping[str, Any], remarks: list[str]) -> Schema:
    values = schema.get("enum")
    if "const" in schema:
        return {"enum": [schema["const"]]}
    if isinstance(values, list) and values:
        return {"enum": values}
    if values not in (None, []):
        remarks.append(f"one of {describe(values)}")
    return {}


def _members(schema: Mapping[str, Any]) -> Schema:
    named = properties_of(schema)
    required = required_names(schema.get("required"), named)
    result: Schema = {"properties": {name: property_to_wire(item, name) for name, item in named.items()}} if named else {}
    return {**result, "required": required} if required else result


def _with_type(schema: Schema) -> Schema:
    """Adds the type that the other keywords imply: parsers of XML-style calls take an untyped argument for a text."""
    if "type" in schema or "anyOf" in schema:
        return schema
    if "properties" in schema:
        return {"type": "object", **schema}
    if "items" in schema:
        return {"type": "array", **schema}
    kinds = list(dict.fromkeys(_TYPE_OF.get(type(value), "") for value in schema.get("enum", ())))
    return {"type": kinds[0], **schema} if len(kinds) == 1 and kinds[0] else schema

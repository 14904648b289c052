"""What older servers drop or refuse in a tool property, said in words instead.

The lost parts stand in the property's description. Properties of 0.5.0 to 0.6.5 are `{type: text, description, enum: texts}`; the
thresholds say what came when.
"""

from collections.abc import Callable

from translator.schema.tool_properties import with_notes
from translator.schema.walk import Schema
from translator.schema.words import describe, either, members, values_text
from translator.versions import (
    TOOL_ANY_OF,
    TOOL_NESTED_PROPERTIES,
    TOOL_NESTED_REQUIRED,
    TOOL_TYPE_LISTS,
    ServerVersion,
)


def fit_property(schema: Schema, server: ServerVersion) -> Schema:
    """Applies every step whose version the server has not reached, at every level it decodes."""
    if server >= TOOL_NESTED_REQUIRED:
        return schema
    result = schema
    for since, step in _STEPS:
        if server < since:
            result = step(result)
    return _fit_inside(result, server)


def _fit_inside(schema: Schema, server: ServerVersion) -> Schema:
    # `items` is any JSON to the server (0.6.6 and later), so nothing in it needs to fit
    result = schema
    if "anyOf" in schema:
        result = {**result, "anyOf": [fit_property(item, server) for item in schema["anyOf"]]}
    if "properties" in schema:
        result = {**result, "properties": {name: fit_property(item, server) for name, item in schema["properties"].items()}}
    return result


def _say(schema: Schema, phrase: str, *dropped: str) -> Schema:
    return with_notes({keyword: value for keyword, value in schema.items() if keyword not in dropped}, [phrase])


def _nested_required(schema: Schema) -> Schema:
    names = schema.get("required")
    return _say(schema, f"required: {', '.join(names)}", "required") if names else schema


def _nested_properties(schema: Schema) -> Schema:
    return _say(schema, f"with {members(schema)}", "properties", "required") if "properties" in schema else schema


def _any_of(schema: Schema) -> Schema:
    if "anyOf" not in schema:
        return schema
    kinds: list[str] = []
    for item in schema["anyOf"]:
        kind = item.get("type", [])
        kinds.extend([kind] if isinstance(kind, str) else kind)
    different = list(dict.fromkeys(kinds))
    untyped = "type" not in schema and different and all("type" in item for item in schema["anyOf"])
    typed = {"type": different[0] if len(different) == 1 else different, **schema} if untyped else schema
    return _say(typed, either(schema["anyOf"]), "anyOf")


def _type_list(schema: Schema) -> Schema:
    kinds = schema.get("type")
    if not isinstance(kinds, list):
        return schema
    main = next((kind for kind in kinds if kind != "null"), "null")
    return {**_say(schema, " or ".join(kinds)), "type": main}


def _items(schema: Schema) -> Schema:
    return _say(schema, f"array of {describe(schema['items'])}", "items") if "items" in schema else schema


def _enum(schema: Schema) -> Schema:
    values = schema.get("enum", [])
    if all(isinstance(value, str) for value in values):
        return schema
    return _say(schema, f"one of {values_text(values)}", "enum")


_STEPS: tuple[tuple[ServerVersion, Callable[[Schema], Schema]], ...] = (
    (TOOL_NESTED_PROPERTIES, _nested_properties),
    (TOOL_NESTED_REQUIRED, _nested_required),
    (TOOL_ANY_OF, _any_of),
    (TOOL_TYPE_LISTS, _items),
    (TOOL_TYPE_LISTS, _enum),
    (TOOL_TYPE_LISTS, _type_list),
)

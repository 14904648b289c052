"""`required` in the one form all of today's readers know: a list of property names in the object schema.

Enters: a schema of any draft. Leaves: the same schema with draft-3 flags on properties turned into names in the parent's list.
The server refuses a flag or a single text with 400 (api/types.go, `Required []string`).
"""

from collections.abc import Mapping
from typing import Any

from translator.schema.walk import map_subschemas


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
    """Gives the required names that have a property; the others are said in words (see `schema_text.notes`)."""
    return [name for name in _names(required) if name in properties]

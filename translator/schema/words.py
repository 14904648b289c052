"""A schema in words, for what a server's tool format cannot carry.

The words are short English for a `description`. Every property name in the schema is said; only long data values are shortened.
"""

from collections.abc import Callable, Mapping
from typing import Any

from translator.schema.json_data import compact_json
from translator.schema.walk import properties_of

_DATA_CHARS = 200
_PATTERN_CHARS = 2000


def describe(schema: Any) -> str:
    """Says what fits a schema, for example `array of string`, `object with a: integer (required), b: string`."""
    if schema is False:
        return "nothing"
    if not isinstance(schema, Mapping):
        return "anything" if schema is None or schema is True else data_text(schema)
    text = schema.get("description")
    detail = [text] if isinstance(text, str) and text else []
    head, *rest = [*_kinds(schema), *notes(schema), *detail] or ["anything"]
    return f"{head} ({'; '.join(rest)})" if rest else head


def _kinds(schema: Mapping[str, Any]) -> list[str]:
    """Says what the value is: alternatives, constants, items, types and members, as far as the schema has them."""
    kinds = [either(schema[keyword]) for keyword in ("anyOf", "oneOf") if isinstance(schema.get(keyword), list) and schema[keyword]]
    if "const" in schema:
        kinds.append(data_text(schema["const"]))
    if isinstance(schema.get("enum"), list):
        values = values_text(schema["enum"])
        kinds.append(f"one of {values}" if len(schema["enum"]) > 1 else values)
    items = schema.get("items")
    if items is not None and not isinstance(items, list):
        kinds.append(f"array of {describe(items)}")
    types = " or ".join(dict.fromkeys(kind if isinstance(kind, str) else describe(kind) for kind in as_list(schema.get("type"))))
    names = members(schema)
    if names:
        kinds.append(f"{types or 'object'} with {names}")
    elif types and not kinds:
        kinds.append(types)
    return kinds


def members(schema: Mapping[str, Any]) -> str:
    """Lists the properties of an object schema with their own descriptions; empty when there are none."""
    required = as_list(schema.get("required"))
    return ", ".join(_member(name, item, required) for name, item in properties_of(schema).items())


def _member(name: str, schema: Any, required: list[Any]) -> str:
    text = describe(schema)
    if name not in required:
        return f"{name}: {text}"
    return f"{name}: {text[:-1]}; required)" if text.endswith(")") else f"{name}: {text} (required)"


def either(schemas: list[Any]) -> str:
    """Joins alternatives with `or`."""
    return " or ".join(dict.fromkeys(describe(schema) for schema in schemas)) or "anything"


def values_text(values: list[Any]) -> str:
    """Lists data values, each as JSON unless it is a plain word."""
    return ", ".join(data_text(value) for value in values)


def data_text(value: Any) -> str:
    """Gives one data value as short text: texts bare, everything else as JSON, cut after 200 characters."""
    text = value if isinstance(value, str) and value.strip() else compact_json(value)
    return text if len(text) <= _DATA_CHARS else f"{text[:_DATA_CHARS]}..."


def notes(schema: Mapping[str, Any]) -> list[str]:
    """Says, one phrase each, the keywords that a tool property has no field for."""
    return [phrase for keyword, say in NOTES.items() if keyword in schema and (phrase := say(schema[keyword], schema))]


def as_list(value: Any) -> list[Any]:
    """Gives a list as it is, nothing for None, and anything else as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


type _Say = Callable[[Any, Mapping[str, Any]], str]


def _data(label: str) -> _Say:
    return lambda value, _: f"{label} {data_text(value)}"


def _pattern(value: Any, _: Mapping[str, Any]) -> str:
    """Whole, unless it is absurdly long: half of a pattern means something else."""
    is_usual = isinstance(value, str) and len(value) <= _PATTERN_CHARS
    return f"pattern {value if is_usual else data_text(value)}"


def _schema(label: str) -> _Say:
    return lambda value, _: f"{label} {describe(value)}"


def _flag(text: str) -> _Say:
    return lambda value, _: text if value is True else ""


def _examples(value: Any, _: Mapping[str, Any]) -> str:
    return f"for example {values_text(as_list(value))}" if value not in (None, [], {}) else ""


def _bound(plain: str, exclusive: str, switch: str) -> _Say:
    """Draft 4 says `exclusiveMinimum: true` beside `minimum`; later drafts give a number of its own."""
    return lambda value, schema: f"{exclusive if schema.get(switch) is True else plain} {data_text(value)}"


def _exclusive(label: str) -> _Say:
    return lambda value, _: "" if isinstance(value, bool) else f"{label} {data_text(value)}"


def _open_end(value: Any, _: Mapping[str, Any]) -> str:
    # `true` says nothing and `false` is what every model assumes of listed properties
    return f"further properties: {describe(value)}" if isinstance(value, Mapping) and value else ""


def _named(label: str) -> _Say:
    def say(value: Any, _: Mapping[str, Any]) -> str:
        if not isinstance(value, Mapping):
            return ""
        return ", ".join(f"{label} {name}: {describe(item)}" for name, item in value.items())

    return say


def _dependent(value: Any, _: Mapping[str, Any]) -> str:
    if not isinstance(value, Mapping):
        return ""
    return ", ".join(f"{name} needs {values_text(item) if isinstance(item, list) else describe(item)}" for name, item in value.items())


def _condition(value: Any, schema: Mapping[str, Any]) -> str:
    branches = [f"{word} {describe(schema[word])}" for word in ("then", "else") if word in schema]
    return " ".join([f"if {describe(value)}", *branches])


def _places(value: Any, _: Mapping[str, Any]) -> str:
    return f"in this order: {', '.join(describe(item) for item in value)}" if isinstance(value, list) and value else ""


def _stray(value: Any, schema: Mapping[str, Any]) -> str:
    """Says required names that have no property."""
    named = properties_of(schema)
    stray = [name for name in as_list(value) if isinstance(name, str) and name not in named]
    return f"required: {', '.join(stray)}" if stray else ""


NOTES: dict[str, _Say] = {
    "default": _data("default"),
    "examples": _examples,
    "example": _examples,
    "format": _data("format"),
    "pattern": _pattern,
    "minimum": _bound("at least", "more than", "exclusiveMinimum"),
    "exclusiveMinimum": _exclusive("more than"),
    "maximum": _bound("at most", "less than", "exclusiveMaximum"),
    "exclusiveMaximum": _exclusive("less than"),
    "multipleOf": _data("a multiple of"),
    "divisibleBy": _data("a multiple of"),
    "minLength": _data("minimum length"),
    "maxLength": _data("maximum length"),
    "minItems": _data("minimum number of items"),
    "maxItems": _data("maximum number of items"),
    "uniqueItems": _flag("no item twice"),
    "minProperties": _data("minimum number of properties"),
    "maxProperties": _data("maximum number of properties"),
    "prefixItems": _places,
    "items": _places,
    "additionalItems": _open_end,
    "unevaluatedItems": _open_end,
    "contains": _schema("contains"),
    "additionalProperties": _open_end,
    "unevaluatedProperties": _open_end,
    "required": _stray,
    "patternProperties": _named("properties matching"),
    "propertyNames": _schema("property names:"),
    "dependentRequired": _dependent,
    "dependentSchemas": _dependent,
    "dependencies": _dependent,
    "not": _schema("not"),
    "if": _condition,
    "contentEncoding": _data("encoded as"),
    "contentMediaType": _data("content type"),
    "deprecated": _flag("deprecated"),
    "readOnly": _flag("read only"),
    "writeOnly": _flag("write only"),
}
"""How each keyword is said that tool properties have no field for, in the order of the phrases."""

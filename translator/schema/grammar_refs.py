"""References as llama.cpp's converter follows them, checked before it does: some of them stop the whole server process.

Enters: a schema whose references all point into its `$defs`. Leaves: nothing, or an error. The converter takes every key `$ref`
for a reference, even in data or as the name of a property, and follows a definition that is nothing but itself until its stack ends.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from translator.errors import RequestError
from translator.schema.walk import Schema

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

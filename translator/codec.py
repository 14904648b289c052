"""JSON text to plain data, plain data to shapes, shapes to JSON bytes. The only module that uses cattrs and orjson for typed data.

Reading is tolerant where servers differ (unknown keys, absent and null alike) and strict where a wrong type would corrupt an answer: no
value is ever converted, a number never becomes a text. Writing leaves out what is None or empty, as the server reads both as absent.
A `DecodeError` names the place and never quotes the data.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import cattrs
import orjson
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from translator.scalars import MAX_EXACT
from translator.shapes.wire import (
    ChatRequest,
    GenerateRequest,
    Reply,
    ReplyMessage,
    WireFunction,
    WireFunctionCall,
    WireMessage,
    WireTool,
    WireToolCall,
)


class DecodeError(ValueError):
    """The bytes are no JSON, or the JSON has not the expected shape; the text never quotes the data."""


def _strict(expected: type, name: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if not isinstance(value, expected):
            raise DecodeError(f"expected {name}, got {type(value).__name__}")
        return value

    return structure


def count_of(value: object) -> int:
    """A counter, all that numbers of a reply are; 0, which is how servers say nothing, for what cannot be one: no complete answer is
    broken because its counters are odd."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return int(value) if is_number and 0 < value <= MAX_EXACT else 0  # type: ignore[call-overload,operator]  # mypy does not see through is_number


def _is_plain_object(kind: Any) -> bool:
    return bool(kind == Mapping[str, Any])


def _make_reader() -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=False)
    converter.register_structure_hook(str, _strict(str, "a text"))
    converter.register_structure_hook(int, lambda value, _: count_of(value))
    converter.register_structure_hook(bool, _strict(bool, "a boolean"))
    converter.register_structure_hook_func(_is_plain_object, _strict(dict, "an object"))
    for shape in (WireFunctionCall, WireToolCall, ReplyMessage, Reply):
        converter.register_structure_hook(shape, _without_nulls(shape, make_dict_structure_fn(shape, converter)))
    return converter


def _without_nulls(shape: type, structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise DecodeError(f"expected an object, got {type(value).__name__}")
        return structure({key: item for key, item in value.items() if item is not None}, shape)

    return read


_READER = _make_reader()


def structure[T](value: object, shape: type[T]) -> T:
    """Plain data to a shape. Raises DecodeError."""
    try:
        return _READER.structure(value, shape)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise DecodeError(f"{shape.__name__}: {reason}") from error


MOST_VALUES, MOST_CONTAINERS = 2_000_000, 100_000
"""What any reply may hold. The vectors of a large batch of texts have a million numbers, a list of all models some thousand objects."""
SMALL = 16 * 1024
"""Bytes that are parsed without counting: what fits into them costs a few milliseconds at most."""


class TooManyValuesError(DecodeError):
    """The JSON holds more values than it may, told without parsing it."""


def require_few_values(data: bytes, values: int = MOST_VALUES, containers: int = MOST_CONTAINERS) -> None:
    """Refuses JSON text that would be costly to parse: 15 MiB of `[[],[],...` are 2 GB of lists and seconds in which nothing else runs.

    Counts brackets and commas, first in everything, and only where those are too many outside of texts. Both take a few milliseconds
    for a megabyte at most, and no memory to speak of. Raises TooManyValuesError.
    """
    is_short = len(data) <= 2 * values  # outside of texts a value and its comma take two bytes
    if (is_short or data.count(b",") <= values) and _containers(data) <= containers:
        return
    bare = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    is_full = bare.count(b'"') > 4 * (values + containers)
    outside = b"" if is_full else b"".join(bare.split(b'"')[::2])
    if is_full or outside.count(b",") > values or _containers(outside) > containers:
        raise TooManyValuesError(f"more than {values:,} values or {containers:,} lists and objects")


def _containers(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def loads(data: bytes | str) -> Any:
    """JSON text to plain data. Text that is not clean Unicode is repaired instead of refused: the answer matters more than one character.

    Raises DecodeError, of which TooManyValuesError is one.
    """
    if len(data) > SMALL and isinstance(data, bytes):
        require_few_values(data)
    return loads_counted(data)


def loads_counted(data: bytes | str) -> Any:
    """The same without counting, for a piece of text whose values were counted with the whole. Raises DecodeError."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _loads_leniently(data)


parse = orjson.loads
"""What `loads` does with JSON text that is in order and was found to hold few values. Raises ValueError for any other."""


def read_object(data: bytes | str) -> dict[str, Any]:
    """The object that JSON text is; an empty one for any other text."""
    try:
        value = loads(data)
    except DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _loads_leniently(data: bytes | str) -> Any:
    text = data.decode("utf-8-sig", "replace") if isinstance(data, bytes) else data
    try:
        return _repaired(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"no valid JSON ({len(data)} long)") from error


def _repaired(value: Any) -> Any:
    """Replaces lone surrogates, which no later step could write."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_repaired(item) for item in value]
        case dict():
            return {_repaired(key): _repaired(item) for key, item in value.items()}
        case _:
            return value


def dumps(value: object) -> bytes:
    """Plain data to JSON bytes; integers of any size and lone surrogates included."""
    try:
        return orjson.dumps(value)
    except (orjson.JSONEncodeError, TypeError):
        return json.dumps(_repaired(value), ensure_ascii=False, separators=(",", ":")).encode()


ALWAYS_SENT: dict[type, tuple[str, ...]] = {
    WireFunctionCall: ("arguments",),
    WireToolCall: (),
    WireMessage: ("content",),
    WireFunction: ("parameters",),
    WireTool: ("type",),
    ChatRequest: ("stream",),
    GenerateRequest: ("stream",),
}
"""Fields that are sent even when they hold their default: the server, a template or a tool parser expects to see them."""


def _make_writer() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True)
    converter.register_unstructure_hook_func(_is_plain_object, lambda value: value)
    for shape, fields in ALWAYS_SENT.items():
        kept = {name: override(omit_if_default=False) for name in fields}
        hook: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
            shape,
            converter,
            _cattrs_omit_if_default=True,
            **kept,  # type: ignore[arg-type]  # the overrides go by field name, which cattrs cannot type beside its own flags
        )
        converter.register_unstructure_hook(shape, hook)
    return converter


_WRITER = _make_writer()


def to_plain(value: ChatRequest | GenerateRequest | WireTool) -> dict[str, Any]:
    """The plain data that is sent; optional fields that hold their default are left out."""
    return cast("dict[str, Any]", _WRITER.unstructure(value))

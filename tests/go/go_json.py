"""Go's encoding/json, as far as its refusals go: Go types as data, and a decoder that fails with Go's words.

The error is the one that Go's Unmarshal returns: the first wrong type with the struct and field where it was met, or at once the error of a
type that decodes itself.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from tests.go.go_text import bad_base64


class PlainError(Exception):
    """An error of a type's own decoder, or of base64, without a place."""


class MismatchError(Exception):
    """Go's UnmarshalTypeError: `value` does not fit `go_type`; the place is filled in on the way out."""

    def __init__(self, value: str, go_type: str) -> None:
        super().__init__()
        self.value, self.go_type = value, go_type
        self.struct, self.field = "", ""

    def __str__(self) -> str:
        place = f"struct field {self.struct}.{self.field}" if self.struct or self.field else "value"
        return f"json: cannot unmarshal {self.value} into Go {place} of type {self.go_type}"


@attrs.frozen(slots=True)
class Scalar:
    """A Go string, bool or int."""

    name: str


@attrs.frozen(slots=True)
class Anything:
    """`any`: every JSON value, but numbers must fit a float64."""


@attrs.frozen(slots=True)
class Raw:
    """`json.RawMessage`: kept unread."""


@attrs.frozen(slots=True)
class ListOf:
    """A Go slice under its printed name."""

    item: "GoType"
    name: str


@attrs.frozen(slots=True)
class MapOf:
    """A Go map from string under its printed name."""

    item: "GoType"
    name: str


@attrs.frozen(slots=True)
class Struct:
    """A Go struct under its printed name, with the types of its JSON fields."""

    name: str
    fields: "Mapping[str, GoType]"


@attrs.frozen(slots=True)
class Bytes:
    """A `[]byte` type: base64 text or a list of small numbers."""

    name: str


@attrs.frozen(slots=True)
class Own:
    """A type that decodes itself; what it raises ends the whole decoding."""

    decode: Callable[[Any], None]


type GoType = Scalar | Anything | Raw | ListOf | MapOf | Struct | Bytes | Own

STRING, BOOL, INT = Scalar("string"), Scalar("bool"), Scalar("int")
ANY, RAW = Anything(), Raw()
_INT_RANGE = range(-(2**63), 2**63)


def kind_of(value: Any) -> str:
    """Names a JSON value as Go's errors do."""
    names = {bool: "bool", str: "string", list: "array", tuple: "array", dict: "object", int: "number", float: "number"}
    return names[type(value)]


class Decoder:
    """One run of Go's decoder over one JSON value."""

    def __init__(self) -> None:
        self._first: Exception | None = None
        self._struct = ""
        self._stack: list[str] = []

    def run(self, value: Any, go_type: GoType) -> None:
        """Decodes the value; raises the error that Go's Unmarshal returns."""
        try:
            self._decode(value, go_type)
        except MismatchError as error:
            raise self._placed(error) from None
        if self._first is not None:
            raise self._first

    def _remember(self, error: Exception) -> None:
        if self._first is None:
            self._first = self._placed(error)

    def _placed(self, error: Exception) -> Exception:
        if isinstance(error, MismatchError) and self._stack:
            error.struct = self._struct
            error.field = ".".join([*self._stack, *([error.field] if error.field else [])])
        return error

    @contextmanager
    def _inside(self, struct: str, field: str) -> Iterator[None]:
        outer = self._struct
        self._struct = struct
        self._stack.append(field)
        yield
        self._stack.pop()
        self._struct = outer

    def _mismatch(self, value: Any, go_type: str, *, literal: bool = False) -> None:
        text = f"number {json.dumps(value)}" if literal else kind_of(value)
        self._remember(MismatchError(text, go_type))

    def _decode(self, value: Any, go_type: GoType) -> None:
        if isinstance(go_type, Own):
            go_type.decode(value)
        elif value is not None:
            self._decode_present(value, go_type)

    def _decode_present(self, value: Any, go_type: GoType) -> None:
        match go_type:
            case Scalar():
                self._scalar(value, go_type.name)
            case Anything():
                self._anything(value)
            case Bytes():
                self._bytes(value, go_type.name)
            case ListOf() if isinstance(value, list | tuple):
                for item in value:
                    self._decode(item, go_type.item)
            case MapOf() if isinstance(value, dict):
                for item in value.values():
                    self._decode(item, go_type.item)
            case Struct() if isinstance(value, dict):
                self._struct_fields(value, go_type)
            case ListOf() | MapOf() | Struct():
                self._mismatch(value, go_type.name)
            case Raw() | Own():
                pass

    def _struct_fields(self, value: dict[str, Any], struct: Struct) -> None:
        folded = {name.casefold(): name for name in struct.fields}
        for key, item in value.items():
            name = folded.get(key.casefold())
            if name is not None:
                with self._inside(struct.name.removeprefix("api."), name):
                    self._decode(item, struct.fields[name])

    def _scalar(self, value: Any, name: str) -> None:
        if name == "int" and kind_of(value) == "number":
            if isinstance(value, float) or value not in _INT_RANGE:
                self._mismatch(value, name, literal=True)
        elif kind_of(value) != name:
            self._mismatch(value, name)

    def _anything(self, value: Any) -> None:
        if isinstance(value, dict | list | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                self._anything(item)
        elif isinstance(value, int | float) and not _fits_float(value):
            self._mismatch(value, "float64", literal=True)

    def _bytes(self, value: Any, name: str) -> None:
        if isinstance(value, str):
            offset = bad_base64(value)
            if offset is not None:
                self._remember(PlainError(f"illegal base64 data at input byte {offset}"))
        elif isinstance(value, list | tuple):
            for item in value:
                if item is not None and kind_of(item) != "number":
                    self._mismatch(item, "uint8")
                elif item is not None and (isinstance(item, float) or not 0 <= item <= 255):
                    self._mismatch(item, "uint8", literal=True)
        else:
            self._mismatch(value, name)


def _fits_float(value: float) -> bool:
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False

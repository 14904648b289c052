"""What Dify's daemon demands of a reply: the Go structs as tables, and a check of decoded JSON against them.

A payload that does not fit raises RefusedFrame; in the daemon it ends the stream with `unmarshal_error`. Two things are
stricter than the daemon because it would damage them silently: null in a vector, which Go reads as 0.0, and calls with empty fields.
Read from langgenius/dify-plugin-daemon of August 2026 (pkg/entities/model_entities, internal/core/io_tunnel/generic.go).
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from tests.stdio.daemon_requests import ROLES


class RefusedFrame(Exception):
    """The daemon would end the stream here, or pass on something else than was sent."""


@attrs.frozen(slots=True)
class Plain:
    """A JSON value of one Python type."""

    types: tuple[type, ...]
    words: tuple[str, ...] = ()
    filled: bool = False


@attrs.frozen(slots=True)
class Maybe:
    """Null, or absent, or the other."""

    other: "Shape"


@attrs.frozen(slots=True)
class Many:
    """A list."""

    item: "Shape"


@attrs.frozen(slots=True)
class Struct:
    """An object that has at least these keys."""

    fields: Mapping[str, "Shape"]


@attrs.frozen(slots=True)
class Price:
    """A decimal number, as text or number."""


@attrs.frozen(slots=True)
class Either:
    """A text or a list of parts."""

    text: "Shape"
    parts: "Shape"


type Shape = Plain | Maybe | Many | Struct | Price | Either

TEXT, NAME = Plain((str,)), Plain((str,), filled=True)
WHOLE, NUMBER, SWITCH = Plain((int,)), Plain((int, float)), Plain((bool,))
OBJECT = Plain((dict,))

type Fields = dict[str, Shape]


def each(names: str, shape: Shape) -> Fields:
    """The same shape for several keys."""
    return dict.fromkeys(names.split(), shape)


COST: Fields = {"currency": NAME, "latency": NUMBER}
COUNTS = each("prompt_tokens completion_tokens total_tokens", WHOLE)
PRICES = each(
    "prompt_unit_price prompt_price_unit prompt_price completion_unit_price completion_price_unit completion_price total_price", Price()
)
USAGE = Struct(COUNTS | PRICES | COST)
CALL = Struct({"id": NAME, "type": NAME, "function": Struct({"name": NAME, "arguments": NAME})})
MESSAGE = Struct({"role": Plain((str,), ROLES), "content": Either(TEXT, Many(Struct({"type": NAME}))), "tool_calls": Many(CALL)})
DELTA = Struct({"index": WHOLE, "message": MESSAGE, "usage": Maybe(USAGE), "finish_reason": Maybe(TEXT)})
EMBEDDING_USAGE = Struct(each("tokens total_tokens", WHOLE) | each("unit_price price_unit total_price", Price()) | COST)
SCHEMA = Struct(
    {
        "model": NAME,
        "label": Struct({"en_US": NAME}),
        "model_type": NAME,
        "fetch_from": NAME,
        "features": Maybe(Many(NAME)),
        "model_properties": OBJECT,
        "parameter_rules": Maybe(Many(Struct({"name": NAME, "type": NAME, "label": Struct({"en_US": NAME})}))),
    }
)

REPLIES: dict[str, Shape] = {
    "invoke_llm": Struct({"model": NAME, "delta": DELTA}),
    "get_llm_num_tokens": Struct({"num_tokens": WHOLE}),
    "invoke_text_embedding": Struct({"model": NAME, "embeddings": Many(Many(NUMBER)), "usage": EMBEDDING_USAGE}),
    "get_text_embedding_num_tokens": Struct({"num_tokens": Many(WHOLE)}),
    "invoke_rerank": Struct({"model": NAME, "docs": Many(Struct({"index": WHOLE, "text": TEXT, "score": NUMBER}))}),
    "validate_provider_credentials": Struct({"result": SWITCH}),
    "validate_model_credentials": Struct({"result": SWITCH, "credentials": OBJECT}),
    "get_ai_model_schemas": Struct({"model_schema": Maybe(SCHEMA)}),
}
ERROR = Struct({"error_type": NAME, "message": NAME, "args": Maybe(OBJECT)})


def check(value: Any, shape: Shape, path: str = "$") -> None:
    """Raises RefusedFrame naming the place."""
    match shape:
        case Maybe(other):
            if value is not None:
                check(value, other, path)
        case Plain():
            _check_plain(value, shape, path)
        case Price():
            _check_price(value, path)
        case Many(item):
            for index, member in enumerate(_of(value, list, path)):
                check(member, item, f"{path}[{index}]")
        case Either(text, parts):
            check(value, parts if isinstance(value, list) else text, path)
        case Struct(fields):
            _of(value, dict, path)
            for name, field in fields.items():
                check(value.get(name), field, f"{path}.{name}")


def _check_plain(value: Any, shape: Plain, path: str) -> None:
    truth = isinstance(value, bool) and bool not in shape.types
    if value is None or truth or not isinstance(value, shape.types):
        raise RefusedFrame(f"{path} is {type(value).__name__}")
    if shape.words and value not in shape.words:
        raise RefusedFrame(f"{path} is {value!r}")
    if shape.filled and not value:
        raise RefusedFrame(f"{path} is empty")


def _check_price(value: Any, path: str) -> None:
    try:
        Decimal(str(value))
    except InvalidOperation:
        raise RefusedFrame(f"{path} is no decimal number") from None


def _of[T](value: Any, kind: type[T], path: str) -> T:
    if not isinstance(value, kind):
        raise RefusedFrame(f"{path} is {type(value).__name__}")
    return value

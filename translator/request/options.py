"""Model parameters as people give them become `options` and top-level fields as the server takes them.

Values come from Dify's form, a workflow variable or library code. One of the wrong type, out of range or under an unknown name is an error
before anything is sent: the server answers 500 to wrong types (0.24.0 `error-option-type`, `error-stop-string`) and silently ignores
unknown names.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from translator.codec import DecodeError, loads
from translator.errors import RequestError
from translator.request.context import ContextPlan
from translator.request.keep_alive import keep_alive_to_wire
from translator.request.parameters import (
    BY_NAME,
    LARGEST,
    LARGEST_INT,
    RETIRED,
    SYNONYMS,
    Parameter,
    ParameterKind,
    ParameterPlace,
    ThinkChoice,
)
from translator.request.thinking import think_choice
from translator.scalars import as_bool, as_float, as_int, is_blank
from translator.shapes.wire import KeepAlive

LEGACY_NAMES = frozenset({"think_level"})
"""Understood beside the table: what older apps saved (see `migration.py`)."""

_OFF_FORMATS = frozenset({"text", "none", "off"})
_EXPECTED = {
    ParameterKind.FLOAT: "a number",
    ParameterKind.INT: "a whole number",
    ParameterKind.BOOLEAN: "true or false",
    ParameterKind.STRING: "a text",
    ParameterKind.TEXT: "a text",
}


@attrs.frozen(slots=True, kw_only=True)
class WireOptions:
    """Everything the parameters of one request say.

    `options` goes into the request as it is; `keep_alive` None means not given. `format_` is "json" or None, `json_schema` the schema as
    given (text or object, bare or wrapped), None when there is none; where both are given the schema decides. `show_thinking` is the user's
    wish.
    """

    options: dict[str, Any] = attrs.field(factory=dict)
    keep_alive: KeepAlive | None = None
    format_: str | None = None
    json_schema: str | Mapping[str, Any] | None = attrs.field(default=None, repr=False)
    think: ThinkChoice = ThinkChoice.DEFAULT
    show_thinking: bool = True

    @property
    def structured(self) -> bool:
        """True when the answer has a format."""
        return self.format_ is not None or self.json_schema is not None


def options_to_wire(parameters: Mapping[str, object], stop: Sequence[str] = (), *, model_stop: Sequence[str] = ()) -> WireOptions:
    """Reads all parameters of a request.

    None and empty text mean "not given". `stop` is Dify's own list, merged with the parameter `stop` (see `stop_texts`). `model_stop` are
    the model's own stop texts (its Modelfile): they are repeated when others are sent, because the server replaces the model's list
    (server/routes.go, modelOptions). Retired options are taken and not sent.

    Raises RequestError: parameter_unknown, parameter_type, parameter_range, parameter_choice, parameter_twice, keep_alive_invalid.
    """
    given = _named(parameters)
    format_, json_schema = _formats(given)
    show = given.get("show_thinking")
    return WireOptions(
        options=_options(given) | _stop_option(given, stop, model_stop),
        keep_alive=keep_alive_to_wire(given.get("keep_alive")),
        format_=format_,
        json_schema=json_schema,
        think=think_choice(given.get("think"), given.get("think_level")),
        show_thinking=True if show is None else bool(read_value(BY_NAME["show_thinking"], show)),
    )


def _named(parameters: Mapping[str, object]) -> dict[str, object]:
    """The given parameters under the names of the table, without blanks and retired ones."""
    given: dict[str, object] = {}
    for spelled, value in parameters.items():
        if spelled in RETIRED or (is_blank(value) and spelled != "stop"):
            continue
        name = SYNONYMS.get(spelled, spelled)
        if name not in BY_NAME and name not in LEGACY_NAMES:
            raise _unknown(spelled)
        if name in given and given[name] != value:
            raise _refusal("parameter_twice", spelled, f"says something else than {name}, which means the same", f"Give only {name}.")
        given[name] = value
    return given


def _options(given: Mapping[str, object]) -> dict[str, Any]:
    rows = [BY_NAME[name] for name in given if name in BY_NAME and BY_NAME[name].place is ParameterPlace.OPTION and name != "stop"]
    options = {row.wire: read_value(row, given[row.name]) for row in rows}
    if options.get("num_predict") == 0:
        # unlimited on one path of the server, nothing at all on the other (llm/llama_server.go): leave it to the server's default
        del options["num_predict"]
    return options


def options_for_model(options: Mapping[str, Any], window: ContextPlan, *, remote: bool) -> dict[str, Any]:
    """The options as every server takes them; `remote`: a model in the cloud.

    `num_ctx` is the window's, whoever set it. A `repeat_last_n` of -1 means the window, and 0.33.0 refuses it
    (`option-repeat-last-n-minus-1`). One beyond the window means no more, but servers make room for it: 0.24.0 and 0.33.0 took 8 GiB and
    half a minute for 2**31 - 1. A `num_predict` below 1 means no limit, and the cloud refuses it ("max_tokens must be positive").
    """
    num_ctx = {} if window.num_ctx is None else {"num_ctx": window.num_ctx}
    result = num_ctx | {name: value for name, value in options.items() if name != "num_ctx"}
    if not 0 <= result.get("repeat_last_n", 0) <= window.size:
        result["repeat_last_n"] = window.size
    if remote and result.get("num_predict", 1) < 1:
        del result["num_predict"]
    return result


def read_value(row: Parameter, value: object) -> bool | int | float | str:
    """One value as its row wants it. Raises RequestError (parameter_type, parameter_range, parameter_choice)."""
    try:
        read = _read_kind(row.kind, value)
    except ValueError as error:
        remedy = f"Give {_EXPECTED[row.kind]}{_range_text(row)}."
        raise _refusal("parameter_type", row.name, f"must be {_EXPECTED[row.kind]}", remedy) from error
    if isinstance(read, int | float) and not isinstance(read, bool) and not _in_range(row, read):
        raise _refusal("parameter_range", row.name, "is out of range", f"Give {_EXPECTED[row.kind]}{_range_text(row)}.")
    if row.choices and read not in row.choices:
        raise _refusal("parameter_choice", row.name, "has an unknown value", f"Choose {' or '.join(row.choices)}.")
    return read


def _read_kind(kind: ParameterKind, value: object) -> bool | int | float | str:
    match kind:
        case ParameterKind.FLOAT:
            return as_float(value)
        case ParameterKind.INT:
            return as_int(value)
        case ParameterKind.BOOLEAN:
            return as_bool(value)
        case ParameterKind.STRING | ParameterKind.TEXT:
            if isinstance(value, str):
                return value.strip()
            raise ValueError("a text")


def _in_range(row: Parameter, value: float) -> bool:
    low, high = _range(row)
    return (low is None or value >= low) and (high is None or value <= high)


def _range(row: Parameter) -> tuple[float | None, float | None]:
    is_bounded = row.maximum is None and row.kind is ParameterKind.INT and row.place is ParameterPlace.OPTION and row.name != "seed"
    return row.minimum, LARGEST.get(row.name, LARGEST_INT) if is_bounded else row.maximum


def _range_text(row: Parameter) -> str:
    match _range(row):
        case None, None:
            return ""
        case low, None:
            return f", {low} or more"
        case None, high:
            return f", {high} or less"
        case low, high:
            return f" from {low} to {high}"


def stop_texts(value: object) -> tuple[str, ...]:
    """The stop texts of the parameter `stop`: a list of texts, one text taken literally (line breaks and commas included), or a text that
    is a JSON list of texts. Raises RequestError (parameter_type)."""
    if isinstance(value, str):
        value = _json_list(value)
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise _refusal("parameter_type", "stop", "must be a text or a list of texts", 'Give one text, or a list such as ["END", "###"].')
    return tuple(value)


def _json_list(text: str) -> object:
    if text.strip().startswith("["):
        try:
            read = loads(text)
        except DecodeError:
            return [text]
        if isinstance(read, list) and all(isinstance(item, str) for item in read):
            return read
    return [text]


def _stop_option(given: Mapping[str, object], stop: Sequence[str], model_stop: Sequence[str]) -> dict[str, list[str]]:
    """The merged list without repeats; absent when empty, so that the model's own list stays. An empty text would stop at once."""
    asked = _distinct((*stop_texts(list(stop)), *stop_texts(given.get("stop"))))
    return {"stop": _distinct((*asked, *model_stop))} if asked else {}


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _formats(given: Mapping[str, object]) -> tuple[str | None, str | Mapping[str, Any] | None]:
    """`format` and `json_schema`; a schema given as `format`, as Ollama's own API has it, counts as one."""
    format_, schema = given.get("format"), given.get("json_schema")
    if schema is not None and not isinstance(schema, str | Mapping):
        raise _refusal("parameter_type", "json_schema", "must be a JSON Schema", "Give an object, or its JSON text.")
    if isinstance(format_, Mapping) or (isinstance(format_, str) and format_.strip().startswith("{")):
        return None, format_ if schema is None else schema
    if format_ is None or (isinstance(format_, str) and format_.strip().lower() in _OFF_FORMATS):
        return None, schema
    word = format_.strip().lower() if isinstance(format_, str) else format_
    return str(read_value(BY_NAME["format"], word)), schema


def _unknown(name: str) -> RequestError:
    near = difflib.get_close_matches(name, [*BY_NAME, *SYNONYMS], n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known parameters: {', '.join(BY_NAME)}."
    return _refusal("parameter_unknown", name, "is not known", hint)


def _refusal(code: str, name: str, what: str, remedy: str) -> RequestError:
    return RequestError.of(code, f"The parameter {str(name)[:60]} {what}.", remedy)

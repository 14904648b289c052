"""The server's request decoder as a test double: what it refuses, and with which words.

It checks whole request bodies for `/api/chat`, `/api/generate` and `/api/embed`, and raises `Refused` with the status and the text that a
server of 0.24 or later answers. It follows Go's encoding/json over the structs of api/types.go: an unknown key is ignored, keys
match without case, `null` is always accepted, a wrong type is remembered (the first counts), an error of a type's own decoder ends at once.
`tests/data/go_decode.jsonl` holds the answers of the real structs (0.32.15, Go 1.26) that this file is measured against.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from tests.go.go_json import (
    ANY,
    BOOL,
    INT,
    RAW,
    STRING,
    Bytes,
    Decoder,
    GoType,
    ListOf,
    MapOf,
    MismatchError,
    Own,
    PlainError,
    Struct,
    kind_of,
)
from tests.go.go_server import BOOLS, FLOATS, INTS
from tests.go.go_text import SURROGATE, bad_duration, go_quote


class Refused(Exception):
    """What the server would answer: HTTP `status` and the `text` of its `error`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text


_NO_OBJECT = "Value looks like object, but can't find closing '}' symbol"
_BAD_KEY = "Encountered an invalid escape sequence in a string"
_LEVELS = ("high", "medium", "low", "max")
_THINK_RULE = '"high", "medium", "low", "max", true, or false'


def _message(value: Any) -> None:
    Decoder().run(value, _MESSAGE)


def _ordered(item: GoType) -> Callable[[Any], None]:
    """An ordered map reads keys by a library of its own, which refuses lone surrogates there."""

    def decode(value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise PlainError(_NO_OBJECT)
        for key, member in value.items():
            if SURROGATE.search(key):
                raise PlainError(_BAD_KEY)
            Decoder().run(member, item)

    return decode


def _property_type(value: Any) -> None:
    if not isinstance(value, str):
        Decoder().run(value, ListOf(STRING, "[]string"))


def _think(value: Any) -> None:
    if isinstance(value, str) and value not in _LEVELS:
        raise PlainError(f"invalid think value: {go_quote(value)} (must be {_THINK_RULE})")
    if value is not None and not isinstance(value, bool | str):
        raise PlainError(f"think must be a boolean or string ({_THINK_RULE})")


def _keep_alive(value: Any) -> None:
    names = {bool: "bool", list: "[]interface {}", dict: "map[string]interface {}"}
    if isinstance(value, str):
        problem = bad_duration(value)
        if problem is not None:
            raise PlainError(problem)
    elif type(value) in names:
        raise PlainError(f"Unsupported type: '{names[type(value)]}'")


_PROPERTY_FIELDS: dict[str, GoType] = {}
_PROPERTY = Struct("api.ToolProperty", _PROPERTY_FIELDS)
_PROPERTY_FIELDS.update(
    anyOf=ListOf(_PROPERTY, "[]api.ToolProperty"),
    type=Own(_property_type),
    items=ANY,
    description=STRING,
    enum=ListOf(ANY, "[]interface {}"),
    properties=Own(_ordered(_PROPERTY)),
    required=ListOf(STRING, "[]string"),
)
_PARAMETERS = Struct(
    "api.ToolFunctionParameters",
    {"type": STRING, "$defs": ANY, "items": ANY, "required": ListOf(STRING, "[]string"), "properties": Own(_ordered(_PROPERTY))},
)
_FUNCTION = Struct("api.ToolFunction", {"name": STRING, "description": STRING, "parameters": _PARAMETERS})
_TOOL = Struct("api.Tool", {"type": STRING, "items": ANY, "function": _FUNCTION})
_CALL_FUNCTION = Struct("api.ToolCallFunction", {"index": INT, "name": STRING, "arguments": Own(_ordered(ANY))})
_CALL = Struct("api.ToolCall", {"id": STRING, "function": _CALL_FUNCTION})
_IMAGES = ListOf(Bytes("api.ImageData"), "[]api.ImageData")
_MESSAGE = Struct(
    "api.Alias",
    {
        "role": STRING,
        "content": STRING,
        "thinking": STRING,
        "images": _IMAGES,
        "tool_calls": ListOf(_CALL, "[]api.ToolCall"),
        "tool_name": STRING,
        "tool_call_id": STRING,
    },
)
_COMMON: dict[str, GoType] = {
    "model": STRING,
    "stream": BOOL,
    "format": RAW,
    "keep_alive": Own(_keep_alive),
    "options": MapOf(ANY, "map[string]interface {}"),
    "think": Own(_think),
    "truncate": BOOL,
    "shift": BOOL,
    "_debug_render_only": BOOL,
    "logprobs": BOOL,
    "top_logprobs": INT,
}
_TEXTS = dict.fromkeys(("prompt", "suffix", "system", "template"), STRING)
_EMBED_FIELDS = {name: _COMMON[name] for name in ("model", "keep_alive", "truncate", "options")}

CHAT = Struct("api.ChatRequest", {**_COMMON, "messages": ListOf(Own(_message), "[]api.Message"), "tools": ListOf(_TOOL, "api.Tools")})
GENERATE = Struct("api.GenerateRequest", {**_COMMON, **_TEXTS, "context": ListOf(INT, "[]int"), "raw": BOOL, "images": _IMAGES})
EMBED = Struct("api.EmbedRequest", {**_EMBED_FIELDS, "input": ANY, "dimensions": INT})

_OPTION_TYPES: dict[str, str] = {
    **dict.fromkeys(INTS, "integer"),
    **dict.fromkeys(FLOATS, "float32"),
    **dict.fromkeys(BOOLS, "boolean"),
    "stop": "array",
}
_OPTION_KINDS = {"integer": "number", "float32": "number", "boolean": "bool", "array": "array"}


def bad_option(options: Mapping[str, Any] | None) -> str | None:
    """Gives the error of Options.FromMap, None for good options; unknown names are ignored, names keep their case."""
    for name, value in (options or {}).items():
        wanted = _OPTION_TYPES.get(name)
        if wanted is None or value is None:
            continue
        if kind_of(value) != _OPTION_KINDS[wanted]:
            return f"option {go_quote(name)} must be of type {wanted}"
        if wanted == "array" and not all(isinstance(item, str) for item in value):
            return f"option {go_quote(name)} must be of an array of strings"
    return None


def decode(body: Any, request: Struct) -> None:
    """Only the decoding, without the checks that follow it. Raises Refused (400)."""
    try:
        Decoder().run(body, request)
    except (PlainError, MismatchError) as error:
        raise Refused(400, str(error)) from None


def check_chat(body: Mapping[str, Any]) -> None:
    """Raises Refused for what `/api/chat` refuses whatever the model is."""
    decode(body, CHAT)
    _check_logprobs(body)
    if not body.get("model"):
        raise Refused(400, "model is required")
    _check_values(body)


def check_generate(body: Mapping[str, Any]) -> None:
    """Raises Refused for what `/api/generate` refuses whatever the model is."""
    decode(body, GENERATE)
    _check_logprobs(body)
    if not body.get("model"):
        raise Refused(404, "model '' not found")
    if body.get("raw") and any(body.get(field) for field in ("template", "system", "context")):
        raise Refused(400, "raw mode does not support template, system, or context")
    _check_values(body)


def check_embed(body: Mapping[str, Any]) -> None:
    """Raises Refused for what `/api/embed` refuses whatever the model is."""
    decode(body, EMBED)
    if not body.get("model"):
        raise Refused(404, "model '' not found")
    texts = body.get("input")
    if texts is not None and not isinstance(texts, str) and not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise Refused(400, "invalid input type")
    _check_values(body)


def _check_logprobs(body: Mapping[str, Any]) -> None:
    if not 0 <= (body.get("top_logprobs") or 0) <= 20:
        raise Refused(400, "top_logprobs must be between 0 and 20")


def _check_values(body: Mapping[str, Any]) -> None:
    problem = bad_option(body.get("options"))
    if problem is not None:
        raise Refused(500, problem)
    wanted = body.get("format")
    if wanted not in (None, "", "json") and not isinstance(wanted, dict):
        text = json.dumps(wanted, ensure_ascii=False, separators=(",", ":"))
        raise Refused(500, f'invalid format: {go_quote(text)}; expected "json" or a valid JSON Schema object')


_SYNTAX = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
}


def parse(text: str) -> Any:
    """Reads a raw body; raises Refused with Go's text for the commonest syntax errors. What follows the first value is ignored."""
    if not text.strip():
        raise Refused(400, "missing request body")
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except json.JSONDecodeError as error:
        where = error.doc[error.pos :].lstrip()
        if not where:
            raise Refused(400, "unexpected EOF") from error
        context = _SYNTAX.get(error.msg, f"({error.msg})")
        raise Refused(400, f"invalid character '{where[0]}' {context}") from error


CHECKS: dict[str, Callable[[Mapping[str, Any]], None]] = {
    "/api/chat": check_chat,
    "/api/generate": check_generate,
    "/api/embed": check_embed,
}
"""The check of each route."""

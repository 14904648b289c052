"""A prompt as Dify writes it in JSON, for whoever reads its requests without the SDK's models.

Enters: the messages and tools of a request, as plain data. Leaves: `Message` and `Tool`, the same that the SDK's models lead to
(dify_plugin 0.10.2, `entities/model/message.py`; a test compares them). Only the shapes that Dify itself writes are
read. What the models would convert or refuse is an UnusualShapeError, so that they can be asked instead: they say what is wrong.
"""

from typing import Any

from translator.shapes.dify import ContentPart, MediaKind, MediaPart, Message, Role, TextPart, Tool, ToolCall

ROLES = {role.value: role for role in Role}
KINDS = {kind.value: kind for kind in MediaKind}
TEXT = "text"
DETAILS = frozenset({"low", "high"})


class UnusualShapeError(ValueError):
    """Not as Dify writes it; the text names the place and never quotes the data."""


def messages_from_json(values: object) -> tuple[Message, ...]:
    """Gives one Message per prompt message. Raises UnusualShapeError."""
    return tuple([_message(_object(value)) for value in _list(values)])


def tools_from_json(values: object) -> tuple[Tool, ...]:
    """Gives one Tool per offered tool; None means none. Raises UnusualShapeError."""
    return () if values is None else tuple([_tool(_object(value)) for value in _list(values)])


def _message(value: dict[str, Any]) -> Message:
    role = ROLES.get(_text(value, "role"))
    if role is None:
        raise UnusualShapeError("role")
    content = value.get("content")
    return Message(
        role=role,
        content=content if type(content) is str else _parts(content),
        name=_text_or_null(value, "name"),
        tool_call_id=_text(value, "tool_call_id") if role is Role.TOOL else "",
        tool_calls=_calls(value) if role is Role.ASSISTANT else (),
    )


def _parts(content: object) -> str | tuple[ContentPart, ...]:
    return "" if content is None else tuple([_part(_object(part)) for part in _list(content)])


def _part(value: dict[str, Any]) -> ContentPart:
    kind = _text(value, "type")
    if kind == TEXT:
        return TextPart(_text(value, "data"))
    _text(value, "format")
    if kind not in KINDS or (kind == MediaKind.IMAGE and _text(value, "detail", "low") not in DETAILS):
        raise UnusualShapeError("type")
    return MediaPart(
        kind=KINDS[kind],
        base64=_text(value, "base64_data", ""),
        url=_text(value, "url", ""),
        mime_type=_text(value, "mime_type"),
        filename=_text(value, "filename", ""),
    )


def _calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    return tuple([_call(_object(value)) for value in _list(message.get("tool_calls", []))])


def _call(value: dict[str, Any]) -> ToolCall:
    _required(value, "type")
    _text_or_null(value, "type")
    function = _object(_required(value, "function"))
    for key in ("name", "arguments"):
        _required(function, key)
    _required(value, "id")
    return ToolCall(id=_text_or_null(value, "id"), name=_text_or_null(function, "name"), arguments=_text_or_null(function, "arguments"))


def _tool(value: dict[str, Any]) -> Tool:
    return Tool(name=_text(value, "name"), description=_text(value, "description"), parameters=_object(_required(value, "parameters")))


def _text(value: dict[str, Any], key: str, default: str | None = None) -> str:
    text = value.get(key, default)
    if type(text) is not str:
        raise UnusualShapeError(key)
    return text


def _text_or_null(value: dict[str, Any], key: str) -> str:
    return "" if value.get(key) is None else _text(value, key)


def _required(value: dict[str, Any], key: str) -> object:
    if key not in value:
        raise UnusualShapeError(key)
    return value[key]


def _object(value: object) -> dict[str, Any]:
    if type(value) is not dict:
        raise UnusualShapeError("not an object")
    return value


def _list(value: object) -> list[Any]:
    if type(value) is not list:
        raise UnusualShapeError("not a list")
    return value

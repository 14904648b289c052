"""JSON data as the server will read it, and JSON text as it is shown to a model.

Copies and texts keep the author's key order and integers of any size, which is why neither goes through `codec.py`.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from json.scanner import py_make_scanner  # type: ignore[attr-defined]  # the stubs know the one in C only
from typing import Any, NoReturn

from translator.errors import RequestError

_SURROGATES = re.compile("[\ud800-\udfff]")
_DATA_DEPTH = 200
_LONG = 1_000_000
"""Characters. Ten times as many take up to 0.5 s in C, in one go; in Python 2.5 s, in which others are delayed by 60 ms at most."""


def plain_json(value: Any, depth: int = 0) -> Any:
    """Copies JSON data as the server will read it: keys are texts, lone surrogates U+FFFD, infinities texts.

    Raises:
        RequestError: `json_too_deep`, when lists and objects lie more than 200 deep in each other.
    """
    if depth > _DATA_DEPTH:
        raise RequestError.of("json_too_deep", f"The JSON value is nested more than {_DATA_DEPTH} levels deep.", "Make it flatter.")
    if isinstance(value, str):
        return _SURROGATES.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {plain_json(str(key)): plain_json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


_SCALARS = frozenset({str, int, float, bool, type(None)})


def can_be_sent_back(value: Any) -> bool:
    """Whether a server can read the value again: no infinity, and no deeper than `plain_json` takes. Looks at any depth without going
    deep itself.
    """
    level = [value]
    for _ in range(_DATA_DEPTH + 1):
        if any(type(item) is float and not math.isfinite(item) for item in level):
            return False
        holders = [item for item in level if type(item) not in _SCALARS]
        level = [item for holder in holders if isinstance(holder, Mapping | list) for item in _items(holder)]
        if not level:
            return True
    return False


def _items(holder: Mapping[str, Any] | list[Any]) -> Iterable[Any]:
    return holder.values() if isinstance(holder, Mapping) else holder


def compact_json(value: Any) -> str:
    """Gives one-line JSON text in the author's key order: UTF-8 is not escaped, big integers are kept, lone surrogates stay as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def arguments_to_object(text: str, name: str) -> dict[str, Any]:
    """Gives the arguments of the call `name` as an object; blank text is an empty object, big integers keep all digits.

    Lone surrogates become U+FFFD, which is how the server reads them in values; in keys it refuses them.

    Raises:
        RequestError: `tool_arguments_malformed` or `tool_arguments_not_object`.
    """
    if not text.strip():
        return {}
    try:
        parsed = _decoder(len(text)).decode(text)
    except (ValueError, RecursionError):
        # the cause is dropped on purpose: a decode error carries the text, and so the arguments
        raise _malformed(name) from None
    if not isinstance(parsed, dict):
        raise RequestError.of(
            "tool_arguments_not_object",
            f'The arguments of the past call of tool "{name}" are not a JSON object.',
            "Send them as an object, for example {} for a call without arguments.",
        )
    result: dict[str, Any] = plain_json(parsed)
    return result


def _decoder(length: int) -> json.JSONDecoder:
    """The standard library's, for long texts with its scanner in Python: the one in C holds the interpreter's lock up to the end."""
    decoder = json.JSONDecoder(parse_constant=refuse_constant, parse_float=_finite)
    if length > _LONG:
        vars(decoder)["scan_once"] = py_make_scanner(decoder)
    return decoder


def refuse_constant(name: str) -> NoReturn:
    """For `NaN` and `Infinity`, which Python reads and JSON does not have. Raises ValueError."""
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _malformed(name: str) -> RequestError:
    return RequestError.of(
        "tool_arguments_malformed",
        f'The arguments of the past call of tool "{name}" are not valid JSON.',
        "Start a new conversation, or repair the call in the history.",
    )

"""Tool-call arguments between Dify's text and Ollama's object.

Enters: the JSON text of a past call (Dify keeps arguments as text), or the object of a call the model just made. Leaves: the
other form. The server takes an object only: a text, list or number is a 400 (0.24.0 `error-arguments-string`). No error message ever
contains the arguments.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from translator.codec import dumps
from translator.errors import RequestError
from translator.schema.json_data import compact_json, plain_json


def arguments_to_object(text: str, name: str) -> dict[str, Any]:
    """Gives the arguments of the call `name` as an object; blank text is an empty object, big integers keep all digits.

    Lone surrogates become U+FFFD, which is how the server reads them in values; in keys it refuses them.

    Raises:
        RequestError: `tool_arguments_malformed` or `tool_arguments_not_object`.
    """
    if not text.strip():
        return {}
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
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


def spelled_arguments(text: str, name: str) -> bytes:
    """Gives the same object as the JSON text that is sent. Raises RequestError as `arguments_to_object` does."""
    return dumps(arguments_to_object(text, name))


def arguments_to_text(arguments: Mapping[str, Any]) -> str:
    """Gives compact JSON text: UTF-8 is not escaped, key order and big integers are kept, lone surrogates stay as they are."""
    return compact_json(arguments)


def _refuse_constant(name: str) -> NoReturn:
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

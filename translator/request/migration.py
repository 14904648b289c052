"""Parameters that apps saved for earlier Ollama plugins, under the names and types of today's rules.

The SDK's check of the rules drops what has no rule. It refuses a bool for a text, and 4096.0 or "4096" for a whole number, in an error that
nobody can read. So values are converted before. Those that make no sense stay as they are, for the clear error they get later.
"""

from collections.abc import Mapping

from translator.codec import dumps
from translator.errors import RequestError
from translator.request.options import read_value
from translator.request.parameters import BY_NAME, SYNONYMS, Parameter, ParameterKind
from translator.request.thinking import think_choice
from translator.scalars import is_blank

_TEXTUAL = (ParameterKind.STRING, ParameterKind.TEXT)


def migrate_parameters(parameters: Mapping[str, object]) -> dict[str, object]:
    """`num_predict` becomes `max_tokens`, a bool `think` and `think_level` become the choice `think`, types become those of the rules.

    Blank values are left out: the SDK would check them.
    """
    moved = {name: value for name, value in parameters.items() if name == "stop" or not is_blank(value)}
    for old, new in SYNONYMS.items():
        if old in moved and new not in moved:
            moved[new] = moved.pop(old)
    if "think" in moved or "think_level" in moved:
        moved |= _think(moved.pop("think", None), moved.pop("think_level", None))
    return {name: _as_rule(BY_NAME[name], value) if name in BY_NAME else value for name, value in moved.items()}


def _think(think: object, level: object) -> dict[str, object]:
    try:
        return {"think": think_choice(think, level).value}
    except RequestError:
        return {name: value for name, value in {"think": think, "think_level": level}.items() if value is not None}


def _as_rule(row: Parameter, value: object) -> object:
    if row.name == "stop":
        return value
    if row.kind in _TEXTUAL:
        return _as_text(value)
    try:
        return read_value(row, value)
    except RequestError:
        return value


def _as_text(value: object) -> object:
    if isinstance(value, Mapping):
        return dumps(dict(value)).decode()
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value

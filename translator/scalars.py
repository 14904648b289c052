"""Numbers and switches as forms, workflow variables and saved credentials spell them.

Only unambiguous spellings are converted: "40", "0.7", 4096.0 and "true" are, "40 tokens", 40.5 for a whole number, True for a number and
NaN are not. The ValueError says which kind was expected and never what was found.
"""

import math
import re

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

MAX_EXACT = 2**53
"""The server reads every JSON number as a 64-bit float; larger whole numbers lose digits."""


def is_blank(value: object) -> bool:
    """None and empty text: an empty form field arrives as either, or not at all."""
    return value is None or (isinstance(value, str) and not value.strip())


def as_float(value: object) -> float:
    """A finite number; whole numbers stay int, so that 0 is sent as `0`. Raises ValueError."""
    number = _parse_number(value.strip()) if isinstance(value, str) else value
    if isinstance(number, int | float) and not isinstance(number, bool) and _is_finite(number):
        return number
    raise ValueError("a number")


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _parse_number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text) or len(text) > 40:
        raise ValueError("a number")
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def as_int(value: object) -> int:
    """A whole number within the server's exact range. Raises ValueError."""
    try:
        number = as_float(value)
    except ValueError as error:
        raise ValueError("a whole number") from error
    if number != int(number) or abs(number) > MAX_EXACT:
        raise ValueError("a whole number")
    return int(number)


def as_bool(value: object) -> bool:
    """True or false, also as the words forms use for them. Raises ValueError."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word not in _WORDS:
        raise ValueError("true or false")
    return _WORDS[word]

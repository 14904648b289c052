"""How long a model stays loaded: every spelling that people use becomes one that the server accepts.

People give seconds as a number or as text (300, "300", "-1"), a Go duration ("5m", "1h30m"), or a word ("forever"). The server refuses
seconds in a string with 400 `time: missing unit in duration` (0.24.0 `keep-alive-bad-string`) and words with `time: invalid duration`
(api/types.go, Duration).
"""

import re
from decimal import Decimal

from translator.errors import RequestError
from translator.scalars import as_float, is_blank
from translator.shapes.wire import KeepAlive

FOREVER = -1
"""Any negative number keeps the model loaded for good (0.33.0 `keep-alive-forever`)."""

WORDS: dict[str, KeepAlive] = {
    "forever": FOREVER,
    "infinite": FOREVER,
    "always": FOREVER,
    "never": 0,
    "unload": 0,
}
"""`never`: do not keep it, unload right after the answer."""

UNITS: dict[str, Decimal] = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
"""Units of Go's time.ParseDuration, in seconds. There is no day: `1d` is refused by the server."""

MAX_SECONDS = 9_223_372_036
"""Go counts nanoseconds in 64 bits: about 292 years. Beyond that a number overflows silently and a text is refused."""

_AMOUNT = r"(?:\d+\.?\d*|\.\d+)"
_UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
_PIECE = re.compile(rf"({_AMOUNT})({_UNIT})", re.ASCII)
_DURATION = re.compile(rf"[+-]?(?:{_AMOUNT}(?:{_UNIT}))+", re.ASCII)


def keep_alive_to_wire(value: object) -> KeepAlive | None:
    """Seconds as a number, a Go duration as text, None for an empty value. Raises RequestError."""
    if is_blank(value):
        return None
    return _text(value.strip()) if isinstance(value, str) else _seconds(value)


def _text(text: str) -> KeepAlive:
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if _DURATION.fullmatch(text):
        if sum(Decimal(amount) * UNITS[unit] for amount, unit in _PIECE.findall(text)) > MAX_SECONDS:
            raise _refusal()
        return text
    return _seconds(text)


def _seconds(value: object) -> KeepAlive:
    try:
        seconds = as_float(value)
    except ValueError as error:
        raise _refusal() from error
    if seconds > MAX_SECONDS:
        raise _refusal()
    if seconds < 0:
        return FOREVER
    return int(seconds) if seconds == int(seconds) else seconds


def _refusal() -> RequestError:
    return RequestError.of(
        "keep_alive_invalid",
        "keep_alive is not a time the server understands.",
        'Give seconds (300), a duration with units h, m or s ("5m", "1h30m"), "forever" (or -1), or 0 to unload at once.',
    )

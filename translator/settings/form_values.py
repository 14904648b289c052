"""Reads single values of a credential form: texts, mostly, that stand for words, numbers and switches.

A value that cannot be read is a ValueError that says what was expected, never what was found.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum

from translator.limits import MIB
from translator.request.context import SERVERS_WINDOW
from translator.scalars import as_float, as_int

type Reader = Callable[[object], object]
"""Reads one value; raises ValueError with what was expected."""

UNBOUNDED = 2**31
WINDOW_WORDS: Mapping[str, int | None] = {"auto": None, "server": SERVERS_WINDOW}


def one_of(words: Mapping[str, StrEnum]) -> Reader:
    """A word in any case; True and False count as the words."""

    def read(value: object) -> object:
        word = str(value).strip().lower() if isinstance(value, str | bool | int) else ""
        if word not in words:
            raise ValueError("one of " + ", ".join(dict.fromkeys(known.value for known in words.values())))
        return words[word]

    return read


def member_of(choices: type[StrEnum]) -> Reader:
    """A value of an enumeration."""
    return one_of({choice.value: choice for choice in choices})


def whole(low: int, unit: str, high: int = UNBOUNDED) -> Callable[[object], int]:
    """A whole number from `low` to `high`."""
    expected = f"a whole number of {unit} from {low}" + (f" to {high}" if high < UNBOUNDED else "")

    def read(value: object) -> int:
        try:
            number = as_int(value)
        except ValueError as error:
            raise ValueError(expected) from error
        if not low <= number <= high:
            raise ValueError(expected)
        return number

    return read


def mebibytes(high: int) -> Callable[[object], int]:
    """A whole number of MiB from 1 to `high`, given in bytes."""
    read_mib = whole(1, "MiB", high)
    return lambda value: read_mib(value) * MIB


def window_size(value: object) -> int | None:
    """A number of tokens; None for the word `auto`, `SERVERS_WINDOW` for the word `server`."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in WINDOW_WORDS:
        return WINDOW_WORDS[word]
    try:
        return whole(1, "tokens")(value)
    except ValueError as error:
        raise ValueError('"auto", "server" or a whole number of tokens') from error


def seconds(value: object) -> float:
    """A time limit; 0 stands for none."""
    try:
        number = as_float(value)
    except ValueError as error:
        raise ValueError("a number of seconds, 0 for no limit") from error
    if number < 0:
        raise ValueError("a number of seconds, 0 for no limit")
    return number


def text(value: object) -> str:
    """A text without the blanks around it."""
    if isinstance(value, str):
        return value.strip()
    raise ValueError("a text")


def pair_template(value: object) -> str:
    """A prompt for one query and one document. A form field of one line spells its line breaks `\\n`."""
    prompt = value.replace("\\n", "\n") if isinstance(value, str) else ""
    if "{query}" not in prompt or "{document}" not in prompt:
        raise ValueError("a prompt with {query} and {document}")
    return prompt


def header_lines(value: object) -> str:
    """A text of headers. A mapping counts as none: the official plugin 1.0.0 leaves there what it told the server about one request."""
    return "" if isinstance(value, Mapping) else text(value)


def key(value: object) -> str:
    """A key that may stand in an HTTP header."""
    stripped = value.strip() if isinstance(value, str) else ""
    if stripped and stripped.isascii() and stripped.isprintable():
        return stripped
    raise ValueError("a key of plain printable characters, without line breaks")

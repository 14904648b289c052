"""What a model's own settings say, from the two texts of `/api/show` that are not JSON: `parameters` and `modelfile`.

Enters: those texts. Leaves: the parameters as name and values, and the values of single-line Modelfile commands.
`parameters` has one line per value: the name, padding, the value in Go syntax (server/routes.go, GetModelInfo): texts quoted with Go
escapes, numbers as floats, from 1,000,000 on with an exponent (`num_ctx  1.048576e+06`).
"""

import re
from collections.abc import Mapping

_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))|([^\\]+|\\$)",
    re.DOTALL,
)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'"}
_MAX_CHARACTER = 0x10FFFF


def go_unquote(text: str) -> str:
    """A Go string literal as text; a text without quotes is its own value. Bytes that are no UTF-8 become U+FFFD."""
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"`'":
        return text
    if text[0] == "`":
        return text[1:-1]
    return b"".join(_unescape(match) for match in _ESCAPE.finditer(text[1:-1])).decode("utf-8", "replace")


def _unescape(match: re.Match[str]) -> bytes:
    hex_byte, short, long, octal, letter, plain = match.groups()
    if hex_byte or octal:
        return bytes([int(hex_byte, 16) if hex_byte else int(octal, 8) & 0xFF])
    if short or long:
        code = int(short or long, 16)
        return chr(code).encode("utf-8", "replace") if code <= _MAX_CHARACTER else b"?"
    return (_SIMPLE.get(letter, letter) if letter else plain).encode("utf-8", "replace")


def parse_parameters(text: str) -> Mapping[str, tuple[str, ...]]:
    """Name to values, in the order of the lines; a name that repeats (`stop`) has several."""
    values: dict[str, tuple[str, ...]] = {}
    for line in text.split("\n"):
        name, _, value = line.strip().partition(" ")
        if value:
            values[name] = (*values.get(name, ()), go_unquote(value.strip()))
    return values


def modelfile_command(modelfile: str, command: str) -> str:
    """The argument of the last line `COMMAND argument`, empty when there is none."""
    found = re.findall(rf"^{re.escape(command)}[ \t]+(\S+)[ \t]*$", modelfile, re.MULTILINE)
    return str(found[-1]) if found else ""

"""Reads values as models write them in calls: in Python's notation, or in Gemma's, with bare keys and tokens for quotes."""

import re
from typing import Any

BLANKS = re.compile(r"\s*")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|<escape>(.*?)<escape>|<\|"\|>(.*?)<\|"\|>', re.S)
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))", re.S)
ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": "", "\\": "\\", "'": "'", '"': '"', "/": "/"}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
WORD = re.compile(r"[A-Za-z_]\w*")
WORDS = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
CLOSES = {"[": "]", "(": ")", "{": "}"}


def after_blanks(text: str, at: int) -> int:
    """Where the next character that is no blank stands."""
    match = BLANKS.match(text, at)
    return at if match is None else match.end()


def read_value(text: str, at: int) -> tuple[Any, int]:
    """The value at a place, and where it ends. Raises ValueError; RecursionError for one that is too deep."""
    at = after_blanks(text, at)
    opening = text[at : at + 1]
    if opening in CLOSES and opening != "{":
        return _list(text, at + 1, CLOSES[opening])
    if opening == "{":
        return read_pairs(text, at + 1, ":", "}")
    if match := STRING.match(text, at):
        return _string(match), match.end()
    if match := NUMBER.match(text, at):
        return (float if match[1] or match[2] else int)(match[0]), match.end()
    match = WORD.match(text, at)
    if match is None or match[0] not in WORDS:
        raise ValueError("no value")
    return WORDS[match[0]], match.end()


def read_pairs(text: str, at: int, sign: str, closes: str) -> tuple[dict[str, Any], int]:
    """Keys and values with `sign` between them, up to `closes`: the rest of an object, or the arguments of a call. Raises ValueError."""
    found: dict[str, Any] = {}
    while not text.startswith(closes, at := after_blanks(text, at)):
        match = STRING.match(text, at) if sign == ":" else None
        word = match or WORD.match(text, at)
        if word is None or not text.startswith(sign, end := after_blanks(text, word.end())):
            raise ValueError("no key")
        key = word[0] if match is None else _string(match)
        if key in found:
            raise ValueError("a key twice")
        found[key], at = read_value(text, end + len(sign))
        at = _after_comma(text, at, closes)
    return found, at + len(closes)


def _list(text: str, at: int, closes: str) -> tuple[list[Any], int]:
    values = []
    while not text.startswith(closes, at := after_blanks(text, at)):
        value, at = read_value(text, at)
        values.append(value)
        at = _after_comma(text, at, closes)
    return values, at + len(closes)


def _after_comma(text: str, at: int, closes: str) -> int:
    at = after_blanks(text, at)
    if text.startswith(",", at):
        return at + 1
    if not text.startswith(closes, at):
        raise ValueError("no comma")
    return at


def _string(match: re.Match[str]) -> str:
    index = match.lastindex or 1
    return match[index] if index > 2 else ESCAPE.sub(_escaped, match[index])  # the first two kinds know escapes


def _escaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else ESCAPED.get(match[3], match[0])

"""Damage, as functions of chance: bytes of one recorded line, or of two, to bytes that a broken or hostile server might send.

The same seed gives the same bytes.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import orjson

type Mutation = Callable[[bytes, Random, Sequence[bytes]], bytes]
"""A line, chance, and all lines to a damaged line."""

MARK = "\x02"
"""Stands in JSON for text that no JSON library would write."""
MARKED = orjson.dumps(MARK)

RAW: tuple[bytes, ...] = (
    *(b"null", b"true", b"false", b"0", b"-1", b"1", b"2147483648", b"9223372036854775808", b"18446744073709551616", b"0.5", b"-0.0"),
    *(b"1e19", b"1e308", b"1e999", b"-1e999", b"NaN", b"Infinity", b"-Infinity", b"9" * 400, b"9" * 5000, b"1" + b"0" * 40 + b".5"),
    *(
        b'""',
        b'" "',
        b'"x"',
        b'"\\u0000"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\\u2028\\u0085"',
        b'"' + b"\xff\xfe" + b'"',
    ),
    *(
        b'"<think>"',
        b'"</think>"',
        b'"<think>a</think>b"',
        b'"</thi"',
        b'"<"',
        b'"nk>"',
        b'"\\n\\n<think>\\n"',
        b'"' + b"long " * 5000 + b'"',
    ),
    *(b"[]", b"{}", b"[[]]", b"[null]", b'[""]', b"[1,2,3]", b'{"error":{}}', b'{"error":"x"}', b'{"":""}', b'{"a":{"b":{"c":[]}}}'),
    *(b'[{"function":{"name":"f","arguments":{}}}]', b'[{"function":{}}]', b'[{"id":1,"function":{"name":"f"}}]', b'[{"function":null}]'),
    *(
        b"[" * 3000 + b"]" * 3000,
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b"[" * 500 + b"]" * 500,
        b"[" * 100_000,
        b'{"error":' * 900 + b"1" + b"}" * 900,
    ),
    *(b'{"a":' * depth + b"{}" + b"}" * depth for depth in (250, 260, 900, 980, 1020)),
    *(b'"load"', b'"length"', b'"unload"', b'"stop"', b'"{\\"error\\":\\"inner\\"}"', b"<html>", b"undefined", b""),
)
"""Values as they stand in the text; some of them in no valid JSON."""

KEYS = ("error", "message", "done", "done_reason", "content", "thinking", "tool_calls", "response", "embeddings", "embedding", "results")
BYTES = (
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xef\xbb\xbf",
    b"{",
    b"}",
    b'"',
    b"\\",
    b"\\u",
    b"\xc3",
    b"\xed\xa0\x80",
    b"data: ",
    b"[DONE]",
    b",",
    b"]",
)


def noise(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    """Random bytes."""
    return chance.randbytes(chance.randrange(1, 80))


def flip(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    """One to three bits."""
    data = bytearray(line)
    for _ in range(chance.randrange(1, 4)):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(data)


def delete(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    start, end = _range(line, chance)
    return line[:start] + line[end:]


def repeat(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    start, end = _range(line, chance)
    return line[:end] + line[start:end] * chance.randrange(1, 4) + line[end:]


def insert(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(line) + 1)
    return line[:at] + chance.choice(BYTES) + line[at:]


def truncate(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    return line[: chance.randrange(len(line) + 1)]


def splice(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    """The head of one line and the tail of another, which may be of another server."""
    other = chance.choice(lines)
    return line[: chance.randrange(len(line) + 1)] + other[chance.randrange(len(other) + 1) :]


def change_value(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    """Another value somewhere in the JSON."""
    return _at_random_place(line, chance, _replace)


def change_keys(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    """A key lost, renamed or added somewhere in the JSON."""
    return _at_random_place(line, chance, _rekey)


def _range(line: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(line) + 1)
    return start, min(len(line), start + chance.randrange(1, 30))


def _at_random_place(line: bytes, chance: Random, change: Callable[[Any, Any, Random], None]) -> bytes:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return flip(line, chance, ())
    holders = [(holder, key) for holder, key in _places(document) if isinstance(holder, dict | list)]
    if not holders:
        return chance.choice(RAW)
    change(*chance.choice(holders), chance)
    try:
        return orjson.dumps(document).replace(MARKED, chance.choice(RAW))
    except orjson.JSONEncodeError:  # it was nested as deep as orjson goes
        return flip(line, chance, ())


def _places(document: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys; of long lists the first few."""
    found: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(min(len(holder), 3)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def _replace(holder: Any, key: Any, chance: Random) -> None:
    match chance.randrange(4):
        case 0:
            holder[key] = [holder[key]]
        case 1:
            holder[key] = {chance.choice(KEYS): holder[key]}
        case _:
            holder[key] = MARK


def _rekey(holder: Any, key: Any, chance: Random) -> None:
    if isinstance(holder, list):
        holder.append(MARK)
        return
    value = holder.pop(key) if chance.randrange(2) else holder[key]
    if chance.randrange(3):
        holder[chance.choice(KEYS)] = chance.choice((value, MARK))


MUTATIONS: tuple[Mutation, ...] = (noise, flip, delete, repeat, insert, truncate, splice, splice, *(change_value,) * 5, *(change_keys,) * 2)
"""How often each stands here is how likely it is."""


def damaged(line: bytes, chance: Random, lines: Sequence[bytes]) -> bytes:
    """The line after one or two mutations."""
    for _ in range(chance.choice((1, 1, 2))):
        line = chance.choice(MUTATIONS)(line, chance, lines)
    return line


def cut(data: bytes, chance: Random) -> list[bytes]:
    """The same bytes in pieces, as a network delivers them."""
    pieces = []
    while data:
        size = chance.choice((1, 2, 7, 64, 1000, len(data)))
        pieces.append(data[:size])
        data = data[size:]
    return pieces if len(pieces) < 200 else [b"".join(pieces)]

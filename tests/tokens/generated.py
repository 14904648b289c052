"""Texts that nobody needs to write: numbers, tables, encoded bytes, logs. The same seed gives the same text."""
# ruff: noqa: E501  (a kind is one line)

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from random import Random

_WORDS: list[str] = re.findall(
    r"\w+",
    "alpha order status customer invoice pending active region value total server cache worker request response token index user "
    "account session payload header buffer queue retry timeout error warning debug info update delete create insert product price "
    "quantity address street city country phone email created modified enabled disabled default config profile image video audio",
)
_NAMES = re.findall(
    r"\w+", "Anna Bela Carlos Dmitri Emma Farid Grace Hiro Ines Jonas Kwame Lena Maria Noor Olga Pedro Quinn Rosa Sven Tariq"
)

_SHORT_WORDS = re.findall(r"\w+", "the cat sat on a mat and saw dog run up to big red moon so we go in it he was at sea")


def _lines(random: Random, line: Callable[[Random], str], count: int = 24) -> str:
    return "\n".join(line(random) for _ in range(count)) + "\n"


def _letters(random: Random, alphabet: str, length: int) -> str:
    return "".join(random.choice(alphabet) for _ in range(length))


def _word(random: Random) -> str:
    return random.choice(_WORDS)


def _stamp(random: Random) -> str:
    day = f"20{random.randint(10, 26)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    return f"{day}T{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}"


def _address(random: Random) -> str:
    return ".".join(str(random.randint(0, 255)) for _ in range(4))


def _record(random: Random) -> dict[str, object]:
    return {
        "id": random.randint(1, 99_999),
        "name": random.choice(_NAMES),
        "email": f"{random.choice(_NAMES).lower()}{random.randint(1, 99)}@example.com",
        "active": random.random() < 0.5,
        "score": round(random.random() * 100, 2),
        "tags": [_word(random), _word(random)],
        "address": {"city": _word(random).title(), "zip": f"{random.randint(0, 99999):05}", "geo": None},
    }


def _bytes(random: Random, count: int) -> bytes:
    return random.randbytes(count)


_BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

KINDS: Mapping[str, Callable[[Random], str]] = {
    "digits": lambda r: _letters(r, "0123456789", 600),
    "digits-in-lines": lambda r: _lines(r, lambda r: _letters(r, "0123456789", r.randint(6, 40))),
    "numbers-in-words": lambda r: " ".join(str(r.randint(0, 10 ** r.randint(1, 7))) for _ in range(120)),
    "decimals": lambda r: ", ".join(f"{r.uniform(-1000, 1000):.{r.randint(1, 6)}f}" for _ in range(80)),
    "csv-digits": lambda r: _lines(r, lambda r: ",".join(str(r.randint(0, 10 ** r.randint(1, 6))) for _ in range(8))),
    "csv-floats": lambda r: _lines(r, lambda r: ",".join(f"{r.random() * 100:.3f}" for _ in range(6))),
    "csv-mixed": lambda r: _lines(
        r, lambda r: f"{r.randint(1, 9999)},{r.choice(_NAMES)},{_word(r)},{_stamp(r)[:10]},{r.uniform(1, 900):.2f},{_word(r)}"
    ),
    "csv-quoted": lambda r: _lines(r, lambda r: f'"{r.choice(_NAMES)}";"{_word(r)}";"{r.randint(1, 99999)}";"{r.uniform(1, 900):.2f}"'),
    "tsv": lambda r: _lines(r, lambda r: "\t".join((_word(r), str(r.randint(0, 999)), _word(r), f"{r.random():.4f}"))),
    "table": lambda r: _lines(r, lambda r: f"| {_word(r):<12} | {r.randint(1, 99999):>8} | {r.uniform(0, 99):>7.2f} | {_word(r):<10} |"),
    "prices": lambda r: _lines(
        r, lambda r: f"{r.choice(_NAMES)} {_word(r)}: ${r.randint(1, 9999):,}.{r.randint(0, 99):02} ({r.randint(1, 99)}%)"
    ),
    "phones": lambda r: _lines(
        r,
        lambda r: (
            f"+{r.randint(1, 99)} {r.randint(100, 999)} {r.randint(1000000, 9999999)}  ({r.randint(100, 999)}) 555-{r.randint(1000, 9999)}"
        ),
    ),
    "base64": lambda r: base64.b64encode(_bytes(r, 600)).decode(),
    "base64-in-lines": lambda r: (
        "-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(_bytes(r, 700)).decode() + "-----END CERTIFICATE-----\n"
    ),
    "base64-of-text": lambda r: base64.b64encode(" ".join(_word(r) for _ in range(90)).encode()).decode(),
    "base64-zeros": lambda r: base64.b64encode(b"".join(bytes(r.randint(0, 24)) + _bytes(r, 8) for _ in range(30))).decode(),
    "token-urlsafe": lambda r: _lines(r, lambda r: f"{_word(r)}_key = sk-{base64.urlsafe_b64encode(_bytes(r, 30)).decode()}"),
    "base62": lambda r: _lines(r, lambda r: _letters(r, _BASE62, 32)),
    "base32": lambda r: base64.b32encode(_bytes(r, 400)).decode(),
    "hex": lambda r: _bytes(r, 350).hex(),
    "hex-capitals": lambda r: _bytes(r, 350).hex().upper(),
    "hex-dump": lambda r: _lines(r, lambda r: f"{r.randint(0, 65535):08x}: " + " ".join(_bytes(r, 2).hex() for _ in range(8))),
    "hex-array": lambda r: ", ".join(f"0x{value:02X}" for value in _bytes(r, 120)),
    "sha256": lambda r: _lines(r, lambda r: f"{_bytes(r, 32).hex()}  {_word(r)}-{r.randint(1, 9)}.{r.randint(0, 9)}.tar.gz", 14),
    "uuid": lambda r: _lines(r, lambda r: str(uuid.UUID(bytes=_bytes(r, 16), version=4))),
    "binary": lambda r: " ".join(f"{value:08b}" for value in _bytes(r, 70)),
    "json": lambda r: json.dumps([_record(r) for _ in range(7)]),
    "json-compact": lambda r: json.dumps([_record(r) for _ in range(7)], separators=(",", ":")),
    "json-indented": lambda r: json.dumps([_record(r) for _ in range(5)], indent=2),
    "json-indented-4": lambda r: json.dumps([_record(r) for _ in range(4)], indent=4),
    "json-numbers": lambda r: json.dumps({"shape": [8, 12], "data": [round(r.gauss(0, 1), 5) for _ in range(96)]}),
    "json-escaped": lambda r: json.dumps(json.dumps([_record(r) for _ in range(5)])),
    "json-lines": lambda r: _lines(
        r, lambda r: json.dumps({"ts": _stamp(r), "level": _word(r), "msg": f"{_word(r)} {_word(r)}", "ms": r.randint(0, 5000)})
    ),
    "xml": lambda r: (
        "<items>\n"
        + _lines(r, lambda r: f'  <item id="{r.randint(1, 9999)}" type="{_word(r)}"><name>{r.choice(_NAMES)}</name></item>')
        + "</items>"
    ),
    "access-log": lambda r: _lines(
        r,
        lambda r: (
            f'{_address(r)} - - [{r.randint(1, 28):02}/Mar/2023:{_stamp(r)[11:]} +0000] "GET /{_word(r)}/{r.randint(1, 999)}?{_word(r)}={_word(r)} '
            f'HTTP/1.1" {r.choice((200, 301, 404, 500))} {r.randint(100, 99999)} "-" "Mozilla/5.0 (X11; Linux x86_64) Firefox/{r.randint(90, 130)}.0"'
        ),
        12,
    ),
    "service-log": lambda r: _lines(
        r,
        lambda r: (
            f"{_stamp(r)}.{r.randint(0, 999):03}Z {r.choice(('INFO', 'WARN', 'ERROR'))} [{_word(r)}-{r.randint(1, 16)}] {_word(r)} {_word(r)} failed: code={r.randint(1, 999)}"
        ),
    ),
    "key-values": lambda r: _lines(r, lambda r: f"{_word(r).upper()}_{_word(r).upper()}={_word(r)}-{r.randint(0, 99)}"),
    "urls": lambda r: _lines(
        r,
        lambda r: (
            f"https://www.{_word(r)}{_word(r)}.com/{_word(r)}/{_word(r)}-{_word(r)}/{r.randint(1000, 99999)}?utm_source={_word(r)}&ref={_letters(r, _BASE62, 8)}#{_word(r)}"
        ),
    ),
    "paths": lambda r: _lines(
        r, lambda r: f"/usr/local/{_word(r)}/{_word(r)}_{r.randint(1, 99)}/{_word(r)}.{r.choice(('py', 'json', 'tar.gz', 'log', 'cpp'))}"
    ),
    "windows-paths": lambda r: _lines(
        r,
        lambda r: (
            f"C:\\Users\\{r.choice(_NAMES)}\\{_word(r).title()}\\{_word(r)}{r.randint(1, 99)}.{r.choice(('docx', 'xlsx', 'exe', 'dll'))}"
        ),
    ),
    "addresses": lambda r: _lines(
        r,
        lambda r: (
            f"{_address(r)}/{r.randint(8, 30)} {':'.join(f'{b:02x}' for b in _bytes(r, 6))} {':'.join(_bytes(r, 2).hex() for _ in range(8))}"
        ),
    ),
    "timestamps": lambda r: _lines(
        r, lambda r: f"{_stamp(r)}Z {r.randint(10**9, 2 * 10**9)} {r.randint(1, 12)}/{r.randint(1, 28)}/{r.randint(1980, 2026)}"
    ),
    "camel-case": lambda r: " ".join(_word(r) + "".join(_word(r).title() for _ in range(r.randint(1, 4))) for _ in range(90)),
    "snake-case": lambda r: " ".join("_".join(_word(r) for _ in range(r.randint(2, 4))) for _ in range(90)),
    "minified": lambda r: "".join(
        f'function {_letters(r, "abcdefgh", 1)}(t,e){{return t.{_word(r)}?e[{r.randint(0, 9)}]:!{r.randint(0, 1)}&&n({_letters(r, "abcxyz", 2)},"{_word(r)}")}};'
        for _ in range(14)
    ),
    "letters": lambda r: " ".join(_letters(r, "abcdefghijklmnopqrstuvwxyz", r.randint(3, 12)) for _ in range(80)),
    "capitals-random": lambda r: " ".join(_letters(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", r.randint(3, 9)) for _ in range(80)),
    "serials": lambda r: _lines(r, lambda r: "-".join(_letters(r, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 5) for _ in range(5))),
    "printable": lambda r: "".join(chr(r.randint(33, 126)) for _ in range(700)),
    "signs": lambda r: "".join(r.choice("!@#$%^&*()-_=+[]{};:,.<>/?|~ ") for _ in range(500)),
    "rules": lambda r: _lines(r, lambda r: r.choice("-=*#~_.") * r.randint(3, 80)),
    "indented": lambda r: _lines(r, lambda r: " " * 4 * r.randint(0, 8) + f"{_word(r)} = {_word(r)}({_word(r)})"),
    "tabs": lambda r: _lines(r, lambda r: "\t" * r.randint(0, 5) + f"{_word(r)}.{_word(r)}();"),
    "blank-lines": lambda r: _lines(r, lambda r: f"{_word(r)} {_word(r)}" + "\n" * r.randint(0, 4)),
    "box-drawing": lambda r: _lines(
        r,
        lambda r: (
            "├" + "─" * r.randint(2, 6) + f" {_word(r)}.{_word(r)} │ {'█' * r.randint(1, 12)}{'░' * r.randint(1, 9)} {r.randint(1, 99)}%"
        ),
    ),
    "emoji-random": lambda r: "".join(
        chr(r.choice((r.randint(0x1F300, 0x1F5FF), r.randint(0x1F600, 0x1F64F), r.randint(0x1F680, 0x1F6C5)))) for _ in range(150)
    ),
    "chess-moves": lambda r: " ".join(
        f"{n}. {r.choice('NBRQK')}{r.choice('abcdefgh')}{r.randint(1, 8)} {r.choice('abcdefgh')}x{r.choice('abcdefgh')}{r.randint(1, 8)}"
        for n in range(1, 60)
    ),
    "sql-inserts": lambda r: _lines(
        r,
        lambda r: (
            f"INSERT INTO {_word(r)}s ({_word(r)}_id, {_word(r)}, created_at) VALUES ({r.randint(1, 9999)}, '{_word(r)}', '{_stamp(r)[:10]}');"
        ),
        12,
    ),
    "sql-schema": lambda r: _lines(
        r,
        lambda r: (
            f"ALTER TABLE {_word(r)}s ADD COLUMN {_word(r)} {r.choice(('VARCHAR(80)', 'INTEGER', 'TIMESTAMP', 'NUMERIC(8, 2)'))} NOT NULL DEFAULT {r.randint(0, 9)};"
        ),
        12,
    ),
    "short-words": lambda r: " ".join(r.choice(_SHORT_WORDS) for _ in range(150)),
    "one-word": lambda r: f"{_word(r)} " * 120,
    "word-list": lambda r: _lines(r, lambda r: r.choice(_WORDS), 150),
    "titles": lambda r: " ".join(_word(r).title() for _ in range(150)),
    "capital-words": lambda r: " ".join(_word(r).upper() for _ in range(120)),
    "han-digits": lambda r: _lines(
        r,
        lambda r: (
            f"第{r.randint(1, 999)}条：共{r.randint(1, 9999)}人，金额{r.randint(1, 99999)}.{r.randint(0, 99):02}元，日期{_stamp(r)[:10]}。"
        ),
    ),
}
"""Name of a kind and how to make a text of some hundred characters of it."""


def generate(kind: str, seed: int) -> str:
    """A text of this kind."""
    return KINDS[kind](Random(f"{kind}/{seed}"))

"""What leaves a recording: nothing secret, everything else as it was, and in replies not a byte more or less."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import every
from plugin_entry.cli.recording.scrubbing import TINY_PICTURE, Scrubber, secrets_in

KEY = 'sk"&<key>-of-somebody'
PLAIN = Scrubber(names=("gpu-1.corp.example", "ollama")).with_secrets([KEY, "model"])
VEILED = Scrubber(without_texts=True)

BODIES: dict[str, tuple[str, str]] = {
    "nothing": ('{"model":"qwen3:8b","done":true}', '{"model":"qwen3:8b","done":true}'),
    "known key": (f"key {KEY}.", f"key {'x' * len(KEY)}."),
    "known key in JSON": (json.dumps(KEY), f'"{"x" * (len(KEY) + 1)}"'),
    "known key as Go writes it": ('"sk\\"\\u0026\\u003ckey\\u003e-of-somebody"', f'"{"x" * 37}"'),
    "short key is a word": ('{"model":"m"}', '{"model":"m"}'),
    "bearer": ("Bearer abc.def-1", "Bearer xxx.xxx-x"),
    "key of a known form": ("sk-abcdefgh12", "sk-xxxxxxxxxx"),
    "token": ("eyJhbGciOiJI.eyJzdWIi.abc", "x" * 25),
    "key by its name": ('{"api_key": "abc1", "n": 1}', '{"api_key": "xxxx", "n": 1}'),
    "key in a query": ("?api_key=abc1&x=1", "?api_key=xxxx&x=1"),
    "probabilities": ('{"token":"The","logprob":-0.1}', '{"token":"The","logprob":-0.1}'),
    "URL": ("see https://user:pw@db.corp.example:1/p?q", "see https://xxxx:xx@xx.xxxx.xxxxxxx:x/p?q"),
    "own URL": ("http://localhost:11434/api and http://127.0.0.1:1/x", "http://localhost:11434/api and http://127.0.0.1:1/x"),
    "URL that begins like the own one": ("http://localhost.corp.example/", "http://xxxxxxxxx.xxxx.xxxxxxx/"),
    "IPv4": ("dial tcp 10.1.2.3:80: refused", "dial tcp xx.x.x.x:xx: refused"),
    "IPv4 alone": ("from 192.168.1.10.", "from xxx.xxx.x.xx."),
    "loopback": ("dial tcp 127.0.0.1:11434: connect: connection refused", "dial tcp 127.0.0.1:11434: connect: connection refused"),
    "no address": ("1.2.3.4.5 and 0.24.0 and 999.1.1.1", "1.2.3.4.5 and 0.24.0 and 999.1.1.1"),
    "IPv6": ("[fd00:1::7] fe80::1ff:fe23:4567:890a", "[xxxx:x::x] xxxx::xxx:xxxx:xxxx:xxxx"),
    "time": ('"2026-11-23T05:12:33.12Z" 12:34:56', '"2026-11-23T05:12:33.12Z" 12:34:56'),
    "lookup": ("lookup gpu.lan: no such host", "lookup xxx.xxx: no such host"),
    "name of the server": ("gpu-1.corp.example said", "xxx-x.xxxx.xxxxxxx said"),
    "service named like a word": ("ollama run", "ollama run"),
    "mail": ("to a.b@corp.example now", "to x.x@xxxx.xxxxxxx now"),
    "home": ("/home/someone/models and C:\\\\Users\\\\bob\\\\x", "/home/xxxxxxx/models and C:\\\\Users\\\\xxx\\\\x"),
    "picture": (f'"{"Ab1+" * 100}=="', f'"{"A" * 400}=="'),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), BODIES.values(), ids=BODIES)
def test_body(before: str, after: str) -> None:
    assert PLAIN.body(before.encode()).decode() == after


VEILS: dict[str, tuple[str, str]] = {
    "answer": (
        '{"model":"m1","message":{"role":"assistant","content":"It is 21 \\u00b0C.\\n"},"done":false}',
        '{"model":"m1","message":{"role":"assistant","content":"xx xx 00 \\u0078x.\\n"},"done":false}',
    ),
    "tags stay": ('{"response":"<think>\\nHm\\u003c/think\\u003e"}', '{"response":"<think>\\nxx\\u003c/think\\u003e"}'),
    "two lines": ('{"content":"ab"}\n{"done_reason":"stop","content":"c"}\n', '{"content":"xx"}\n{"done_reason":"stop","content":"x"}\n'),
    "arguments": (
        '{"function":{"name":"get_weather","arguments":{"city":"Oslo","name":"n"}}}',
        '{"function":{"name":"get_weather","arguments":{"city":"xxxx","name":"n"}}}',
    ),
    "quotes": ('{"content":"a \\"b\\" c"}', '{"content":"x \\"x\\" x"}'),
    "cut short": ('{"content":"secret te', '{"content":"xxxxxx xx'),
    "cut in an escape": ('{"content":"ab\\', '{"content":"xx\\'),
    "other scripts": ('{"content":"né"}', '{"content":"xxx"}'),
    "error stays": ('{"error":"model not found"}', '{"error":"model not found"}'),
    "no JSON": ("404 page not found", "404 page not found"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), VEILS.values(), ids=VEILS)
def test_texts_are_replaced(before: str, after: str) -> None:
    assert VEILED.body(before.encode()).decode() == after


@pytest.mark.parametrize("scrubber", [PLAIN, VEILED], ids=["plain", "without texts"])
def test_recorded_replies_stay_as_long_and_as_readable(scrubber: Scrubber) -> None:
    """Every recording there is: same length, same lines, and a line of JSON stays one with the same keys."""
    for exchange in every(lambda exchange: exchange.version == "0.24.0"):
        scrubbed = scrubber.body(exchange.body)
        assert len(scrubbed) == len(exchange.body), exchange.address
        if exchange.is_stream:
            before, after = ([keys(json.loads(line)) for line in body.split(b"\n") if line] for body in (exchange.body, scrubbed))
            assert after == before, exchange.address


def keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: keys(member) for name, member in value.items()}
    return [keys(member) for member in value] if isinstance(value, list) else type(value).__name__


@given(st.binary(), st.booleans())
def test_any_body_keeps_its_length(data: bytes, without_texts: bool) -> None:
    assert len(Scrubber(secrets=("12345678",), without_texts=without_texts).body(data)) == len(data)


@given(st.text(st.characters(categories=["L", "N", "P", "Z", "S"])))
def test_no_word_of_a_text_is_left(text: str) -> None:
    body = json.dumps({"content": text}, ensure_ascii=False).encode()
    shown = json.loads(VEILED.body(body))["content"]
    assert set(re.findall(r"\w", shown.replace("think", "").replace("Think", ""))) <= {"x", "0", "_"}


def test_request_keeps_its_form() -> None:
    sent = {
        "model": "llava",
        "messages": [{"role": "user", "content": f"What is at 10.0.0.7? é {KEY}", "images": ["aGVsbG8=" * 100]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"]}}}],
        "options": {"temperature": 0.5},
        "note": "data:image/png;base64,aGVsbG8=",
    }
    scrubbed = PLAIN.request(sent)
    (message,) = scrubbed["messages"]
    assert message == {"role": "user", "content": f"What is at xx.x.x.x? é {'x' * (len(KEY) + 1)}", "images": [TINY_PICTURE]}
    assert scrubbed["note"] == f"data:image/png;base64,{TINY_PICTURE}"
    assert {name: scrubbed[name] for name in ("model", "tools", "options")} == {name: sent[name] for name in ("model", "tools", "options")}
    veiled = VEILED.request(sent)
    assert veiled["messages"][0]["content"].startswith("xxxx xx xx")
    assert veiled["messages"][0]["images"] == [TINY_PICTURE]
    assert veiled["tools"] == sent["tools"]


def test_headers() -> None:
    headers = {"Authorization": "Bearer sk-0123456789", "X-Api-Key": "0123456789", "X-Name": "alice", "Content-Type": "text/plain"}
    assert PLAIN.headers(headers) == {
        "Authorization": "Bearer scrubbed", "X-Api-Key": "scrubbed", "X-Name": "scrubbed", "Content-Type": "text/plain",
    }  # fmt: skip
    assert set(secrets_in(headers)) == {"Bearer sk-0123456789", "sk-0123456789", "0123456789"}


def test_a_scrubber_shows_no_secret() -> None:
    assert KEY not in repr(PLAIN)

"""What leaves a recording: nothing secret, everything that is known as it was, and in replies not a byte more or less."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every
from plugin_entry.cli.recording import secrets
from plugin_entry.cli.recording.scrubbing import TINY_PICTURE, Scrubber, TakesTooLongError, within
from plugin_entry.cli.recording.secrets import Secrets
from tests.translator.stream_player import play
from translator.errors import ServerError
from translator.failures.build import failure_from_reply
from translator.settings.base_url import parse_base_url

KEY = 'sk"&<key>-of-somebody'
PLAIN = Scrubber(Secrets().and_these([KEY, "gpu-1.corp.example", "abc"]))
MASKED = Scrubber(without_texts=True)
CHAT = "/api/chat"


def in_text(text: str) -> str:
    """A text of an answer, as it is shown."""
    body = json.dumps({"response": text}, ensure_ascii=False).encode()
    shown: str = json.loads(PLAIN.reply(body, CHAT))["response"]
    return shown


TEXTS: dict[str, tuple[str, str]] = {
    "nothing": ("All is well: 5 < 6 & 1.2.3", "All is well: 5 < 6 & 1.2.3"),
    "known key": (f"key {KEY}.", f"key {'x' * (len(KEY) + 1)}."),
    "key of another case": (f"key {KEY.upper()}.", f"key {'x' * (len(KEY) + 1)}."),
    "short key alone": ("say abc, not abcd", "say xxx, not abcd"),
    "bearer": ("Bearer abc.def-1", "Bearer xxxxxxxxx"),
    "bearer of news": ("the bearer understood basic mathematics", "the bearer understood basic mathematics"),
    "key of a known form": ("sk-abcdefgh12", "xxxxxxxxxxxxx"),
    "token": ("eyJhbGciOiJI.eyJzdWIi.abc", "x" * 25),
    "key by its name": ("api_key: abc1", "api_key: xxxx"),
    "key in a query": ("/x?api_key=abc1&x=yes", "/x?api_key=xxxx&x=xxx"),
    "URL": ("see https://user:pw@db.corp.example:1/p", "see https://xxxxxxxxxxxxxxxxxxxxxxxxx/p"),
    "own URL": ("http://localhost:11434/api and http://127.0.0.1:1/x", "http://localhost:11434/api and http://127.0.0.1:1/x"),
    "URL that begins like the own one": ("http://localhost.corp.example/", "http://xxxxxxxxxxxxxxxxxxxxxx/"),
    "IPv4": ("dial tcp 10.1.2.3:80: refused", "dial tcp xxxxxxxxxxx: refused"),
    "IPv4 alone": ("from 192.168.1.10.", "from xxxxxxxxxxxx."),
    "loopback": ("dial tcp 127.0.0.1:11434: connect: connection refused", "dial tcp 127.0.0.1:11434: connect: connection refused"),
    "no address": ("1.2.3.4.5 and 0.24.0 and 999.1.1.1 and a[::2]", "1.2.3.4.5 and 0.24.0 and 999.1.1.1 and a[::2]"),
    "IPv6": ("[fd00:1::7]", "[xxxxxxxxx]"),
    "time": ("2026-11-23T05:12:33.12Z 12:34:56", "2026-11-23T05:12:33.12Z 12:34:56"),
    "lookup": ("lookup gpu.lan: no such host", "lookup xxxxxxx: no such host"),
    "name of the server": ("gpu-1.corp.example said", "xxxxxxxxxxxxxxxxxx said"),
    "mail": ("to a.b@corp.example now", "to xxxxxxxxxxxxxxxx now"),
    "home": ("/home/someone/models and C:\\Users\\bob\\x", "/home/xxxxxxx/models and C:\\Users\\xxx\\x"),
    "UNC": ("on \\\\nas\\share now", "on \\\\xxxxxxxxxx now"),
    "mathematics": ("a \\\\ b \\frac{1}{2}\\alpha", "a \\\\ b \\frac{1}{2}\\alpha"),
    "long base64": ("Ab1+" * 100, "x" * 400),
    "long word": ("a" * 400, "a" * 400),
    "rule of a table": ("|" + "-" * 200 + "|", "|" + "-" * 200 + "|"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), TEXTS.values(), ids=TEXTS)
def test_text(before: str, after: str) -> None:
    assert in_text(before) == after


BODIES: dict[str, tuple[str, str, str]] = {
    "known values": (CHAT, '{"model":"qwen3:8b","done":true,"eval_count":12}', '{"model":"qwen3:8b","done":true,"eval_count":12}'),
    "unknown values": (CHAT, '{"a":"ab","b":[-12.5e3,{"c":true}]}', '{"a":"xx","b":[-11.111,{"c":true}]}'),
    "unknown kinds": (CHAT, '{"done_reason":"Why?","model":{"a":"b"}}', '{"done_reason":"xxxx","model":{"a":"x"}}'),
    "namespaces": (CHAT, '{"model":"corp.example/bob/m:8b"}', '{"model":"xxxx.xxxxxxx/xxx/m:8b"}'),
    "public names": (CHAT, '{"model":"hf.co/unsloth/m:8b"}', '{"model":"hf.co/unsloth/m:8b"}'),
    "unknown route": ("/v1/chat/completions", '{"model":"m","n":1}', '{"model":"x","n":1}'),
    "page of an unknown route": ("/x", "<p>Hello</p>", "x" * 12),
    "page": (CHAT, "<p>Hello</p>", "<p>Hello</p>"),
    "route behind a path": ("/ollama/api/chat", '{"done":false,"x":"y"}', '{"done":false,"x":"x"}'),
    "numbers that spell": (CHAT, '{"logprobs":[{"logprob":-0.5,"bytes":[97,98]}]}', '{"logprobs":[{"logprob":-0.5,"bytes":[11,11]}]}'),
    "scores": ("/rerank", '[{"index":0,"score":0.5},{"index":1,"score":-1e-5}]', '[{"index":0,"score":0.5},{"index":1,"score":-1e-5}]'),
    "escape before a key": (CHAT, '{"response":"\\tabc\\n"}', '{"response":"\\txxx\\n"}'),
}  # fmt: skip


@pytest.mark.parametrize(("path", "before", "after"), BODIES.values(), ids=BODIES)
def test_body(path: str, before: str, after: str) -> None:
    assert PLAIN.reply(before.encode(), path).decode() == after


MASKS: dict[str, tuple[str, str]] = {
    "answer": (
        '{"model":"m1","message":{"role":"assistant","content":"It is 21 \\u00b0C.\\n"},"done":false}',
        '{"model":"m1","message":{"role":"assistant","content":"xx xx 00 \\u0078x.\\n"},"done":false}',
    ),
    "tags stay": ('{"response":"<think>\\nI think\\u003c/think\\u003e"}', '{"response":"<think>\\nx xxxxx\\u003c/think\\u003e"}'),
    "two lines": ('{"response":"ab"}\n{"done_reason":"stop"}\n', '{"response":"xx"}\n{"done_reason":"stop"}\n'),
    "arguments": (
        '{"message":{"tool_calls":[{"function":{"name":"get_weather","arguments":{"city":"Oslo","name":1.5}}}]}}',
        '{"message":{"tool_calls":[{"function":{"name":"xxx_xxxxxxx","arguments":{"xxxx":"xxxx","xxxx":1.1}}}]}}',
    ),
    "quotes": ('{"response":"a \\"b\\" c"}', '{"response":"x \\"x\\" x"}'),
    "cut short": ('{"response":"secret te', '{"response":"xxxxxx xx'),
    "cut in an escape": ('{"response":"ab\\', '{"response":"xx\\'),
    "other scripts": ('{"response":"né"}', '{"response":"xxx"}'),
    "error of the catalogue": ('{"error":"model \\"qwen\\" not found, try it"}', '{"error":"model \\"xxxx\\" not found, xxx xx"}'),
    "other error": ('{"error":"no model for Bob"}', '{"error":"xx xxxxx xxx xxx"}'),
    "no JSON": ("404 page not found", "404 page not found"),
    "events": ('event: a\ndata: {"response":"b"}\n', 'xxxxx: x\ndata: {"response":"x"}\n'),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), MASKS.values(), ids=MASKS)
def test_texts_are_replaced(before: str, after: str) -> None:
    assert MASKED.reply(before.encode(), CHAT).decode() == after


def translated(exchange: Exchange, body: bytes, headers: dict[str, str]) -> str:
    """All that the plugin makes of a reply."""
    if exchange.status >= 400:
        return repr(_failure(exchange, body, headers))
    parts, rest = [], body
    for _, data in exchange.chunks:
        parts.append(rest[: len(data)])
        rest = rest[len(data) :]
    return repr(play(parts))


def _failure(exchange: Exchange, body: bytes, headers: dict[str, str]) -> tuple[str, str]:
    error: ServerError = failure_from_reply(
        exchange.status, body, content_type=exchange.content_type, model="m", route=exchange.path, headers=headers
    )
    return error.code, str(error)


GENERATING = ("/api/chat", "/api/generate")


def test_a_recording_is_translated_like_the_reply_itself() -> None:
    """Every recording there is, with texts."""
    different = []
    for exchange in every(lambda exchange: exchange.path in GENERATING or exchange.status >= 400):
        scrubbed = PLAIN.reply(exchange.body, exchange.path)
        headers = PLAIN.headers(exchange.headers.items())
        if translated(exchange, scrubbed, headers) != translated(exchange, exchange.body, dict(exchange.headers)):
            different.append(exchange.address)
    assert different == []


@pytest.mark.parametrize("scrubber", [PLAIN, MASKED], ids=["plain", "without texts"])
def test_recorded_replies_stay_as_long_and_as_readable(scrubber: Scrubber) -> None:
    """Every recording there is: same length, same lines, and a line of JSON stays one of the same form."""
    for exchange in every(lambda exchange: exchange.version == "0.24.0"):
        scrubbed = scrubber.reply(exchange.body, exchange.path)
        assert len(scrubbed) == len(exchange.body), exchange.address
        if exchange.is_stream:
            before, after = ([form(line) for line in body.split(b"\n") if line] for body in (exchange.body, scrubbed))
            assert after == before, exchange.address


def form(line: bytes) -> Any:
    """The kinds of all values. Names of arguments may have become one and the same, so the keys do not count."""
    return _form(json.loads(line, object_pairs_hook=lambda pairs: [value for _, value in pairs]))


def _form(value: Any) -> Any:
    return [_form(member) for member in value] if isinstance(value, list) else isinstance(value, int | float) or type(value)


@given(st.binary(), st.booleans(), st.sampled_from([CHAT, "/rerank", "/x"]))
def test_any_body_keeps_its_length(data: bytes, without_texts: bool, path: str) -> None:
    scrubber = Scrubber(Secrets().and_these(["12345678", "a", '\\"']), without_texts)
    assert len(scrubber.reply(data, path)) == len(data)


scalars = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text()
documents = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(documents, st.booleans(), st.sampled_from([CHAT, "/api/show", "/x"]))
def test_json_stays_json(value: Any, without_texts: bool, path: str) -> None:
    scrubber = Scrubber(Secrets().and_these(["1", "e", "\\", '"', "0.0"]), without_texts)
    json.loads(scrubber.reply(json.dumps({"message": value, "x": value, "options": [value]}).encode(), path))


@given(st.text(st.characters(categories=["L", "N", "P", "Z", "S"])))
def test_no_word_of_a_text_is_left(text: str) -> None:
    shown = json.loads(MASKED.reply(json.dumps({"response": text}, ensure_ascii=False).encode(), CHAT))["response"]
    assert set(re.findall(r"\w", re.sub("</?think(?:ing)?>", "", shown))) <= {"x", "0", "_"}


def test_request_keeps_its_form() -> None:
    sent = {
        "model": "llava",
        "messages": [{"role": "user", "content": f"What is at 10.0.0.7? é {KEY}", "images": ["aGVsbG8=" * 100]}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "required": ["a"]}}}],
        "options": {"temperature": 0.5, "stop": ["END"]},
        "note": "mine",
    }
    scrubbed = PLAIN.request(json.dumps(sent).encode(), CHAT)["body"]
    (message,) = scrubbed["messages"]
    filler = "x" * (len(KEY) + 1)
    assert message == {"role": "user", "content": f"What is at xxxxxxxx? é {filler}", "images": [TINY_PICTURE]}
    assert {name: scrubbed[name] for name in ("model", "tools", "options")} == {name: sent[name] for name in ("model", "tools", "options")}
    assert scrubbed["note"] == "xxxx"
    masked = MASKED.request(json.dumps(sent).encode(), CHAT)["body"]
    assert masked["messages"][0]["content"].startswith("xxxx xx xx")
    assert masked["messages"][0]["images"] == [TINY_PICTURE]
    assert masked["tools"] == [{"type": "function", "function": {"name": "x", "parameters": {"type": "object", "required": ["x"]}}}]
    assert masked["options"] == {"temperature": 0.5, "stop": ["xxx"]}


HEADERS: dict[str, tuple[str, str, str]] = {
    "login": ("Authorization", "Bearer sk-0123456789", "Bearer scrubbed"),
    "key": ("X-Api-Key", "0123456789", "scrubbed"),
    "own": ("X-Name", "alice", "scrubbed"),
    "type": ("Content-Type", "application/json; charset=utf-8", "application/json; charset=utf-8"),
    "odd type": ("Content-Type", "alice/json", "scrubbed"),
    "date": ("Date", "Mon, 23 Nov 2026 05:12:33 GMT", "Mon, 23 Nov 2026 05:12:33 GMT"),
    "product": ("Server", "nginx/1.25.3 (of alice)", "nginx/1.25.3 (xx xxxxx)"),
    "steps": ("Via", "1.1 gate.corp.example (squid/5.7)", "1.1 xxxx.xxxx.xxxxxxx (squid/5.7)"),
    "realm": ("WWW-Authenticate", 'Basic realm="alice"', "Basic scrubbed"),
    "cause": ("Proxy-Status", "alice; error=dns_error", "xxxxx; error=dns_error"),
}


@pytest.mark.parametrize(("name", "value", "shown"), HEADERS.values(), ids=HEADERS)
def test_header(name: str, value: str, shown: str) -> None:
    assert PLAIN.headers([(name, value)]) == {name: shown}


def test_headers_of_one_name_are_joined() -> None:
    assert PLAIN.headers([("Via", "1.1 squid"), ("Via", "1.1 varnish")]) == {"Via": "1.1 squid, 1.1 varnish"}


PATHS = {"/api/chat": "/api/chat", "/a1/api/chat?token=x": "/xx/api/chat", "//api/chat": "//api/chat", "/v1/models/bob": "/v1/models/xxx"}


@pytest.mark.parametrize(("path", "shown"), PATHS.items())
def test_path(path: str, shown: str) -> None:
    assert PLAIN.path(path) == shown


def test_what_counts_as_sent_in_secret() -> None:
    headers = (("Authorization", "Basic Ym9iOnB3"), ("Cookie", "a=1; b=22"), ("Accept", "*/*"), ("X-Id", "ab"))
    assert set(secrets.of_headers(headers)) >= {"bob", "pw", "bob:pw", "Ym9iOnB3", "1", "22"}
    assert not {"*/*", "ab", "Basic"} & set(secrets.of_headers(headers))
    base_url = parse_base_url("http://bob:p%40w@gpu.corp:1/team-a/api")
    assert set(secrets.of_url(base_url)) == {"bob", "p@w", "bob:p@w", "Ym9iOnBAdw==", "gpu.corp", "team-a"}


@pytest.mark.parametrize("sent", ["é", "\udce9", "!!", "/w=="])
def test_a_header_of_basic_that_is_no_base64_counts_as_it_stands(sent: str) -> None:
    assert sent in set(secrets.of_headers([("Authorization", f"Basic {sent}")]))


def test_what_takes_too_long_is_not_kept() -> None:
    with pytest.raises(TakesTooLongError):
        PLAIN.reply(b'{"response":"a"}', CHAT, within(-1))


def test_a_scrubber_shows_no_secret() -> None:
    assert KEY not in repr(PLAIN)

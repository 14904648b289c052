"""Unwrapping of refusals: every shape a body can have gives the innermost sentence and its facts, and none raises."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures import recordings
from translator.failures.bodies import TEXT_CHARS, FailureText, Shape, unwrap, unwrap_text, unwrap_value

STEADY = settings(deadline=None, derandomize=True)

TOO_LONG = "request (15001 tokens) exceeds the available context size (512 tokens), try increasing it"
LLAMA = orjson.dumps(
    {"error": {"code": 400, "message": TOO_LONG, "type": "exceed_context_size_error", "n_prompt_tokens": 15001, "n_ctx": 512}}
)
LLAMA_FACTS = FailureText(
    text=TOO_LONG, kind=Shape.TEXT_IN_JSON, type="exceed_context_size_error", status=400, n_prompt_tokens=15001, n_ctx=512
)


def text_in_json(text: str, **facts: object) -> FailureText:
    return FailureText(text=text, kind=Shape.TEXT_IN_JSON, **facts)  # type: ignore[arg-type]  # facts vary by row


def doubly(inner: bytes | str) -> bytes:
    return orjson.dumps({"error": inner if isinstance(inner, str) else inner.decode()})


BODIES: dict[str, tuple[bytes, str, FailureText]] = {
    "ollama": (b'{"error":"model is required"}', "application/json", text_in_json("model is required")),
    "json string that is no json": (b'{"error":"\\"x\\" does not support chat"}', "", text_in_json('"x" does not support chat')),
    "llama-server": (LLAMA, "application/json", LLAMA_FACTS),
    "double-encoded": (doubly(LLAMA), "application/json", LLAMA_FACTS),
    "triple-encoded": (doubly(doubly(LLAMA)), "application/json", LLAMA_FACTS),
    "string in a string": (doubly('"deep"'), "", text_in_json("deep")),
    "whole body is a string": (b'"just text"', "", text_in_json("just text")),
    "nameless": (b'{"error":{}}', "", FailureText(kind=Shape.NAMELESS)),
    "empty object": (b"{}", "", FailureText(kind=Shape.NAMELESS)),
    "empty list": (b"[]", "", FailureText(kind=Shape.NAMELESS)),
    "error without words": (b'{"error":{"code":500}}', "", FailureText(kind=Shape.NAMELESS, status=500)),
    "null error": (b'{"error":null}', "", FailureText(kind=Shape.NAMELESS)),
    "sign-in": (b'{"error":"unauthorized","signin_url":"https://ollama.com/connect?key=K"}', "", text_in_json("unauthorized", signin=True)),
    "cloud stub": (
        b'{"StatusCode":429,"Status":"429 Too Many Requests","error":"usage limit"}',
        "application/x-ndjson",
        text_in_json("usage limit", status=429),
    ),
    "cloud stub with a page": (
        b'{"StatusCode":502,"Status":"502 Bad Gateway","error":"\\u003chtml\\u003e"}',
        "application/x-ndjson",
        FailureText(kind=Shape.HTML, status=502),
    ),
    "tei": (b'{"error":"`texts` cannot be empty","error_type":"Empty"}', "", text_in_json("`texts` cannot be empty", type="Empty")),
    "tei openai": (b'{"message":"no","code":424,"type":"Backend"}', "", text_in_json("no", status=424, type="Backend")),
    "fastapi text": (b'{"detail":"Not Found"}', "", text_in_json("Not Found")),
    "fastapi list": (
        b'{"detail":[{"type":"missing","loc":["body","documents",0],"msg":"Field required","input":{"query":"secret"}}]}',
        "",
        text_in_json("body.documents.0: Field required", type="missing"),
    ),
    "list of errors": (b'{"errors":[{"message":"first"},{"message":"second"}]}', "", text_in_json("first")),
    "go map": (
        doubly("llama-server chat error: map[code:500 message:Invalid diff: less [tool] calls! type:server_error]"),
        "",
        text_in_json("llama-server chat error: Invalid diff: less [tool] calls!", status=500),
    ),
    "go map without code": (doubly("map[message:broken]"), "", text_in_json("broken")),
    "tei numbers": (
        doubly("`inputs` must have less than 64 tokens. Given: 167"),
        "",
        text_in_json("`inputs` must have less than 64 tokens. Given: 167", n_prompt_tokens=167, n_ctx=64),
    ),
    "plain": (b"404 page not found", "text/plain", FailureText(text="404 page not found", kind=Shape.PLAIN)),
    "plain number": (b"404", "", FailureText(text="404", kind=Shape.PLAIN)),
    "plain with a bracket": (b"[worker 3] died", "", FailureText(text="[worker 3] died", kind=Shape.PLAIN)),
    "byte order mark": (b"\xef\xbb\xbfno", "", FailureText(text="no", kind=Shape.PLAIN)),
    "undecodable": (b"\xff\xfeno", "", FailureText(text="\ufffd\ufffdno", kind=Shape.PLAIN)),
    "undecodable in json": (b'{"error":"caf\xe9"}', "", text_in_json("caf\ufffd")),
    "empty": (b"", "", FailureText(kind=Shape.EMPTY)),
    "blank": (b" \r\n ", "text/html", FailureText(kind=Shape.EMPTY)),
    "page": (
        b"<html>\r\n<head><title>502 Bad &amp; Gateway</title></head><body><hr><center>nginx</center></body></html>",
        "text/html",
        FailureText(text="502 Bad & Gateway", kind=Shape.HTML, page_by="nginx"),
    ),
    "page by its heading": (b"<body><h1>It <b>works</b>!</h1></body>", "", FailureText(text="It  works !", kind=Shape.HTML)),
    "page by its type": (b"<p>hello", "text/html; charset=utf-8", FailureText(kind=Shape.HTML)),
    "cut with a sentence": (b'{"error":"model \\"x\\" not fo', "", FailureText(text='model "x" not fo', kind=Shape.CUT)),
    "cut in an escape": (b'{"error":"caf\\u00e', "", FailureText(text="caf\\u00e", kind=Shape.CUT)),
    "cut without a sentence": (b'{"model": "cut:120b", "created', "", FailureText(kind=Shape.CUT)),
    "cut inside": (doubly('{"model": "cut:120b", "created'), "", FailureText(kind=Shape.CUT)),
}


@pytest.mark.parametrize("name", BODIES)
def test_body_gives_its_innermost_sentence(name: str) -> None:
    body, content_type, expected = BODIES[name]
    assert unwrap(body, content_type) == expected


NUMBERS = (
    ("input (168 tokens) is larger than the max context size (64 tokens). skipping", 168, 64),
    ("input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)", 9000, 8192),
    ("input (48 tokens) is too large to process. increase the physical batch size (current batch size: 32)", 48, 32),
    ("This model's maximum context length is 512 tokens. However, you requested 640 tokens.", 640, 512),
    (f"request ({'9' * 5000} tokens) exceeds the available context size (512 tokens)", None, None),
)


@pytest.mark.parametrize(("text", "prompt", "window"), NUMBERS, ids=[text[:30] for text, _, _ in NUMBERS])
def test_token_counts_are_read_from_text(text: str, prompt: int | None, window: int | None) -> None:
    found = unwrap_text(text)
    assert (found.n_prompt_tokens, found.n_ctx) == (prompt, window)


@pytest.mark.parametrize("bad", [True, -1, 10**13, 1.5, "12", None], ids=repr)
def test_token_counts_that_are_no_counts_are_ignored(bad: object) -> None:
    found = unwrap_value({"error": {"message": "no", "n_ctx": bad}})
    assert found is not None
    assert found.n_ctx is None


def test_recorded_file_list_is_kept_whole() -> None:
    found = unwrap(recordings.load("0.33.0-rc2", "load-no-llama-server").body)
    assert found.text.startswith("error starting llama-server: ")
    assert "cmake --build" in found.text


def test_long_text_is_bounded() -> None:
    assert len(unwrap(orjson.dumps({"error": "x" * 100_000})).text) == TEXT_CHARS
    assert len(unwrap(b"x" * 1_000_000).text) == TEXT_CHARS


def test_wrapping_without_end_stops() -> None:
    body = b"no"
    for _ in range(12):  # each level doubles the backslashes
        body = orjson.dumps({"error": body.decode()})
    assert unwrap(body).kind in Shape


def test_deep_nesting_is_refused_not_raised() -> None:
    assert unwrap(b"[" * 60_000 + b"]" * 60_000).kind in Shape
    assert unwrap(b'{"error":' * 3000 + b"1" + b"}" * 3000).kind in Shape


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "detail", "code", "loc", "msg", "n_ctx", "StatusCode", "x"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@STEADY
@given(st.binary(max_size=200), st.sampled_from(["", "text/html", "application/json"]))
def test_any_bytes_are_unwrapped(body: bytes, content_type: str) -> None:
    assert unwrap(body, content_type).kind in Shape


@STEADY
@given(JSON)
def test_any_value_is_unwrapped(value: object) -> None:
    found = unwrap_value(value)
    assert found is None or found.kind in Shape


@STEADY
@given(st.text(max_size=60))
def test_wrapping_does_not_change_a_sentence(text: str) -> None:
    plain = f"it says {text}".strip()
    wrapped = unwrap(doubly(doubly(plain)))
    assert wrapped.text == unwrap_text(plain).text

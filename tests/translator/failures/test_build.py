"""Refusals as users read them: exact texts, facts from every source, and nothing secret whatever the server sends."""

import base64
from collections.abc import Callable

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fixtures import recordings
from translator.errors import Family, ServerError
from translator.failures import build
from translator.failures.build import failure_from_reply, failure_in_stream, is_loading, is_retryable
from translator.limits import MIB

STEADY = settings(deadline=None, derandomize=True)

MESSAGES: dict[str, tuple[Callable[[], ServerError], str]] = {
    "missing model": (
        lambda: failure_from_reply(404, b'{"error":"model \'llama3.2\' not found"}', model="llama3.2"),
        'The server has no model named "llama3.2". Run `ollama pull llama3.2` on the machine where Ollama runs, '
        "or choose a model that `ollama list` shows.",
    ),
    "missing model named by the server only": (
        lambda: failure_from_reply(404, b'{"error":"model \'llama3.2\' not found"}'),
        'The server has no model named "llama3.2". Run `ollama pull llama3.2` on the machine where Ollama runs, '
        "or choose a model that `ollama list` shows.",
    ),
    "over-long prompt with numbers": (
        lambda: failure_from_reply(400, recordings.load("0.33.0-rc2", "error-too-long").body, model="chat"),
        'The prompt is longer than the context window of the model "chat" (15,001 tokens, the window holds 512). Raise the context '
        "size (num_ctx) in the model's settings, shorten the prompt or its memory, or let the server cut it.",
    ),
    "over-long prompt without numbers": (
        lambda: failure_from_reply(400, b'{"error":"the input length exceeds the context length"}'),
        "The prompt is longer than the context window of the model. Raise the context "
        "size (num_ctx) in the model's settings, shorten the prompt or its memory, or let the server cut it.",
    ),
    "memory": (
        lambda: failure_from_reply(500, b'{"error":"model requires more system memory (9.1 GiB) than is available (7.3 GiB)"}', model="m"),
        'The model "m" needs 9.1 GiB of memory, and the server has 7.3 GiB left. Lower the context size (num_ctx), choose a smaller '
        "model or quantisation, or unload other models (`ollama ps`, `ollama stop`).",
    ),
    "missing capability": (
        lambda: failure_from_reply(400, b'{"error":"registry.ollama.ai/library/x:latest does not support tools"}', model="x"),
        'The model "x" cannot call tools. Switch function calling off in the model\'s settings, remove the tools, '
        "or choose a model with the tools capability.",
    ),
    "unknown route": (
        lambda: failure_from_reply(404, b"404 page not found", route="/api/embed"),
        "The server answers, but it has no /api/embed. Check the base URL: scheme, host and port only, such as "
        "http://192.168.1.5:11434, without /api or /v1 at the end. If the base URL is right, the Ollama server is too old: update it.",
    ),
    "proxy by its page": (
        lambda: failure_from_reply(502, recordings.load("0.33.0-rc2", "cloud-proxy-html").body, content_type="text/html"),
        "A proxy (nginx) answered instead of the server (status 502): it cannot reach the server, or the server is down. "
        "Check that the server runs, and whether a proxy lies in between that should not (NO_PROXY).",
    ),
    "proxy by its header": (
        lambda: failure_from_reply(407, b"", headers={"Via": "1.1 edge (Squid/5.7)"}),
        "A proxy (squid) between Dify and the server wants a user name and password. Let the plugin go around the proxy "
        "(proxy setting `never`, or NO_PROXY), or give the proxy's URL with credentials.",
    ),
    "server's own words": (
        lambda: failure_from_reply(418, b'{"error":"I am a \\"teapot\\""}'),
        "The server refused the request (status 418). The server said: \"I am a 'teapot'\". Look into the log of the server; "
        "if the plugin is at fault, please report this message.",
    ),
    "no words": (
        lambda: failure_from_reply(418, b""),
        "The server refused the request (status 418). Look into the log of the server; "
        "if the plugin is at fault, please report this message.",
    ),
    "new error in a stream": (
        lambda: failure_in_stream("gremlins"),
        'The server reported an error instead of the answer, or in the middle of it. The server said: "gremlins". '
        "Look into the log of the server; if the plugin is at fault, please report this message.",
    ),
    "cut short": (
        lambda: build.cut_short(1203, "m"),
        'The answer of the model "m" broke off after 1,203 lines, before the server said that it is done. Most often the model crashed, '
        "the server was restarted, or a proxy closed the connection: look into the server's log.",
    ),
    "garbled line": (
        lambda: build.garbled_line(3, 12345),
        "Line 3 of the reply (12,345 bytes) is not the JSON object that Ollama sends. "
        "The connection broke in the middle of a line, or a proxy changed the reply: try again. If it is line 1 each time, "
        "check that the base URL leads to an Ollama server.",
    ),
    "line too long": (
        lambda: build.line_too_long(2, 16777217),
        "Line 2 of the reply was not complete after 16,777,217 bytes, which is more than a reply line may have. "
        "The other side is probably not Ollama, or a tool call ran wild: check the base URL, and set max tokens.",
    ),
    "answer too large": (
        lambda: build.answer_too_large(67108865, 64 * MIB, "m"),
        'The answer of the model "m" was ended after 67,108,865 bytes, which is more than the limit of 64 MiB. '
        "The model most likely does not find an end by itself: set max tokens (num_predict), or a stop sequence. "
        'If it shall write that much, raise "Size limit of an answer" (max_answer_size) in the model\'s connection settings.',
    ),
    "calls too large": (
        lambda: build.calls_too_large(5000000, "m"),
        'The tool calls of the model "m" have 5,000,000 bytes or more, and Dify takes 4 MiB at once. '
        "Set max tokens (num_predict), or let the tool take less at once.",
    ),
    "only loaded": (
        lambda: build.only_loaded("m"),
        'The server only loaded the model "m" and wrote nothing, because the request held nothing to answer. '
        "Send at least one user message that is not empty.",
    ),
    "thinking spent everything": (
        lambda: build.thinking_spent_everything("m"),
        'The model "m" used all of its tokens for thinking and had none left for the answer. '
        "Raise max tokens (num_predict) or the context size, or lower the thinking level or switch thinking off.",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_message_is_exactly(name: str) -> None:
    make, expected = MESSAGES[name]
    assert str(make()) == expected


@pytest.mark.parametrize(("lines", "where"), [(0, "before its first line"), (1, "after 1 line,"), (2, "after 2 lines,")])
def test_cut_short_counts_lines(lines: int, where: str) -> None:
    assert f"the model broke off {where}" in str(build.cut_short(lines))


STREAM_FAULTS = {
    "answer_too_large": (build.answer_too_large(2, 1), Family.UNAVAILABLE),
    "calls_too_large": (build.calls_too_large(1), Family.BAD_REQUEST),
    "cut_short": (build.cut_short(1), Family.UNAVAILABLE),
    "garbled_line": (build.garbled_line(1, 1), Family.UNAVAILABLE),
    "line_too_long": (build.line_too_long(1, 1), Family.UNAVAILABLE),
    "only_loaded": (build.only_loaded(), Family.BAD_REQUEST),
    "thinking_spent_everything": (build.thinking_spent_everything(), Family.BAD_REQUEST),
}


@pytest.mark.parametrize("code", STREAM_FAULTS)
def test_stream_fault_has_its_code_and_family_and_no_retry(code: str) -> None:
    error, family = STREAM_FAULTS[code]
    assert (error.code, error.family, is_retryable(error)) == (code, family, False)


@pytest.mark.parametrize(
    "wrap", [lambda text: text, lambda text: {"error": text}, lambda text: {"error": {"message": text}}], ids=["value", "line", "object"]
)
def test_error_in_a_stream_may_be_value_line_or_object(wrap: Callable[[str], object]) -> None:
    assert failure_in_stream(wrap("an error was encountered while running the model: unexpected EOF")).code == "runner_crashed"


@pytest.mark.parametrize("value", [None, 7, True, [], {}, ""], ids=repr)
def test_error_in_a_stream_without_words_is_unknown(value: object) -> None:
    assert failure_in_stream(value).code == "unknown"


def test_status_inside_the_body_counts_when_the_reply_began_well() -> None:
    assert failure_in_stream({"StatusCode": 503, "error": "come back later"}).code == "unavailable"
    assert failure_from_reply(500, b'{"StatusCode":503,"error":"come back later"}').code == "unknown"


def test_route_is_shown_as_a_path_without_query_and_credentials() -> None:
    error = failure_from_reply(404, b"404 page not found", route="http://user:pass@host:1/ollama/api/chat?key=secret")
    assert "it has no /ollama/api/chat." in str(error)


def test_content_type_may_come_from_the_headers() -> None:
    assert failure_from_reply(404, b"<p>lost", headers={"Content-Type": "text/html"}).code == "not_ollama"


def test_unknown_proxy_header_is_not_quoted() -> None:
    message = str(failure_from_reply(502, b"", headers={"Server": "hunter2-appliance"}))
    assert "hunter2" not in message
    assert "A proxy or gateway answered" in message


# --- properties ------------------------------------------------------------------------------------------------------------------

ROUTES = st.sampled_from(["/api/chat", "/api/embed", "/api/generate", "/v1/rerank", "/rerank", "/", ""])
STATUSES = st.sampled_from([0, 200, 301, 400, 401, 402, 403, 404, 405, 407, 410, 413, 422, 429, 499, 500, 501, 502, 503, 504, 524, 999])
SURROUNDINGS = st.text(max_size=40) | st.sampled_from(
    [
        "model '",
        "' not found",
        'option "',
        "error parsing tool call: raw='",
        "Jinja Exception: ",
        "architecture: '",
        "https://x/",
        '{"a": "',
        "Bearer ",
        "key=",
    ]
)
# the ending keeps a generated secret from being a word that messages contain anyway
TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~+/-", min_size=12, max_size=60).map(
    lambda text: f"{text}7Q"
)
PASSWORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789!$%&/()=?:#+*", min_size=10, max_size=30).map(lambda text: f"{text}7Q")
BLOBS = st.binary(min_size=24, max_size=200).map(lambda data: base64.b64encode(data).decode())


@st.composite
def planted(draw: st.DrawFn) -> tuple[str, str]:
    """A secret, and what a careless server would write around it."""
    kind = draw(st.sampled_from(["bearer", "url", "blob"]))
    if kind == "bearer":
        token = draw(TOKENS)
        return token, f"{draw(st.sampled_from(['Bearer', 'bearer', 'Authorization: Bearer']))} {token}"
    if kind == "url":
        password = draw(PASSWORDS)
        return password, f"https://someone:{password}@10.0.0.8:11434/api/chat"
    blob = draw(BLOBS)
    return blob, blob


WRAPPINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode("utf-8", "replace"),
    "ollama": lambda text: orjson.dumps({"error": text}),
    "double": lambda text: orjson.dumps({"error": orjson.dumps({"error": {"message": text, "type": text}}).decode()}),
    "fastapi": lambda text: orjson.dumps({"detail": [{"loc": [text], "msg": text, "input": text}]}),
    "page": lambda text: f"<html><title>{text}</title><h1>nginx</h1>".encode("utf-8", "replace"),
    "cut": lambda text: orjson.dumps({"error": text})[:-2],
    "go map": lambda text: orjson.dumps({"error": f"llama-server chat error: map[code:500 message:{text} type:x]"}),
}


@STEADY
@given(
    status=STATUSES, route=ROUTES, before=SURROUNDINGS, secret=planted(), after=SURROUNDINGS, wrapping=st.sampled_from(sorted(WRAPPINGS))
)
def test_planted_secret_is_never_shown(status: int, route: str, before: str, secret: tuple[str, str], after: str, wrapping: str) -> None:
    hidden, written = secret
    assume(hidden not in before + after)
    text = f"{before}{written} {after}"
    body = WRAPPINGS[wrapping](text)
    assert hidden not in str(failure_from_reply(status, body, route=route, headers={"Server": written}))
    assert hidden not in str(failure_in_stream(text, route=route))


@STEADY
@given(
    status=st.integers(),
    body=st.binary(max_size=300),
    route=st.text(max_size=30),
    model=st.text(max_size=30),
    content_type=st.text(max_size=20),
)
def test_any_reply_gives_a_bounded_encodable_error(status: int, body: bytes, route: str, model: str, content_type: str) -> None:
    error = failure_from_reply(status, body, content_type=content_type, model=model, route=route)
    assert isinstance(error, ServerError)
    assert 20 < len(str(error).encode()) < 3000
    assert "\n" not in str(error)


MUTABLE = [exchange.body for exchange in recordings.every(lambda exchange: exchange.status >= 400 and len(exchange.body) > 4)]


@STEADY
@given(body=st.sampled_from(MUTABLE), at=st.integers(0, 200), cut=st.integers(1, 40), status=STATUSES)
def test_damaged_recording_gives_an_error(body: bytes, at: int, cut: int, status: int) -> None:
    assert failure_from_reply(status, body[:at] + body[at + cut :]).code


LOADS: dict[str, tuple[int, str, bool]] = {
    "a full queue": (503, "server busy, please try again.  maximum pending requests exceeded", True),
    "llama-server": (503, "Loading model", True),
    "Xinference": (503, "Model is still loading, try again later", True),
    "the cloud": (503, "Server overloaded, please retry shortly (ref: 1)", False),
    "no slot": (429, "timed out waiting for a concurrent request slot", False),
    "a load that failed": (500, "error loading model: no such file", False),
    "a proxy": (502, "", False),
}


@pytest.mark.parametrize(("status", "text", "loads"), LOADS.values(), ids=LOADS)
def test_a_server_that_loads_is_worth_more_patience(status: int, text: str, loads: bool) -> None:
    error = failure_from_reply(status, orjson.dumps({"error": text}) if text else b"")
    assert is_loading(error) is loads
    assert is_retryable(error) or not loads

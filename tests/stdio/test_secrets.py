"""Nothing secret leaves the plugin towards Dify, whose daemon logs whatever an error carries: keys, passwords in addresses, prompts, tool
arguments, pictures.
"""

import base64
import json
from collections.abc import Iterator

import attrs
import pytest

from fixtures.recordings import Exchange, every, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon.requests import (
    LLM,
    RERANK,
    TEXT_EMBEDDING,
    assistant_message,
    get_ai_model_schemas,
    invoke_llm,
    invoke_rerank,
    invoke_text_embedding,
    system_message,
    tool,
    tool_message,
    user_message,
    validate_model_credentials,
)
from plugin_entry.dify import frames
from plugin_entry.dify.errors import CLASSES
from tests.stdio.daemon import Daemon, Reply
from tests.stdio.daemon_requests import Data
from tests.stdio.processes import beating_plugin

WORD = "PLANTED"
KEY = f"sk-{WORD}-KEY-0123456789abcdef"
PICTURE = base64.b64encode(f"no picture but {WORD}".encode()).decode()
MESSAGES = [system_message(f"{WORD}-SYSTEM"), user_message(f"{WORD}-PROMPT")]
TOOL = tool("lookup", f"{WORD}-DESCRIPTION", {"type": "object", "properties": {f"{WORD}-property": {"type": "string"}}})
READABLE = {kind.__name__ for kind in CLASSES.values()} | {"CredentialsValidateFailedError"}
"""The classes whose text Dify shows; another one would mean that the request failed before the place it was made for."""
NOWHERE = f"http://user:{WORD}-PASSWORD@127.0.0.1:9"

ADDRESSES = {
    "nobody there": NOWHERE,
    "name that cannot be": f"http://user:{WORD}-PASSWORD@{'a' * 64}.invalid:11434",
    "unknown scheme": f"htp://user:{WORD}-PASSWORD@host",
    "blank in the name": f"http://user:{WORD}-PASSWORD@ho st:11434",
    "open bracket": f"http://user:{WORD}-PASSWORD@[::1",
    "port too large": f"http://user:{WORD}-PASSWORD@127.0.0.1:99999",
    "port no number": f"http://user:{WORD}-PASSWORD@127.0.0.1:{WORD}",
    "secret as query": f"http://127.0.0.1:9/?token={WORD}",
    "key in front of it": f"http://user:{WORD}-PASSWORD@127.0.0.1:9 {KEY}",
}
CALL = {"id": "c1", "type": "function", "function": {"name": "lookup", "arguments": f'{{"q": "{WORD}-ARGUMENT'}}
IMAGE = {
    "type": "image",
    "data": "",
    "base64_data": PICTURE,
    "format": "png",
    "mime_type": "image/png",
    "detail": "low",
    "filename": "a.png",
}
CONVERSATIONS = {
    "unreadable arguments": [*MESSAGES, assistant_message(f"{WORD}-TEXT", [CALL]), tool_message(f"{WORD}-RESULT", "c1")],
    "result of no call": [*MESSAGES, tool_message(f"{WORD}-RESULT", "nowhere")],
    "broken picture": [*MESSAGES, user_message([IMAGE, {"type": "text", "data": f"{WORD}-PROMPT"}])],
    "picture at an address": [*MESSAGES, user_message([{**IMAGE, "base64_data": "", "url": f"http://user:{WORD}@127.0.0.1:9/a.png"}])],
    "document": [*MESSAGES, user_message([{**IMAGE, "type": "document", "mime_type": "application/pdf", "format": "pdf"}])],
}
PARAMETERS = {
    "broken schema": {"json_schema": f'{{"{WORD}": '},
    "schema of a wrong kind": {"json_schema": f'["{WORD}"]'},
    "keep alive": {"keep_alive": f"{WORD} minutes"},
    "stop": {"stop": f"{WORD}"},
    "text for a number": {"temperature": f"{WORD}"},
    "number out of range": {"num_ctx": -5},
}
ECHO = load("0.24.0", "error-option-type")


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    words = {"error": f"upstream said no to Authorization: Bearer {KEY} at http://user:{WORD}-PASSWORD@10.0.0.1:80/x"}
    echo = attrs.evolve(ECHO, scenario="echo", chunks=((0.0, json.dumps(words).encode()),))
    with ThreadedReplayServer((*every(), echo)) as running:
        yield running


PLUGIN = beating_plugin({frames.LEVEL: "DEBUG"})


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """The log shows all there is to show."""
    with PLUGIN as plugin:
        yield Daemon(plugin)
        assert any('"request":"answer"' in line["message"] and line["level"] == "DEBUG" for line in plugin.logs)
        assert WORD not in plugin.stderr
        assert WORD not in json.dumps(plugin.logs)
        assert (plugin.stray, plugin.complaints) == ((), ())


def saved(url: str) -> dict[str, str]:
    return {"base_url": url, "api_key": KEY, "extra_headers": f"X-Token: {WORD}-HEADER"}


def with_password(url: str) -> str:
    return url.replace("://", f"://user:{WORD}-PASSWORD@")


def ask(url: str, *, parameters: Data | None = None, stream: bool = True) -> Data:
    return invoke_llm("m", saved(url), MESSAGES, parameters=parameters, stream=stream)


def assert_silent(reply: Reply) -> None:
    """The whole frame counts: the SDK adds the traceback of the exception and of all its causes."""
    assert reply.error is not None
    assert reply.error_type in READABLE
    assert WORD not in json.dumps(reply.error)
    assert PICTURE not in json.dumps(reply.error)
    assert len(reply.message) > 20


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_address(daemon: Daemon, address: str) -> None:
    requests = [
        ask(address),
        ask(address, stream=False),
        validate_model_credentials(LLM, "m", saved(address)),
        validate_model_credentials(TEXT_EMBEDDING, "m", saved(address)),
        validate_model_credentials(RERANK, "m", saved(address)),
        invoke_text_embedding("m", saved(address), [f"{WORD}-TEXT"]),
        invoke_rerank("m", saved(address), f"{WORD}-QUERY", [f"{WORD}-DOCUMENT"]),
    ]
    for session in [daemon.send(request) for request in requests]:
        assert_silent(daemon.reply(session))
    schema = daemon.invoke(get_ai_model_schemas(LLM, "m", saved(address)))
    assert WORD not in json.dumps(schema.payloads) + json.dumps(schema.error)


@pytest.mark.parametrize("key", [f"{WORD}\nKEY", f"{WORD} ключ", f"{WORD}\x00"], ids=["line break", "other letters", "control character"])
def test_key_that_no_header_can_hold(daemon: Daemon, key: str) -> None:
    for request in (
        invoke_llm("m", {"base_url": NOWHERE, "api_key": key}, MESSAGES),
        validate_model_credentials(LLM, "m", {"base_url": NOWHERE, "api_key": key}),
    ):
        assert_silent(daemon.invoke(request))


@pytest.mark.parametrize("conversation", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_conversation_that_cannot_be_sent(server: ThreadedReplayServer, daemon: Daemon, conversation: list[Data]) -> None:
    url = with_password(server.url_of("0.24.0/error-unknown-model"))
    credentials = {**saved(url), "function_call_support": "true", "vision_support": "true"}
    assert_silent(daemon.invoke(invoke_llm("m", credentials, conversation, tools=[TOOL])))


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS.keys())
def test_parameter_that_cannot_be_sent(server: ThreadedReplayServer, daemon: Daemon, parameters: Data) -> None:
    assert_silent(daemon.invoke(ask(with_password(server.url_of("0.24.0/error-unknown-model")), parameters=parameters)))


def refusals() -> list[Exchange]:
    return [exchange for exchange in every() if exchange.path in {"/api/chat", "/api/embed"} and exchange.status >= 400]


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "blocking"])
def test_every_recorded_refusal(server: ThreadedReplayServer, daemon: Daemon, stream: bool) -> None:
    sessions = {
        exchange.address: daemon.send(ask(with_password(server.url_of(exchange.address)), stream=stream))
        if exchange.path == "/api/chat"
        else daemon.send(invoke_text_embedding("m", saved(with_password(server.url_of(exchange.address))), [f"{WORD}-TEXT"]))
        for exchange in refusals()
    }
    assert len(sessions) > 80
    for session in sessions.values():
        assert_silent(daemon.reply(session))


def test_secrets_in_the_words_of_the_server(server: ThreadedReplayServer, daemon: Daemon) -> None:
    assert_silent(daemon.invoke(ask(server.url_of("0.24.0/echo"))))


@pytest.mark.parametrize("scenario", ["server-killed-midway", "runner-killed-midway", "coder-malformed-call"])
def test_failure_midway(server: ThreadedReplayServer, daemon: Daemon, scenario: str) -> None:
    assert_silent(daemon.invoke(ask(with_password(server.url_of(f"0.24.0/{scenario}")))))


def test_the_secrets_did_reach_the_server(server: ThreadedReplayServer, daemon: Daemon) -> None:
    """Otherwise the tests above would prove nothing."""
    daemon.invoke(ask(server.url_of("0.24.0/error-unknown-model")))
    sent = server.requests[-1]
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.headers["X-Token"] == f"{WORD}-HEADER"
    assert f"{WORD}-PROMPT" in sent.raw_body.decode()

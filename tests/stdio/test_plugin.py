"""The plugin as Dify's daemon runs it: a process that reads requests on its standard input and writes frames on its standard output."""

from collections.abc import Iterator

import attrs
import pytest

from fixtures.recordings import Exchange, every, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon.requests import assistant_message, invoke_llm, tool, tool_message, user_message
from tests.stdio.daemon import Daemon, Reply
from tests.stdio.daemon_requests import Data
from tests.stdio.plugin_with_constants import plugin_with
from tests.stdio.processes import beating_plugin
from tests.stdio.recorded_replies import model_of, replies
from tests.stdio.whole_answers import calls_of, check_order, recorded_answer, text_of, whole_answer
from tests.translator.stream_player import answers, label

PLUGIN = beating_plugin(command=plugin_with(network__budget__FIRST_WAIT_S=0.01, network__budget__FIRST_WAIT_LOADING_S=0.05))
ASK = [user_message("Why is the sky blue?")]
WEATHER = tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as running:
        yield running


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """One plugin for the whole module: what one test does must not harm the next. It asks a busy server again sooner than usual."""
    with PLUGIN as plugin:
        yield Daemon(plugin)
        plugin.wait_for_heartbeat()
        assert plugin.stray == ()
        assert plugin.complaints == ()


def chat(server: ThreadedReplayServer, address: str, *, stream: bool = True) -> Data:
    """A request that the recording of this address answers, with a tool if the recorded request had some."""
    exchange = load(*address.split("/"))
    tools = [WEATHER] if "tools" in exchange.request_body else []
    return invoke_llm(model_of(exchange), {"base_url": server.url_of(address)}, ASK, tools=tools, stream=stream)


def texts(reply: Reply) -> list[str]:
    return [text_of(chunk) for chunk in reply.payloads]


def test_plain(server: ThreadedReplayServer, daemon: Daemon) -> None:
    told = whole_answer(daemon.invoke(chat(server, "0.24.0/chat-plain")))
    assert told.text.startswith("The sky is blue because air scatters short wavelengths more.")
    assert (told.finish_reason, told.usage, told.error_type) == ("stop", (3, 20), "")


def test_thinking_stands_between_tags_of_their_own(server: ThreadedReplayServer, daemon: Daemon) -> None:
    pieces = texts(daemon.invoke(chat(server, "0.24.0/think-true")))
    close = pieces.index("\n</think>")
    assert pieces[0] == "<think>\n"
    assert "".join(pieces[1:close]).startswith("The user asks about sky.")
    assert "".join(pieces[close + 1 :])


def test_parallel_calls_come_in_one_chunk(server: ThreadedReplayServer, daemon: Daemon) -> None:
    reply = daemon.invoke(chat(server, "0.24.0/tool-two"))
    check_order(reply.payloads, failed=False)
    (calls,) = [calls_of(chunk) for chunk in reply.payloads if calls_of(chunk)]
    assert [call["function"] for call in calls] == [
        {"name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"name": "get_weather", "arguments": '{"city":"Oslo"}'},
    ]
    assert reply.payloads[-1]["delta"]["finish_reason"] == "tool_calls"


def test_text_around_calls_is_not_lost(server: ThreadedReplayServer, daemon: Daemon) -> None:
    reply = daemon.invoke(chat(server, "0.24.0/tool-after-text"))
    check_order(reply.payloads, failed=False)
    told = whole_answer(reply)
    assert told.text
    assert [name for name, _ in told.calls] == ["get_weather"]


def test_results_go_back_with_names_and_ids(server: ThreadedReplayServer, daemon: Daemon) -> None:
    first = daemon.invoke(chat(server, "0.24.0/tool-two"))
    calls = [call for chunk in first.payloads for call in calls_of(chunk)]
    results = [
        tool_message(f"{call['function']['arguments']}: sun", call["id"], name)
        for call, name in zip(calls, ("get_weather", None), strict=True)
    ]
    messages = [*ASK, assistant_message(whole_answer(first).text, calls), *reversed(results)]
    credentials = {"base_url": server.url_of("0.24.0/tool-result-turn")}
    second = daemon.invoke(invoke_llm("tool-unused", credentials, messages, tools=[WEATHER]))
    assert whole_answer(second).finish_reason == "stop"
    sent = server.requests[-1].body["messages"]
    assert [call["function"] for call in sent[1]["tool_calls"]] == [
        {"name": "get_weather", "arguments": {"city": "Paris"}},
        {"name": "get_weather", "arguments": {"city": "Oslo"}},
    ]
    assert [(message["tool_name"], message["tool_call_id"]) for message in sent[2:]] == [("get_weather", call["id"]) for call in calls]


@pytest.mark.parametrize("address", ["0.24.0/chat-plain", "0.24.0/think-true", "0.24.0/think-then-tool", "0.33.0-rc2/tool-two"])
def test_blocking_is_one_chunk_with_everything(server: ThreadedReplayServer, daemon: Daemon, address: str) -> None:
    streamed = daemon.invoke(chat(server, address))
    blocking = daemon.invoke(chat(server, address, stream=False))
    chunk = blocking.only
    # the SDK's answer to a call that does not stream has no place for a finish reason
    assert attrs.evolve(whole_answer(streamed), finish_reason=None) == whole_answer(blocking)
    assert chunk["delta"]["usage"]["latency"] > 0
    assert len({call["id"] for call in calls_of(chunk)}) == len(calls_of(chunk))


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "blocking"])
@pytest.mark.parametrize(
    ("address", "error_type", "phrase"),
    [
        ("0.33.0-rc2/template-crash-midway", "InvokeServerUnavailableError", "crashed"),
        ("0.24.0/server-killed-midway", "InvokeServerUnavailableError", "ended in the middle of the answer"),
        ("0.24.0/runner-killed-midway", "InvokeServerUnavailableError", "crashed"),
        ("0.33.0-rc2/template-error-midway", "InvokeServerUnavailableError", "broke off after 3 lines"),
        ("0.33.0-rc2/cloud-proxy-errline", "InvokeServerUnavailableError", "ollama.com"),
        ("0.24.0/coder-malformed-call", "InvokeServerUnavailableError", "better with tools"),
    ],
    ids=["crash", "cut connection", "runner gone", "silent loss", "error line", "unreadable call"],
)
def test_failure_midway(server: ThreadedReplayServer, daemon: Daemon, address: str, error_type: str, phrase: str, stream: bool) -> None:
    reply = daemon.invoke(chat(server, address, stream=stream))
    told = whole_answer(reply)
    assert (told.error_type, told.finish_reason, told.usage, told.calls) == (error_type, None, None, ())
    assert bool(told.text) == stream, "what came before the failure is delivered, but half an answer is none"
    assert phrase in told.message
    assert_readable(told.message)


def assert_readable(message: str) -> None:
    """Sentences for a person: one line, no trace of code."""
    assert message.endswith(".")
    assert [sign for sign in ("\n", "Traceback", "Error(", "<class", "{") if sign in message] == []


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "blocking"])
@pytest.mark.parametrize(
    ("address", "error_type", "phrase"),
    [
        ("0.24.0/error-unknown-model", "InvokeBadRequestError", "nope"),
        ("0.33.0-rc2/cloud-proxy-unauth", "InvokeAuthorizationError", "key"),
        ("0.33.0-rc2/cloud-proxy-limit", "InvokeRateLimitError", "allowance"),
        ("0.33.0-rc2/error-queue-full", "InvokeServerUnavailableError", "busy"),
        ("0.24.0/error-wrong-method", "InvokeBadRequestError", "/api/chat"),
    ],
    ids=["no such model", "key", "limit", "queue", "no route"],
)
def test_refusal_before_the_stream(
    server: ThreadedReplayServer, daemon: Daemon, address: str, error_type: str, phrase: str, stream: bool
) -> None:
    url = server.url_of(address)
    reply = daemon.invoke(invoke_llm("nope", {"base_url": url, "first_byte_timeout": "2"}, ASK, stream=stream))
    assert reply.payloads == ()
    assert reply.error_type == error_type
    assert phrase in reply.message
    assert_readable(reply.message)


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "blocking"])
def test_nobody_there(daemon: Daemon, stream: bool) -> None:
    reply = daemon.invoke(invoke_llm("m", {"base_url": "http://127.0.0.1:9"}, ASK, stream=stream))
    assert (reply.payloads, reply.error_type) == ((), "InvokeConnectionError")
    assert "http://127.0.0.1:9" in reply.message
    assert_readable(reply.message)


def test_repeating_model_ends_as_if_it_had_stopped(server: ThreadedReplayServer, daemon: Daemon) -> None:
    reply = daemon.invoke(chat(server, "0.24.0/chat-repeat-abort"))
    told = whole_answer(reply)
    assert (told.finish_reason, told.error_type) == ("stop", "")
    assert told.usage is not None
    assert min(told.usage) > 0


@pytest.mark.parametrize("exchange", answers(), ids=label)
def test_every_recorded_answer_comes_out_as_it_is_read(exchange: Exchange) -> None:
    reply = replies()[exchange.address]
    expected = recorded_answer(exchange, model_of(exchange))
    told = whole_answer(reply).without_estimates(expected)
    if not exchange.complete:
        assert "ended in the middle of the answer" in told.message
        told = attrs.evolve(told, message=expected.message)
    assert told == expected
    check_order(reply.payloads, failed=bool(told.error_type))

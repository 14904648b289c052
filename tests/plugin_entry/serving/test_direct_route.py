"""Both routes of a streamed answer, ours and the SDK's: the same frames, and the same errors for requests that are none."""

import sys
from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from fixtures.recordings import Exchange, every
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon.requests import invoke_llm, tool, user_message
from tests.stdio.ahead import plugin as plugin_ahead
from tests.stdio.daemon import Daemon, Reply
from tests.stdio.recorded_replies import model_of
from tests.stdio.told import told_by
from tests.translator.replaying import answers, label

SDK_ONLY = """
import dify_plugin
import runpy
from plugin_entry.serving import direct_route

direct_route.install = lambda: None
runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)
"""
NO_SDK = """
import dify_plugin
import runpy
from plugin_entry.serving import direct_route

def refuse(*_):
    raise RuntimeError("this took the SDK's route")

route = direct_route.routed
direct_route.routed = lambda execute: route(refuse)
runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)
"""
SDK_PLUGIN = plugin_ahead(__name__, command=(sys.executable, "-c", SDK_ONLY))
DIRECT_PLUGIN = plugin_ahead(__name__, command=(sys.executable, "-c", NO_SDK))
OWN_PLUGIN = plugin_ahead(__name__)

ASK = [user_message("Why is the sky blue?")]
WEATHER = tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})
NOWHERE = {"base_url": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as running:
        yield running


@pytest.fixture(scope="module")
def sdk() -> Iterator[Daemon]:
    with SDK_PLUGIN.taken() as plugin:
        yield Daemon(plugin)


@pytest.fixture(scope="module")
def direct() -> Iterator[Daemon]:
    """A plugin in which the SDK's route is a dead end."""
    with DIRECT_PLUGIN.taken() as plugin:
        yield Daemon(plugin)


@pytest.fixture(scope="module")
def own() -> Iterator[Daemon]:
    """The plugin as it is."""
    with OWN_PLUGIN.taken() as plugin:
        yield Daemon(plugin)


@pytest.mark.parametrize("exchange", answers()[::6], ids=label)
def test_an_answer(server: ThreadedReplayServer, sdk: Daemon, direct: Daemon, exchange: Exchange) -> None:
    mode = "completion" if exchange.path == "/api/generate" else "chat"
    credentials = {"base_url": server.url_of(exchange.address), "mode": mode}
    data = invoke_llm(model_of(exchange), credentials, ASK)
    one, other = direct.invoke(data), sdk.invoke(data)
    assert told_by(one) == told_by(other)
    assert _end_of(one) == _end_of(other)


def _end_of(reply: Reply) -> list[dict[str, Any]]:
    """The final chunk as it is, but for what differs from run to run."""
    finals = [chunk for chunk in reply.payloads if chunk["delta"]["usage"] is not None]
    return [chunk | {"delta": chunk["delta"] | {"index": 0, "usage": chunk["delta"]["usage"] | {"latency": 0}}} for chunk in finals]


def test_tools_stop_and_parameters(server: ThreadedReplayServer, sdk: Daemon, direct: Daemon) -> None:
    credentials = {"base_url": server.url_of("0.24.0/tool-two")}
    sent = []
    for daemon in (direct, sdk):
        before = len(server.requests)
        data = invoke_llm("tool-two", credentials, ASK, parameters={"temperature": 0.5, "num_predict": 9}, tools=[WEATHER], stop=["END"])
        told = told_by(daemon.invoke(data))
        assert [name for name, _ in told.calls] == ["get_weather", "get_weather"]
        sent += [request.body for request in server.requests[before:] if request.path == "/api/chat"]
    assert sent[0] == sent[1]
    assert sent[0]["options"]["stop"] == ["END"]


REFUSED: dict[str, dict[str, Any]] = {
    "nobody there": {},
    "parameter out of range": {"model_parameters": {"temperature": -5}},
    "parameter of another type": {"model_parameters": {"top_k": "many"}},
    "no base URL": {"credentials": {}},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
def test_a_refusal(sdk: Daemon, direct: Daemon, changes: dict[str, Any]) -> None:
    data = invoke_llm("m", NOWHERE, ASK) | changes
    one, other = direct.invoke(data), sdk.invoke(data)
    assert one.error_type
    assert (told_by(one), one.payloads) == (told_by(other), ())


MALFORMED: dict[str, dict[str, Any]] = {
    "no text": {"prompt_messages": [{"role": "user", "content": 1}]},
    "no messages": {"prompt_messages": None},
    "tools": {"tools": [{"name": "f"}]},
    "stop": {"stop": [1]},
    "parameters": {"model_parameters": None},
    "provider": {"provider": "another"},
    "kind": {"model_type": "poem"},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_request(sdk: Daemon, own: Daemon, changes: dict[str, Any]) -> None:
    """Sent past the daemon's double, which would refuse most of these."""
    data = invoke_llm("m", NOWHERE, ASK) | changes
    errors = []
    for daemon in (own, sdk):
        frames = list(daemon.plugin.frames(daemon.plugin.send(data), 20))
        assert [frame.kind for frame in frames] == ["error", "end"]
        errors.append((frames[0].data["error_type"], frames[0].data["message"]))
    assert errors[0] == errors[1]


def test_the_sdks_code_block_mode_is_left_to_it(server: ThreadedReplayServer, sdk: Daemon, own: Daemon) -> None:
    data = invoke_llm("chat-plain", {"base_url": server.url_of("0.24.0/chat-plain")}, ASK, parameters={"response_format": "JSON"})
    told = [attrs.evolve(told_by(daemon.invoke(data)), usage=None) for daemon in (own, sdk)]
    assert told[0] == told[1]

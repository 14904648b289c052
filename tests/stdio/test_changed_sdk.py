"""An SDK that has changed: a patch that does not fit any more is left out with one warning, and the answers are the same."""

from collections.abc import Iterator
from typing import Any

import pytest
from dify_plugin.config.config import InstallMethod

from fixtures.recordings import every
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon.requests import (
    LLM,
    get_ai_model_schemas,
    get_llm_num_tokens,
    invoke_llm,
    invoke_text_embedding,
    tool,
    user_message,
)
from plugin_entry.dify.sdk_patches import PATCHES
from tests.stdio.changed_sdk import changed
from tests.stdio.daemon import Daemon
from tests.stdio.processes import beating_plugin
from tests.stdio.whole_answers import whole_answer

pytestmark = pytest.mark.usefixtures("_plugin_rests")

LOCAL = [name for name, patch in PATCHES.items() if InstallMethod.Local in patch.modes]
LEFT_OUT: dict[str, tuple[str, ...]] = {name: (name,) for name in LOCAL} | {"all of them": tuple(LOCAL)}
ENVIRONMENT = {"HEARTBEAT_INTERVAL": "0.1"}
PLUGINS = {name: beating_plugin(environment=ENVIRONMENT, command=changed(*names)) for name, names in LEFT_OUT.items()}
USUAL = beating_plugin()

ASK = [user_message("Why is the sky blue?")]
WEATHER = tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}})


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as running:
        yield running


def questions(server: ThreadedReplayServer) -> Iterator[dict[str, Any]]:
    """Text, thinking, calls, an answer in one piece, errors of three origins, vectors, a schema, and a number."""

    def at(address: str) -> dict[str, Any]:
        return {"base_url": server.url_of(f"0.24.0/{address}")}

    yield invoke_llm("chat", at("chat-plain"), ASK)
    yield invoke_llm("think", at("think-true"), ASK, parameters={"think": "on"})
    yield invoke_llm("tool-two", at("tool-two"), ASK, tools=[WEATHER])
    yield invoke_llm("chat", at("chat-plain"), ASK, stream=False)
    yield invoke_llm("native-crash", at("runner-killed-midway"), ASK)
    yield invoke_llm("chat", {"base_url": "http://127.0.0.1:9"}, ASK)
    yield invoke_llm("chat", at("chat-plain"), ASK, parameters={"temperature": -5})
    yield invoke_text_embedding("embed", at("embed-batch"), ["the cat", "a dog in the sea", "blue sky", "run fast"])
    yield get_ai_model_schemas(LLM, "chat", at("show-chat"))
    yield get_llm_num_tokens("chat", at("chat-plain"), ASK * 2000)


def answers(daemon: Daemon, server: ThreadedReplayServer) -> list[object]:
    found: list[object] = []
    for question in questions(server):
        reply = daemon.invoke(question)
        if question["action"] == "invoke_llm":
            found.append((whole_answer(reply), reply.error_type, reply.message))
        elif question["action"] == "invoke_text_embedding":
            found.append(reply.only["embeddings"])
        else:
            found.append(reply.payloads)
    return found


@pytest.fixture(scope="module")
def usual(server: ThreadedReplayServer) -> Iterator[list[object]]:
    with USUAL as plugin:
        found = answers(Daemon(plugin), server)
        assert "differs from" not in str(plugin.logs)
        yield found


@pytest.mark.parametrize("name", LEFT_OUT)
def test_without_a_patch_the_answers_are_the_same(name: str, server: ThreadedReplayServer, usual: list[object]) -> None:
    with PLUGINS[name] as plugin:
        assert answers(Daemon(plugin), server) == usual
        plugin.wait_for_heartbeat()
        warnings = [line for line in map(str, plugin.logs) if "differs from" in line]
    for each in LEFT_OUT[name]:
        assert sum(f'"{each}"' in line.replace("\\", "") for line in warnings) == 1
    assert name != "all of them" or len(warnings) == len(LOCAL)

"""The plugin in remote debugging: it connects, introduces itself as Dify's daemon demands, and answers."""

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from fixtures.recordings import every
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon.requests import LLM, get_ai_model_schemas, invoke_llm, invoke_text_embedding, user_message
from tests.plugin_entry.cli.packaging.plugin_files import ROOT
from tests.stdio.daemon import Reply
from tests.stdio.daemon_replies import ERROR, REPLIES, check
from tests.stdio.debugging_host import DebuggingHost, Declared, RefusedPlugin, validate
from tests.stdio.networked_plugin import NetworkedPlugin, networked_plugin
from tests.stdio.whole_answers import whole_answer

KEY, SECRET, PROMPT = "debugging-key", "sk-very-secret", "Why is the sky blue?"
ASK = [user_message(PROMPT)]


@attrs.frozen
class Debugging:
    """A plugin that is connected."""

    host: DebuggingHost
    declared: Declared
    plugin: NetworkedPlugin

    def invoke(self, data: dict[str, Any]) -> Reply:
        frames = list(self.host.invoke(data, "s1"))
        for frame in frames[:-1]:
            check(frame["data"], ERROR if frame["type"] == "error" else REPLIES[data["action"]])
        error = next((frame["data"] for frame in frames if frame["type"] == "error"), None)
        return Reply(payloads=tuple(frame["data"] for frame in frames if frame["type"] == "stream"), error=error)


def environment(host: DebuggingHost, key: str = KEY) -> Mapping[str, str]:
    return {"INSTALL_METHOD": "remote", "REMOTE_INSTALL_URL": host.address, "REMOTE_INSTALL_KEY": key, "HEARTBEAT_INTERVAL": "0.1"}


@pytest.fixture(scope="module")
def debugging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debugging]:
    output = tmp_path_factory.mktemp("debugging") / "output"
    with DebuggingHost(KEY) as host, networked_plugin(environment(host), output) as plugin:
        yield Debugging(host, host.accept(), plugin)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every(lambda exchange: exchange.version == "0.24.0")) as running:
        yield running


def test_it_declares_itself(debugging: Debugging) -> None:
    declared = debugging.declared
    assert (declared.manifest["name"], declared.manifest["meta"]["runner"]["entrypoint"]) == ("ollama", "plugin_entry.main")
    (provider,) = declared.models
    assert (provider["provider"], provider["supported_model_types"]) == ("ollama", ["llm", "text-embedding", "rerank"])
    assert declared.assets == {path.name: path.read_bytes() for path in (ROOT / "_assets").iterdir()}


def test_it_answers(debugging: Debugging, server: ThreadedReplayServer) -> None:
    told = whole_answer(debugging.invoke(invoke_llm("chat", {"base_url": server.url_of("0.24.0/chat-plain")}, ASK)))
    assert told.text.startswith("The sky is blue because air scatters short wavelengths more.")
    assert (told.finish_reason, told.usage, told.error_type) == ("stop", (3, 20), "")


def test_other_actions(debugging: Debugging, server: ThreadedReplayServer) -> None:
    saved = {"base_url": server.url}
    assert debugging.invoke(get_ai_model_schemas(LLM, "chat", saved)).only["model_schema"]["model"] == "chat"
    vectors = debugging.invoke(invoke_text_embedding("embedder", saved, ["the cat", "blue sky"])).only["embeddings"]
    assert [len(vector) for vector in vectors] == [32, 32]


def test_an_error_is_one(debugging: Debugging) -> None:
    reply = debugging.invoke(invoke_llm("chat", {"base_url": "not a url"}, ASK))
    assert reply.error_type == "InvokeBadRequestError"


def test_heartbeats_go_on(debugging: Debugging) -> None:
    before = debugging.host.heartbeats
    while debugging.host.heartbeats < before + 2:
        debugging.host.read()


def test_terminal_shows_nothing_of_what_is_in_requests(debugging: Debugging, server: ThreadedReplayServer) -> None:
    """The SDK formats a request for its log after it was handed on, so the next one has to be through."""
    saved = {"base_url": server.url_of("0.24.0/chat-plain"), "api_key": SECRET}
    for base_url in (saved["base_url"], saved["base_url"], "not a url"):
        debugging.invoke(invoke_llm("chat", {**saved, "base_url": base_url}, ASK))
    debugging.plugin.wait_until(lambda: "Installed model: ollama" in debugging.plugin.output)
    assert SECRET not in debugging.plugin.output
    assert PROMPT not in debugging.plugin.output


def test_wrong_key_is_refused(tmp_path: Path) -> None:
    """The plugin is told in a line; what it does then, trying again, is the SDK's."""
    with (
        DebuggingHost(KEY) as host,
        networked_plugin(environment(host, "another"), tmp_path / "output"),
        pytest.raises(RefusedPlugin, match="invalid key"),
    ):
        host.accept()


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (b'{"type":"end","data":{}}\n', "end after handshake"),
        (b'{"type":"handshake","data":{"key":"debugging-key"}}\n{"type":"end","data":{}}\n', "end after handshake"),
        (b'{"type":"handshake","data":{"key":"x"}}\n', "invalid key"),
    ],
    ids=["end first", "nothing declared", "wrong key"],
)
def test_the_host_refuses_what_the_daemon_refuses(lines: bytes, sentence: str) -> None:
    with DebuggingHost(KEY) as host:
        name, _, port = host.address.partition(":")
        with socket.create_connection((name, int(port))) as plugin:
            plugin.sendall(lines)
            with pytest.raises(RefusedPlugin, match=sentence):
                host.accept()


def test_the_host_validates_the_manifest(debugging: Debugging) -> None:
    declared = debugging.declared
    for broken in (
        attrs.evolve(declared, manifest={**declared.manifest, "author": "No Good"}),
        attrs.evolve(declared, models=[{**declared.models[0], "supported_model_types": ["chat"]}]),
        attrs.evolve(declared, assets={}),
    ):
        with pytest.raises(RefusedPlugin):
            validate(broken)

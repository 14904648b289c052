"""The plugin talks to the server it was given and to nobody else: no download of a tokenizer, no telemetry, no look-up of a name."""

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from fixtures.recordings import every, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import (
    LLM,
    RERANK,
    TEXT_EMBEDDING,
    get_ai_model_schemas,
    get_llm_num_tokens,
    get_text_embedding_num_tokens,
    invoke_llm,
    invoke_rerank,
    invoke_text_embedding,
    user_message,
    validate_model_credentials,
)
from tests.stdio.daemon import Daemon
from tests.stdio.daemon_requests import Data
from tests.stdio.plugin_without_network import is_local
from tests.stdio.processes import beating_plugin

TOKENIZERS = {"tiktoken", "transformers", "tokenizers", "sentencepiece", "huggingface_hub", "nltk", "torch"}
"""Libraries that count tokens by files they download, or bring such."""
NO_PROXY = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"), "")
ASK = [user_message("Why is the sky blue? " * 50)]
TEXTS = ["the cat", "a dog in the sea", "blue sky", "run fast"]


@attrs.frozen
class Guarded:
    """A plugin under guard and the guard's report."""

    daemon: Daemon
    report: Path

    def events(self) -> list[tuple[str, str]]:
        return [(event, what) for event, what in map(json.loads, self.report.read_text().splitlines())]

    def attempts(self) -> list[tuple[str, str]]:
        return [(event, what) for event, what in self.events() if event != "import"]

    def imported(self) -> set[str]:
        return {what.partition(".")[0] for event, what in self.events() if event == "import"}


FOLDER = tempfile.TemporaryDirectory(prefix="dify-ollama-guard-")


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    with FOLDER:
        yield


def guarded_plugin(name: str) -> tuple[PluginProcess, Path]:
    report = Path(FOLDER.name) / name
    return beating_plugin(NO_PROXY, (sys.executable, "-m", "tests.stdio.plugin_without_network", str(report))), report


PLUGINS = [guarded_plugin(name) for name in ("one", "two")]
"""Each test has one of its own."""


@pytest.fixture
def guarded() -> Iterator[Guarded]:
    plugin, report = PLUGINS.pop()
    with plugin as running:
        yield Guarded(Daemon(running), report)


def everything(server: ThreadedReplayServer) -> list[Data]:
    """At least one request of every kind."""
    saved, service = {"base_url": server.url_of("0.24.0")}, {"base_url": f"{server.url}/v1/rerank"}
    plain, thinking, completing = ({"base_url": server.url_of(f"0.24.0/{name}")} for name in ("chat-plain", "think-true", "generate-plain"))
    return [
        *(invoke_llm("chat", plain, ASK, stream=stream) for stream in (True, False)),
        invoke_llm("chat", {**completing, "mode": "completion"}, ASK),
        invoke_llm("think", thinking, ASK, parameters={"think": "on"}),
        get_llm_num_tokens("chat", saved, ASK),
        get_text_embedding_num_tokens("embedder", saved, TEXTS),
        invoke_text_embedding("embedder", saved, TEXTS),
        invoke_rerank("any-name", service, "What is the capital city of France?", ["Berlin", "Paris"]),
        *(get_ai_model_schemas(kind, "chat", saved) for kind in (LLM, TEXT_EMBEDDING, RERANK)),
        validate_model_credentials(LLM, "chat", saved),
        validate_model_credentials(TEXT_EMBEDDING, "embedder", saved),
        validate_model_credentials(RERANK, "any-name", service),
    ]


def test_nothing_but_the_given_server_is_reached(guarded: Guarded) -> None:
    with ThreadedReplayServer(every()) as server:
        server.serve("/v1/rerank", load("rerank", "llamacpp-empty-string-document"))
        for request in everything(server):
            reply = guarded.daemon.invoke(request)
            assert reply.error is None, (request["action"], reply.message)
    assert guarded.attempts() == []
    assert {"plugin_entry", "aiohttp"} <= guarded.imported(), "the report does see imports"
    assert TOKENIZERS & guarded.imported() == set()


def test_the_guard_sees_what_it_must(guarded: Guarded) -> None:
    """Otherwise an empty report would prove nothing."""
    for url in ("http://192.0.2.1:11434", "http://models.example:11434"):
        assert guarded.daemon.invoke(invoke_llm("m", {"base_url": url}, ASK)).error_type == "InvokeConnectionError"
    attempts = guarded.attempts()
    assert ("socket.connect", "('192.0.2.1', 11434)") in attempts
    assert any(event == "socket.getaddrinfo" and "models.example" in what for event, what in attempts)


@pytest.mark.parametrize(
    ("address", "local"),
    [
        (("127.0.0.1", 80), True),
        (("::1", 80, 0, 0), True),
        ("localhost", True),
        (b"127.8.8.8", True),
        (None, True),
        (("10.0.0.1", 80), False),
        (("0.0.0.0", 80), False),
        ("localhost.example", False),
        ("/var/run/socket", False),
        (b"models.example", False),
    ],
    ids=str,
)
def test_what_counts_as_this_machine(address: object, local: bool) -> None:
    assert is_local(address) is local

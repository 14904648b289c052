"""What Dify asks a plugin besides answers: token counts, schemas, checks of a form, vectors, scores. Through a real process."""

from collections.abc import Iterator

import pytest

from fixtures.recordings import every, load
from fixtures.replay import ThreadedReplayServer
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
    validate_provider_credentials,
)
from tests.stdio.daemon import Daemon
from tests.stdio.processes import beating_plugin

OFFICIAL = {
    "api_key": "",
    "mode": "chat",
    "context_size": "4096",
    "max_tokens": "2048",
    "vision_support": "false",
    "function_call_support": "true",
}
"""What the official plugin saved for a language model, from 0.0.1 to 1.0.0."""
NOWHERE = "http://127.0.0.1:9"
TEXTS = ["the cat", "a dog in the sea", "blue sky", "run fast"]
DOCUMENTS = ["Berlin is a city in Germany.", "Paris is the capital city of France.", "The panda likes cold food in the sun."]


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as running:
        yield running


PLUGIN = beating_plugin()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with PLUGIN as plugin:
        yield Daemon(plugin)
        assert (plugin.stray, plugin.complaints) == ((), ())


def test_tokens_are_counted_without_a_server(daemon: Daemon) -> None:
    short, long = (
        daemon.invoke(get_llm_num_tokens("m", {"base_url": NOWHERE}, [user_message("Why is the sky blue? " * times)])) for times in (1, 20)
    )
    assert 0 < short.only["num_tokens"] < long.only["num_tokens"]


def test_tokens_of_texts_are_as_many_as_the_texts(daemon: Daemon) -> None:
    counted = daemon.invoke(get_text_embedding_num_tokens("m", {"base_url": NOWHERE}, ["a", "", "one two three four"])).only
    assert counted["num_tokens"][1] == 0
    assert 0 < counted["num_tokens"][0] < counted["num_tokens"][2]


@pytest.mark.parametrize("model_type", [LLM, TEXT_EMBEDDING, RERANK])
def test_empty_credentials_give_no_schema(daemon: Daemon, model_type: str) -> None:
    assert daemon.invoke(get_ai_model_schemas(model_type, "m", {})).only == {"model_schema": None}


@pytest.mark.parametrize(
    ("model", "features"),
    [
        ("think-tools", {"agent-thought", "multi-tool-call", "stream-tool-call", "structured-output", "tool-call"}),
        ("chat", {"structured-output"}),
    ],
)
def test_schema_says_what_the_server_says(server: ThreadedReplayServer, daemon: Daemon, model: str, features: set[str]) -> None:
    schema = daemon.invoke(get_ai_model_schemas(LLM, model, {"base_url": server.url_of("0.24.0")})).only["model_schema"]
    assert set(schema["features"]) == features
    assert schema["model_properties"] == {"mode": "chat", "context_size": 4096}
    assert {"temperature", "num_ctx", "max_tokens", "json_schema"} <= {rule["name"] for rule in schema["parameter_rules"]}


def test_schema_comes_when_the_server_is_away(daemon: Daemon) -> None:
    schema = daemon.invoke(get_ai_model_schemas(LLM, "chat", {"base_url": NOWHERE})).only["model_schema"]
    assert schema["parameter_rules"]
    assert schema["model_properties"]["context_size"] > 0


def test_schema_of_an_embedding_model(server: ThreadedReplayServer, daemon: Daemon) -> None:
    request = get_ai_model_schemas(TEXT_EMBEDDING, "embedder", {"base_url": server.url_of("0.24.0"), "max_chunks": "7"})
    assert daemon.invoke(request).only["model_schema"]["model_properties"] == {"context_size": 64, "max_chunks": 7}


@pytest.mark.parametrize(
    ("model_type", "model", "base_url", "phrase"),
    [
        (LLM, "nope", "", '"nope"'),
        (LLM, "embedder", "", "makes embeddings and cannot answer"),
        (TEXT_EMBEDDING, "chat", "", "makes no embeddings"),
        (LLM, "chat", NOWHERE, "Nothing accepts connections at http://127.0.0.1:9"),
        (LLM, "chat", "ftp://host", "http://"),
        (RERANK, "m", NOWHERE, NOWHERE),
    ],
    ids=["no such model", "embedder as chat model", "chat model as embedder", "nobody there", "no address", "no rerank service"],
)
def test_form_is_refused(server: ThreadedReplayServer, daemon: Daemon, model_type: str, model: str, base_url: str, phrase: str) -> None:
    reply = daemon.invoke(validate_model_credentials(model_type, model, {"base_url": base_url or server.url_of("0.24.0")}))
    assert (reply.payloads, reply.error_type) == ((), "CredentialsValidateFailedError")
    assert phrase in reply.message


def test_form_is_accepted_and_facts_are_kept(server: ThreadedReplayServer, daemon: Daemon) -> None:
    typed = {"base_url": server.url_of("0.24.0"), "context_size": "auto"}
    answer = daemon.invoke(validate_model_credentials(LLM, "think-tools", typed)).only
    assert answer["result"] is True
    assert answer["credentials"].items() >= typed.items()
    assert answer["credentials"]["detected_capabilities"] == "completion thinking tools"


def test_rerank_service_is_found_and_kept(daemon: Daemon) -> None:
    with ThreadedReplayServer(every()) as service:
        service.serve("/v1/rerank", load("rerank", "llamacpp-empty-string-document"))
        answer = daemon.invoke(validate_model_credentials(RERANK, "any-name", {"base_url": service.url})).only
        assert answer["credentials"]["rerank_url"] == f"{service.url}/v1/rerank"


def test_server_saved_for_the_provider_is_checked_and_serves_models(server: ThreadedReplayServer, daemon: Daemon) -> None:
    """A model without credentials of its own is given the provider's by Dify (provider_configuration.py, get_current_credentials)."""
    saved = {"base_url": server.url_of("0.24.0"), "api_key": ""}
    assert daemon.invoke(validate_provider_credentials(saved)).only["result"] is True
    assert daemon.invoke(get_ai_model_schemas(LLM, "chat", saved)).only["model_schema"]["model_properties"]["context_size"] == 4096
    assert daemon.invoke(invoke_llm("chat", saved, [user_message("hi")])).payloads[-1]["delta"]["finish_reason"] == "stop"


def test_server_saved_for_the_provider_is_refused_with_a_sentence(daemon: Daemon) -> None:
    reply = daemon.invoke(validate_provider_credentials({"base_url": NOWHERE}))
    assert (reply.payloads, reply.error_type) == ((), "CredentialsValidateFailedError")
    assert f"Nothing accepts connections at {NOWHERE}" in reply.message


def test_credentials_of_the_official_plugin_work_as_they_are(server: ThreadedReplayServer, daemon: Daemon) -> None:
    saved = {**OFFICIAL, "base_url": server.url_of("0.24.0") + "/"}
    assert daemon.invoke(validate_model_credentials(LLM, "chat", saved)).only["result"] is True
    schema = daemon.invoke(get_ai_model_schemas(LLM, "chat", saved)).only["model_schema"]
    assert "tool-call" in schema["features"], "the person said yes, whatever the server says"
    assert schema["model_properties"]["context_size"] == 4096
    reply = daemon.invoke(invoke_llm("chat", saved, [user_message("hi")], parameters={"temperature": 0.1, "num_predict": 100}))
    assert reply.payloads[-1]["delta"]["finish_reason"] == "stop"
    assert server.requests[-1].body["options"]["num_ctx"] == 4096


@pytest.mark.parametrize("stream", [True, False], ids=["streaming", "blocking"])
@pytest.mark.parametrize(("name", "value"), [("temperature", "hot"), ("num_ctx", -5), ("think", "perhaps")])
def test_parameter_out_of_its_rule_is_a_readable_error(
    server: ThreadedReplayServer, daemon: Daemon, name: str, value: object, stream: bool
) -> None:
    credentials = {"base_url": server.url_of("0.24.0")}
    reply = daemon.invoke(invoke_llm("think", credentials, [user_message("hi")], parameters={name: value}, stream=stream))
    assert (reply.payloads, reply.error_type) == ((), "InvokeBadRequestError")
    assert name in reply.message


def test_embeddings(server: ThreadedReplayServer, daemon: Daemon) -> None:
    answer = daemon.invoke(invoke_text_embedding("embedder", {"base_url": server.url_of("0.24.0")}, TEXTS)).only
    assert [len(vector) for vector in answer["embeddings"]] == [32, 32, 32, 32]
    assert answer["usage"]["tokens"] > 0


def test_no_texts_no_vectors(daemon: Daemon) -> None:
    assert daemon.invoke(invoke_text_embedding("embedder", {"base_url": NOWHERE}, [])).only["embeddings"] == []


def test_wrong_count_of_vectors_is_an_error(server: ThreadedReplayServer, daemon: Daemon) -> None:
    reply = daemon.invoke(invoke_text_embedding("embedder", {"base_url": server.url_of("0.24.0/embed-batch")}, TEXTS[:3]))
    assert reply.error_type == "InvokeServerUnavailableError"


def test_rerank_takes_the_zeros_of_the_daemon_for_no_limit(daemon: Daemon) -> None:
    with ThreadedReplayServer(every()) as service:
        service.serve("/v1/rerank", load("rerank", "llamacpp-normal"))
        answer = daemon.invoke(
            invoke_rerank("any-name", {"base_url": f"{service.url}/v1/rerank"}, "What is the capital city of France?", DOCUMENTS)
        )
    documents = answer.only["docs"]
    assert [(each["index"], each["text"]) for each in documents] == [(index, DOCUMENTS[index]) for index in (1, 2, 0)]
    assert documents[-1]["score"] < 0, "a threshold of 0.0 is the daemon's word for none"


def test_no_documents_no_request(daemon: Daemon) -> None:
    assert daemon.invoke(invoke_rerank("m", {"base_url": NOWHERE}, "q", [])).only["docs"] == []

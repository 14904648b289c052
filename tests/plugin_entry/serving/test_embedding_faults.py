"""Embeddings that cannot be had, over real connections: nothing short or zero ever leaves, and every error says what to do."""

import base64
import logging
import math

import attrs
import pytest
from dify_plugin.errors.model import (
    CredentialsValidateFailedError,
    InvokeAuthorizationError,
    InvokeBadRequestError,
    InvokeConnectionError,
    InvokeError,
    InvokeRateLimitError,
    InvokeServerUnavailableError,
)

from fixtures.recordings import every, is_version, load
from plugin_entry.network import budget
from tests.plugin_entry.serving.sdk_requests import embed, validate
from tests.servers.embedding_server import EMBED, LEGACY, Ollama, vector_of
from tests.servers.function_server import Asked, FunctionServer, closed_port
from tests.translator.plan_driver import json_reply, recorded
from translator.shapes.exchange import HttpReply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

QUEUE_FULL = recorded(load("0.33.0-rc2", "error-queue-full-embed"))


# --- bad texts -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("faulty", [Ollama(poison="BAD"), Ollama(holed="BAD")], ids=["refused", "zeros"])
def test_bad_text_is_named_by_number_and_length_and_never_by_its_words(faulty: Ollama) -> None:
    texts = [f"text {number}" for number in range(32)]
    texts[20] = "my secret BAD word"
    with FunctionServer(faulty) as server, pytest.raises(InvokeBadRequestError) as caught:
        embed({"base_url": server.url}, texts)
    assert "Text 21 of 32 (18 characters)" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert len(server.bodies(EMBED)) <= 1 + 2 * math.log2(32) + 2


def test_bad_text_is_rescued_by_plain_punctuation() -> None:
    texts = [f"text {number}" for number in range(32)]
    texts[7] = "the “bad” one"
    with FunctionServer(Ollama(poison="“")) as server:
        result = embed({"base_url": server.url}, texts)
    assert result.embeddings == [vector_of(text) for text in [*texts[:7], 'the "bad" one', *texts[8:]]]


def test_only_the_long_text_is_shortened_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["short"] * 16
    texts[3] = "long " * 100
    with FunctionServer(Ollama(limit=150)) as server, caplog.at_level(logging.WARNING, "plugin_entry"):
        result = embed({"base_url": server.url}, texts)
    assert 100 < result.embeddings[3][0] <= 150.5
    assert result.embeddings[4] == vector_of("short")
    assert "Text 4 of 500 characters: shortened to its head" in caplog.text
    assert len(server.bodies(EMBED)) <= 1 + 2 * math.log2(16) + 8


def test_long_text_is_an_error_if_the_user_wants_that() -> None:
    with (
        FunctionServer(Ollama(limit=150)) as server,
        pytest.raises(InvokeBadRequestError, match=r"Text 2 of 2 \(500 characters\) is longer"),
    ):
        embed({"base_url": server.url, "embedding_overlong": "error"}, ["short", "long " * 100])
    assert all(body["truncate"] is False for body in server.bodies(EMBED))


def recorded_refusals() -> list[str]:
    refused = every(lambda exchange: exchange.path in {EMBED, LEGACY} and exchange.status != 200 and is_version(exchange.version))
    return sorted(exchange.address for exchange in refused)


@pytest.mark.parametrize("address", recorded_refusals())
def test_recorded_refusals_are_one_of_the_five_errors(address: str) -> None:
    """Whatever is asked, the server answers so; the busy one is asked again without waiting."""
    exchange = load(*address.split("/"))
    refusal = recorded(exchange)
    patient = attrs.evolve(refusal, headers={**refusal.headers, "Retry-After": "0"})
    ready = Ollama(legacy=exchange.path == LEGACY)
    with (
        FunctionServer(lambda asked: patient if asked.route == exchange.path else ready(asked)) as server,
        pytest.raises(InvokeError) as caught,
    ):
        embed({"first_byte_timeout": "1", "base_url": server.url, "api_key": "secret-key"}, ["my words", "other words"])
    assert type(caught.value) in {InvokeBadRequestError, InvokeServerUnavailableError, InvokeAuthorizationError, InvokeRateLimitError}
    assert not any(hidden in str(caught.value) for hidden in ("secret-key", "my words", "127.0.0.1:43717"))


@pytest.mark.parametrize("address", ["0.24.0/embed-chat-model", "0.33.0-rc2/embed-nan-null", "0.33.0-rc2/embed-huge"])
def test_recorded_zeros_never_leave(address: str) -> None:
    exchange = load(*address.split("/"))
    texts = exchange.request_body["input"]
    answer = recorded(exchange)
    with (
        FunctionServer(lambda asked: answer if asked.route == EMBED else Ollama()(asked)) as server,
        pytest.raises(InvokeError, match=r"Text \d of"),
    ):
        embed({"base_url": server.url}, [texts] if isinstance(texts, str) else texts)


def test_fewer_vectors_than_texts_never_leave() -> None:
    def short(asked: Asked) -> HttpReply:
        return json_reply({"embeddings": [[1.0, 2.0]]}) if asked.route == EMBED else Ollama()(asked)

    with FunctionServer(short) as server:
        assert len(embed({"base_url": server.url}, ["a", "b", "c"]).embeddings) == 3


def test_vectors_of_another_length_than_asked_for_are_an_error() -> None:
    with FunctionServer(Ollama(dimensions=8)) as server, pytest.raises(InvokeBadRequestError, match="8 numbers although 4"):
        embed({"base_url": server.url, "dimensions": "4"}, ["a"])


def test_dimensions_of_a_server_that_ignores_them_are_refused_before_a_request() -> None:
    with FunctionServer(Ollama(version="0.11.10")) as server, pytest.raises(InvokeBadRequestError, match=r"0\.11\.11 or newer"):
        embed({"base_url": server.url, "dimensions": "4"}, ["a"])
    assert server.bodies(EMBED) == []


# --- errors and second tries -----------------------------------------------------------------------------------------------------


def failing(*replies: HttpReply) -> tuple[FunctionServer, list[HttpReply]]:
    """A server that answers embedding requests with these, then well."""
    left = list(replies)
    return FunctionServer(lambda asked: left.pop(0) if asked.route == EMBED and left else Ollama()(asked)), left


def refusal(status: int, text: str = "no", **headers: str) -> HttpReply:
    reply = json_reply({"error": text}, status)
    return attrs.evolve(reply, headers={**reply.headers, **{name.replace("_", "-"): value for name, value in headers.items()}})


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_refusal_of_the_moment_is_asked_again(status: int) -> None:
    server, left = failing(*[refusal(status, Retry_After="0")] * 2)
    with server:
        assert embed({"base_url": server.url}, ["a"]).embeddings == [vector_of("a")]
    assert left == []


@pytest.mark.usefixtures("waits_for_models")
def test_full_queue_is_asked_again_as_long_as_a_model_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "FIRST_WAIT_LOADING_S", 0.0)
    server, left = failing(*[QUEUE_FULL] * 9)
    with server:
        embed({"base_url": server.url}, ["a"])
    assert left == []


@pytest.mark.parametrize(
    ("status", "kind", "requests"),
    [
        (401, InvokeAuthorizationError, 1),
        (403, InvokeAuthorizationError, 1),
        (404, InvokeBadRequestError, 1),
        (429, InvokeRateLimitError, 3),
        (503, InvokeServerUnavailableError, 3),
    ],
)
def test_lasting_refusals_have_their_class(status: int, kind: type[InvokeError], requests: int) -> None:
    server, left = failing(*[refusal(status, "model not found" if status == 404 else "no", Retry_After="0")] * 9)
    with server, pytest.raises(kind) as caught:
        embed({"base_url": server.url}, ["a"])
    assert type(caught.value) is kind
    assert 9 - len(left) == requests


def test_server_that_is_away_is_a_connection_error() -> None:
    with pytest.raises(InvokeConnectionError) as caught:
        embed({"base_url": closed_port().replace("//", "//user:word@")}, ["a"])
    assert "word" not in str(caught.value)


def test_user_and_password_travel_as_a_header() -> None:
    with FunctionServer(Ollama()) as server:
        embed({"base_url": server.url.replace("//", "//user:word@")}, ["a"])
    assert server.asked[-1].headers["Authorization"] == f"Basic {base64.b64encode(b'user:word').decode()}"


@pytest.mark.parametrize("saved", [{"base_url": "https://ollama.com", "api_key": "k"}, {"base_url": "https://ollama.com"}])
def test_cloud_has_no_embeddings_and_is_not_asked(saved: dict[str, str]) -> None:
    with pytest.raises(InvokeBadRequestError, match="cloud, which has no embeddings"):
        embed(saved, ["a"])


# --- validation ------------------------------------------------------------------------------------------------------------------


def check(server: FunctionServer, **saved: str) -> dict[str, str]:
    return validate({"base_url": server.url, **saved}, kind="text-embedding", model="embedder")


def test_validation_loads_nothing_and_notes_the_facts() -> None:
    with FunctionServer(Ollama(dimensions=1024)) as server:
        stored = check(server)
    assert server.bodies(EMBED) == []
    assert stored["detected_capabilities"] == "embedding"


def test_deep_check_embeds_once() -> None:
    with FunctionServer(Ollama()) as server:
        check(server, deep_check="true")
    assert len(server.bodies(EMBED)) == 1


def test_deep_check_tells_what_embedding_tells() -> None:
    with FunctionServer(Ollama(holed="check")) as server, pytest.raises(CredentialsValidateFailedError, match="zeros"):
        check(server, deep_check="true")


def test_chat_model_is_refused() -> None:
    with (
        FunctionServer(Ollama(capabilities=("completion", "tools"))) as server,
        pytest.raises(CredentialsValidateFailedError, match="embeddinggemma"),
    ):
        check(server)

"""Rerank services that refuse, over real connections: the class of each error, second tries, and nothing secret in a text."""

import base64

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

from fixtures.recordings import load
from tests.servers.function_server import FunctionServer, closed_port
from tests.servers.rerank_services import BEST_FIRST, DOCS, LLAMA_CPP, XINFERENCE, check, ranked, reply_of
from tests.translator.plan_driver import json_reply, recorded
from translator.shapes.exchange import HttpReply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

# --- errors ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scenario", "kind", "words"),
    [
        ("tei-unauthorized", InvokeAuthorizationError, "API key"),
        ("llamacpp-unauthorized", InvokeAuthorizationError, "API key"),
        ("xinference-unauthorized", InvokeAuthorizationError, "API key"),
        ("xinference-wrong-model-name", InvokeBadRequestError, "does not serve"),
        ("tei-embedding-model-rerank", InvokeBadRequestError, "cannot rerank"),
        ("llamacpp-embedding-model", InvokeBadRequestError, "--reranking"),
        ("llamacpp-over-physical-batch", InvokeBadRequestError, "too long"),
        ("xinference-no-model-field", InvokeBadRequestError, "model field required"),
        ("tei-health", InvokeServerUnavailableError, "something else than scores"),
    ],
)
def test_recorded_refusal_has_its_class_and_no_secret(scenario: str, kind: type[InvokeError], words: str) -> None:
    exchange = load("rerank", scenario)
    with FunctionServer(lambda asked: recorded(exchange)) as server, pytest.raises(kind) as caught:
        ranked({"base_url": f"{server.url}/rerank?tenant=hidden-tenant", "api_key": "hidden-key", "rerank_service": "jina"})
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert not any(hidden in str(caught.value) for hidden in ("hidden", *DOCS, "address="))


@pytest.mark.parametrize(
    ("status", "kind", "requests"),
    [
        (429, InvokeRateLimitError, 3),
        (503, InvokeServerUnavailableError, 3),
        (500, InvokeServerUnavailableError, 1),
        (302, InvokeConnectionError, 1),
        (403, InvokeAuthorizationError, 1),
    ],
)
def test_status_decides_class_and_second_tries(status: int, kind: type[InvokeError], requests: int) -> None:
    refusal = attrs.evolve(json_reply({"detail": "no"}, status), headers={"Content-Type": "application/json", "Retry-After": "0"})
    with FunctionServer(lambda asked: refusal) as server, pytest.raises(kind) as caught:
        ranked({"base_url": f"{server.url}/rerank", "rerank_service": "jina"})
    assert type(caught.value) is kind
    assert len(server.asked) == requests


def test_service_that_is_loading_is_asked_again() -> None:
    loading = [HttpReply(status=503, headers={"Retry-After": "0"})]
    with FunctionServer(lambda asked: loading.pop() if loading else XINFERENCE(asked)) as server:
        assert ranked({"base_url": f"{server.url}/v1/rerank"}) == BEST_FIRST


def test_service_that_is_away_is_a_connection_error() -> None:
    with pytest.raises(InvokeConnectionError) as caught:
        ranked({"base_url": closed_port().replace("//", "//user:word@") + "/rerank?k=hidden"})
    assert "word" not in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://h/rerank", "http://", "http://h:port/rerank", "http://h:0"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(InvokeBadRequestError) as caught:
        ranked({"base_url": url})
    assert "http://" in str(caught.value)


def test_user_and_password_travel_as_a_header_only() -> None:
    with FunctionServer(LLAMA_CPP) as server:
        stored = check(server.url.replace("//", "//user:word@"))
        assert ranked(stored) == BEST_FIRST
    assert "word" not in stored["rerank_url"]
    assert {asked.headers["Authorization"] for asked in server.asked} == {f"Basic {base64.b64encode(b'user:word').decode()}"}


# --- validation ------------------------------------------------------------------------------------------------------------------


def test_refused_key_ends_the_search() -> None:
    service = attrs.evolve(LLAMA_CPP, key="right", unauthorized=reply_of("llamacpp-unauthorized-wrong-key"), routes=("/api/rerank",))
    with FunctionServer(service) as server:
        with pytest.raises(CredentialsValidateFailedError, match="API key"):
            check(server.url, api_key="wrong")
        assert check(server.url, api_key="right")["rerank_dialect"] == "jina"


def test_service_without_a_route_names_all_that_were_tried() -> None:
    with FunctionServer(lambda asked: HttpReply(status=404)) as server, pytest.raises(CredentialsValidateFailedError) as caught:
        check(server.url)
    assert all(route in str(caught.value) for route in ("/api/rerank", "/v1/rerank", "/rerank"))
    assert [asked.path for asked in server.asked] == ["/api/rerank", "/v1/rerank", "/rerank"]


def test_service_that_scores_too_few_is_refused() -> None:
    one = json_reply({"results": [{"index": 0, "relevance_score": 1.0}]})
    with FunctionServer(lambda asked: one) as server, pytest.raises(CredentialsValidateFailedError, match="scored 1 of 2"):
        check(f"{server.url}/rerank")

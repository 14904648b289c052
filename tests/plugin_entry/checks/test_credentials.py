"""Saving a model: what is checked, in which time, what is written back, and what the form says."""

import traceback
from collections.abc import Callable
from typing import Any

import pytest
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeServerUnavailableError

from fixtures.recordings import having, load
from plugin_entry.checks import credentials
from plugin_entry.checks.credentials import BUDGET_S, check_embedding_model, check_language_model, check_rerank_model, run_check
from tests.servers.routes_server import RoutesServer, Speak, json_reply, reply, silence
from translator.errors import RequestError
from translator.settings.base_url import BaseUrl

pytestmark = pytest.mark.usefixtures("_plugin_rests")

type Routes = dict[str, Speak | list[Speak]]
GENERATING = {"/api/chat", "/api/generate", "/api/embed", "/api/pull"}


def recorded(version: str, scenario: str) -> Speak:
    exchange = load(version, scenario)
    return reply(exchange.status, exchange.body, Content_Type=exchange.content_type)


def routes(version: str = "0.24.0", show: str = "show-chat", **others: Speak) -> Routes:
    named: Routes = {f"/api/{name}": speak for name, speak in others.items()}
    return {
        "/api/version": recorded(version, "version"),
        "/api/show": recorded(version, show),
        "/api/tags": recorded(version, "tags"),
        **named,
    }


def saved(url: str, **values: str) -> dict[str, Any]:
    return {"base_url": url, **values}


def test_a_good_model_and_what_is_written_back() -> None:
    with RoutesServer(routes(show="show-think-tools")) as server:
        values = saved(server.url, context_size="auto")
        check_language_model("think-tools", values)
        assert values == {
            "base_url": server.url,
            "context_size": "auto",
            "detected_capabilities": "completion thinking tools",
            "detected_context_length": "4096",
            "detected_server_version": "0.24.0",
        }
        assert not GENERATING & set(server.paths()), "nothing is loaded"


@pytest.mark.parametrize("version", having("show-chat", "version", "tags"))
def test_every_recorded_server(version: str) -> None:
    with RoutesServer(routes(version)) as server:
        check_language_model("chat", saved(server.url))


def test_official_credentials() -> None:
    with RoutesServer(routes()) as server:
        values = saved(
            server.url, mode="chat", context_size="4096", max_tokens="4096", vision_support="false", function_call_support="true"
        )
        check_language_model("chat", values)


MISSING = recorded("0.24.0", "error-unknown-model-show")
TAGS = json_reply({"models": [{"name": "qwen3:8b"}, {"name": "llama3.2:latest"}]})
NO_TAGS: dict[str, tuple[Speak, str]] = {
    "names": (TAGS, 'no model "qwen3"; the nearest names it has: qwen3:8b; choose one of them, or run `ollama pull qwen3`.'),
    "none": (json_reply({"models": None}), "it has no models yet; run `ollama pull qwen3`."),
    "no list": (reply(500), "run `ollama pull qwen3`."),
    "nonsense": (json_reply([1]), "run `ollama pull qwen3`."),
}


@pytest.mark.parametrize(("tags", "text"), NO_TAGS.values(), ids=NO_TAGS)
def test_a_wrong_name(tags: Speak, text: str) -> None:
    with RoutesServer(routes(show="show-chat") | {"/api/show": MISSING, "/api/tags": tags}) as server:
        values = saved(server.url)
        with pytest.raises(CredentialsValidateFailedError) as caught:
            check_language_model("qwen3", values)
    assert text in str(caught.value)
    assert values == saved(server.url), "nothing is written back"


REFUSED: dict[str, tuple[Callable[[str, dict[str, Any]], None], Routes, dict[str, str], str]] = {
    "embedder as language model": (check_language_model, routes(show="show-embedder"), {}, "makes embeddings and cannot answer"),
    "chat model as embedder": (check_embedding_model, routes(), {}, "is a chat model and makes no embeddings"),
    "embedder as generative reranker": (
        check_rerank_model,
        routes(show="show-embedder"),
        {"rerank_service": "ollama"},
        "makes embeddings and cannot answer",
    ),
    "wrong key": (
        check_language_model,
        routes() | {"/api/show": reply(401, b'{"error":"unauthorized"}')},
        {"api_key": "topsecret"},
        "API key",
    ),
    "another program": (check_language_model, {}, {}, "answers something unknown, not Ollama"),
    "a page": (
        check_language_model,
        routes() | {"/api/show": reply(200, b"<html>hello</html>", Content_Type="text/html")},
        {},
        "not what Ollama sends",
    ),
    "a page, and nothing else": (
        check_language_model,
        {"*": reply(200, b"<html>hello</html>", Content_Type="text/html")},
        {},
        "answers a web page, not Ollama",
    ),
    "any JSON": (check_language_model, routes() | {"/api/show": json_reply({"status": "ok"})}, {}, "not what Ollama sends"),
    "any JSON of another program": (
        check_embedding_model,
        {"/api/show": json_reply({"status": "ok"})},
        {},
        "answers something unknown, not Ollama",
    ),
    "a bad number": (check_language_model, routes(), {"context_size": "many"}, "context_size is not valid"),
    "bad keep_alive": (check_language_model, routes(), {"keep_alive": "1d"}, "keep_alive"),
}


@pytest.mark.parametrize(("check", "answers", "values", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(check: Callable[[str, dict[str, Any]], None], answers: Routes, values: dict[str, str], text: str) -> None:
    with RoutesServer(answers) as server, pytest.raises(CredentialsValidateFailedError) as caught:
        check("m", saved(server.url, **values))
    assert text in str(caught.value)
    assert "topsecret" not in str(caught.value)
    assert "{" not in str(caught.value)


ADDRESSES = {
    "nothing there": ("http://127.0.0.1:1", "Nothing accepts connections at http://127.0.0.1:1"),
    "no port": ("http://127.0.0.1:80", "no Ollama answers on port 11434 or at the usual addresses near it either"),
    "unknown name": ("http://no-such-host.invalid", "is unknown where Dify's plugin service runs"),
    "no address": ("http://", "base URL"),
    "empty": ("", "base_url is missing"),
}


@pytest.mark.parametrize(("url", "text"), ADDRESSES.values(), ids=ADDRESSES)
def test_wrong_addresses(url: str, text: str) -> None:
    with pytest.raises(CredentialsValidateFailedError) as caught:
        check_language_model("m", saved(url))
    assert text in str(caught.value)


@pytest.mark.parametrize("silent", ["/api/show", "/api/tags"])
def test_the_whole_check_has_a_budget(monkeypatch: pytest.MonkeyPatch, silent: str) -> None:
    assert BUDGET_S == 8.0
    monkeypatch.setattr(credentials, "BUDGET_S", 0.1)
    answers = routes() | {"/api/show": MISSING} | {silent: silence}
    with (
        RoutesServer(answers) as server,
        pytest.raises(CredentialsValidateFailedError, match=r"did not answer the check within 0\.05 seconds"),
    ):
        check_language_model("m", saved(server.url))


def test_a_silent_description_is_no_matter_of_the_limits_for_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_entry.serving.facts.QUESTION_LIMIT_S", 0.1)
    with RoutesServer(routes() | {"/api/show": silence}) as server, pytest.raises(CredentialsValidateFailedError) as caught:
        check_language_model("m", saved(server.url))
    assert "answered nothing within 0.1 seconds: check host and port of the base URL" in str(caught.value)


def test_a_silent_version_is_no_reason_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_entry.serving.facts.VERSION_LIMIT_S", 0.05)
    with RoutesServer(routes(version="0.24.0") | {"/api/version": silence}) as server:
        values = saved(server.url)
        check_language_model("chat", values)
        assert "detected_server_version" not in values


def test_embedding_model() -> None:
    with RoutesServer(routes(show="show-embedder")) as server:
        check_embedding_model("embedder", saved(server.url))
        assert "/api/embed" not in server.paths()


@pytest.mark.parametrize("version", ["0.24.0-real", "0.33.0-rc2-real"])
@pytest.mark.parametrize("prefixes", ["queries", "family"])
def test_a_copy_under_another_name_can_have_prefixes(version: str, prefixes: str) -> None:
    with RoutesServer(routes(show="show-embedder") | {"/api/show": recorded(version, "embeddinggemma-show")}) as server:
        check_embedding_model("notes-search", saved(server.url, embedding_prefixes=prefixes))


@pytest.mark.parametrize("prefixes", ["queries", "family"])
def test_a_family_that_is_not_known_is_said_when_prefixes_are_wanted(prefixes: str) -> None:
    with RoutesServer(routes(show="show-embedder")) as server:
        check_embedding_model("embedder", saved(server.url))
        with pytest.raises(CredentialsValidateFailedError, match='prefixes the model "embedder" was trained with is not known'):
            check_embedding_model("embedder", saved(server.url, embedding_prefixes=prefixes))
        check_rerank_model("embedder", saved(server.url, rerank_service="ollama-embedding"))


@pytest.mark.parametrize(
    ("wish", "text"),
    [({"dimensions": "1000"}, "have 768 numbers, not 1,000: give at most 768"), ({"context_size": "1"}, "context size of 1 holds no text")],
)
@pytest.mark.parametrize(("check", "service"), [(check_embedding_model, {}), (check_rerank_model, {"rerank_service": "ollama-embedding"})])
def test_sizes_that_the_model_cannot_have_are_not_saved(
    check: Callable[[str, dict[str, Any]], None], service: dict[str, str], wish: dict[str, str], text: str
) -> None:
    shown = recorded("0.33.0-rc2-real", "embeddinggemma-show")
    with RoutesServer(routes() | {"/api/show": shown}) as server, pytest.raises(CredentialsValidateFailedError, match=text):
        check("embeddinggemma", saved(server.url, **service, **wish))


def test_deep_check_embeds_once() -> None:
    with RoutesServer(routes(show="show-embedder") | {"/api/embed": recorded("0.24.0", "embed-one")}) as server:
        check_embedding_model("embedder", saved(server.url, deep_check="true"))
        assert server.paths().count("/api/embed") == 1


# --- the cloud ---------------------------------------------------------------------------------------------------------------

KEYS: dict[str, tuple[Speak, str]] = {
    "good": (json_reply({"id": "1", "email": "a@example.com"}), "valid"),
    "no such route": (reply(404, b"404 page not found"), "not checked"),
    "account unavailable": (recorded("0.24.0", "me"), "not checked"),
    "closed": (lambda sock: None, "not checked"),
}


@pytest.fixture
def _in_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseUrl, "is_cloud", property(lambda self: True))


@pytest.mark.usefixtures("_in_the_cloud")
@pytest.mark.parametrize(("me", "found"), KEYS.values(), ids=KEYS)
def test_cloud_key(me: Speak, found: str) -> None:
    with RoutesServer(routes("0.33.0-rc2", "cloud-proxy-show", me=me)) as server:
        values = saved(server.url, api_key="topsecret")
        check_language_model("gpt-oss:120b", values)
        assert values["detected_key"] == found
        asked = next(each for each in server.asked if each.path == "/api/me")
        assert (asked.method, asked.headers["authorization"]) == ("POST", "Bearer topsecret")
        assert not GENERATING & set(server.paths()), "a check costs no generation"


@pytest.mark.usefixtures("_in_the_cloud")
@pytest.mark.parametrize("status", [401, 403])
def test_a_cloud_key_that_is_refused(status: int) -> None:
    with RoutesServer(routes("0.33.0-rc2", "cloud-proxy-show", me=reply(status, b'{"error":"unauthorized"}'))) as server:
        values = saved(server.url, api_key="topsecret")
        with pytest.raises(CredentialsValidateFailedError, match="API key"):
            check_language_model("gpt-oss:120b", values)


@pytest.mark.usefixtures("_in_the_cloud")
def test_the_cloud_wants_a_key() -> None:
    wanted = pytest.raises(CredentialsValidateFailedError, match="only with an API key")
    with RoutesServer(routes("0.33.0-rc2", "cloud-proxy-show")) as server, wanted:
        check_language_model("gpt-oss:120b", saved(server.url))


# --- whatever a check raises -------------------------------------------------------------------------------------------------

RAISED: dict[str, tuple[Exception, str]] = {
    "ours": (RequestError.of("x", "This is wrong.", "Do that."), "This is wrong: do that."),
    "the SDK's": (InvokeServerUnavailableError("It is busy."), "It is busy."),
    "anything": (KeyError("topsecret"), "The check failed unexpectedly (KeyError): try again."),
}


@pytest.mark.parametrize(("error", "text"), RAISED.values(), ids=RAISED)
def test_only_one_class_of_error_leaves(error: Exception, text: str) -> None:
    def check(model: str, values: Any) -> None:
        raise error

    with pytest.raises(CredentialsValidateFailedError) as caught:
        run_check(check, "m", {}, BUDGET_S)
    assert str(caught.value) == text
    assert "topsecret" not in "".join(traceback.format_exception(caught.value))  # the SDK sends all of it to Dify


# --- checks of models that embed and rerank ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_in_the_cloud")
@pytest.mark.parametrize(
    ("check", "service"), [(check_embedding_model, ""), (check_rerank_model, "ollama-embedding")], ids=["embedding", "rerank"]
)
def test_the_cloud_has_no_embeddings_and_is_not_even_asked(check: Callable[[str, dict[str, Any]], None], service: str) -> None:
    with (
        RoutesServer(routes()) as server,
        pytest.raises(CredentialsValidateFailedError, match="cloud, which has no embeddings"),
    ):
        check("embedder", saved(server.url, rerank_service=service))
    assert server.paths() == []


def test_a_server_too_old_for_reranking_is_said_when_saving() -> None:
    with (
        RoutesServer(routes("0.9.6")) as server,
        pytest.raises(CredentialsValidateFailedError, match=r"0\.12\.11"),
    ):
        check_rerank_model("chat", saved(server.url, rerank_service="ollama"))


def test_the_deep_check_has_a_budget_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "DEEP_BUDGET_S", 0.1)
    with (
        RoutesServer(routes(show="show-embedder", embed=silence)) as server,
        pytest.raises(CredentialsValidateFailedError, match=r"within 0\.05 seconds"),
    ):
        check_embedding_model("embedder", saved(server.url, deep_check="true"))

"""The form of the whole provider: what it asks, that Dify's own code takes it, and what is checked when it is saved."""

from typing import Any

import gevent
import pytest
from dify_plugin.errors.model import CredentialsValidateFailedError

from fixtures.recordings import load, ollama_versions, scenarios
from plugin_entry.checks import provider
from plugin_entry.checks.provider import check_server
from tests.plugin_entry.cli.packaging.plugin_files import FORM, PROVIDER
from tests.servers.routes_server import RoutesServer, Speak, cut, json_reply, reply, silence
from translator.settings.base_url import BaseUrl
from translator.settings.credentials import read_credentials

pytestmark = pytest.mark.usefixtures("_plugin_rests")

FIELDS: list[dict[str, Any]] = PROVIDER["provider_credential_schema"]["credential_form_schemas"]
OLLAMA_VERSIONS = [version for version in ollama_versions() if {"version", "tags"} <= set(scenarios(version))]


def recorded(version: str, scenario: str) -> Speak:
    exchange = load(version, scenario)
    return reply(exchange.status, exchange.body, Content_Type=exchange.content_type)


def test_models_are_still_added_one_by_one() -> None:
    """With `predefined-model`, Dify would look up a model's secrets in this form (provider_manager.py, _to_model_settings)."""
    assert PROVIDER["configurate_methods"] == ["customizable-model"]


def test_fields_are_those_of_a_model() -> None:
    """What Dify saves here is handed to models as their credentials."""
    assert [field["variable"] for field in FIELDS] == ["base_url", "api_key"]
    for field in FIELDS:
        (same,) = (each for each in FORM if each["variable"] == field["variable"])
        assert {**same, "label": None} == {**field, "label": None}
    read = read_credentials({"base_url": "http://h:11434", "api_key": "key"})
    assert (read.base_url, read.api_key) == ("http://h:11434", "key")


VERSION: dict[str, Speak | list[Speak]] = {"/api/version": json_reply({"version": "0.24.0"})}


@pytest.mark.parametrize("version", OLLAMA_VERSIONS)
def test_every_recorded_server_is_accepted_and_nothing_is_loaded(version: str) -> None:
    with RoutesServer({"/api/tags": recorded(version, "tags"), "/api/version": recorded(version, "version")}) as server:
        check_server({"base_url": server.url, "api_key": ""})
        assert sorted(server.paths()) == ["/api/tags", "/api/version"]


def test_server_without_models_is_a_server() -> None:
    with RoutesServer({**VERSION, "/api/tags": json_reply({"models": None})}) as server:
        check_server({"base_url": f"{server.url}/api/chat"})


def test_key_is_sent() -> None:
    with RoutesServer({**VERSION, "/api/tags": json_reply({"models": []})}) as server:
        check_server({"base_url": server.url, "api_key": "a-key"})
        assert server.asked[0].headers["authorization"] == "Bearer a-key"


WEB_PAGE = reply(200, b"<html><title>Router</title></html>", Content_Type="text/html")
NOT_FOUND = reply(404, b"404 page not found", Content_Type="text/plain")
FORBIDDEN = reply(403, b"", Content_Type="text/plain")
NO_LIST: dict[str, tuple[Speak, str]] = {
    "web page": (WEB_PAGE, r"gave a web page \(status 200\)"),
    "other JSON": (json_reply({"data": []}), "gave an answer that is not Ollama's"),
    "JSON list": (json_reply([]), "gave an answer that is not Ollama's"),
    "no such route": (NOT_FOUND, r'gave status 404 \("404 page not found"\)'),
    "failing": (reply(500, b'{"error":"open manifests: denied"}'), r'gave status 500 \("open manifests: denied"\)'),
    "failing without a word": (reply(500), "gave status 500: look into the log"),
    "forbidden": (FORBIDDEN, "gave status 403: let the proxy"),
    "cut": (cut, "gave no whole answer"),
    "silent": (silence, "gave no answer in time"),
}


@pytest.mark.parametrize(("speak", "phrase"), NO_LIST.values(), ids=NO_LIST)
def test_ollama_without_its_list_is_ollama(speak: Speak, phrase: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "ANSWER_S", 0.3)
    told = rf"^Ollama answers at http://127\.0\.0\.1:\d+, but instead of a list of models /api/tags {phrase}"
    with RoutesServer({**VERSION, "/api/tags": speak}) as server, pytest.raises(CredentialsValidateFailedError, match=told):
        check_server({"base_url": server.url})


HIDDEN_VERSION: dict[str, Speak] = {
    "no such route": NOT_FOUND,
    "forbidden": FORBIDDEN,
    "failing": reply(502, b"<html>nginx</html>", Content_Type="text/html"),
    "web page": WEB_PAGE,
    "silent": silence,
}


@pytest.mark.parametrize("speak", HIDDEN_VERSION.values(), ids=HIDDEN_VERSION)
def test_hidden_version_is_no_reason_to_refuse(speak: Speak, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all recorded servers, at the same time."""
    monkeypatch.setattr(provider, "ANSWER_S", 0.3)

    def check(version: str) -> None:
        with RoutesServer({"/api/tags": recorded(version, "tags"), "/api/version": speak}) as server:
            check_server({"base_url": server.url})

    gevent.joinall([gevent.spawn(check, version) for version in OLLAMA_VERSIONS], raise_error=True)


REFUSED: dict[str, tuple[dict[str, Speak | list[Speak]], str]] = {
    "wrong key": ({"*": reply(401, b"unauthorized", Content_Type="text/plain")}, "API key"),
    "key for the models": ({**VERSION, "/api/tags": reply(401)}, "API key"),
    "key for the version": ({"/api/tags": json_reply({"models": []}), "/api/version": reply(401)}, "API key"),
    "LiteLLM that wants a key": ({"*": reply(401, b"", x_litellm_version="1.90.0")}, "answers a LiteLLM proxy, not Ollama"),
    "foreign host": ({"*": FORBIDDEN}, "refuses requests that name another host"),
    "web page": ({"*": WEB_PAGE}, "answers a web page, not Ollama"),
    "nothing known": ({}, "answers something unknown, not Ollama"),
    "failing": ({"*": reply(500, b"", Content_Type="text/plain")}, "status 500"),
    "failing list of something unknown": ({"/api/tags": reply(500, b"no")}, "status 500"),
    "proxy without a server": ({"*": reply(502, b"<html>nginx</html>", Content_Type="text/html")}, "nginx"),
}


@pytest.mark.parametrize(("routes", "phrase"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_server_or_refuses_is_said(routes: dict[str, Speak | list[Speak]], phrase: str) -> None:
    with RoutesServer(routes) as server, pytest.raises(CredentialsValidateFailedError, match=phrase) as caught:
        check_server({"base_url": server.url, "api_key": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)


def test_silent_server_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider, "ANSWER_S", 0.3)
    told = "answered nothing within 0.3 seconds: check host and port"
    with RoutesServer({"*": silence}) as server, pytest.raises(CredentialsValidateFailedError, match=told):
        check_server({"base_url": server.url})


def test_llama_cpp_that_lists_models_like_ollama_is_named() -> None:
    routes = {"/api/tags": json_reply({"models": []}), "/props": recorded("rerank", "llamacpp-props")}
    with RoutesServer(routes) as server, pytest.raises(CredentialsValidateFailedError, match=r"answers a llama\.cpp server, not Ollama"):
        check_server({"base_url": server.url, "api_key": ""})


def test_the_cloud_is_not_asked_for_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BaseUrl, "is_cloud", property(lambda self: True))
    with RoutesServer({"/api/tags": json_reply({"models": []}), "/api/me": json_reply({"id": "1"})}) as server:
        check_server({"base_url": server.url, "api_key": "a-key"})
        assert server.paths() == ["/api/tags", "/api/me"]


NO_SERVER: dict[str, tuple[dict[str, str], str]] = {
    "nothing": ({}, "base_url is missing"),
    "empty": ({"base_url": " "}, "base_url is missing"),
    "no address": ({"base_url": "ftp://host"}, "http://"),
    "nobody there": ({"base_url": "http://127.0.0.1:9"}, "Nothing accepts connections at http://127.0.0.1:9"),
    "key in the open": ({"base_url": "http://example.org", "api_key": "s3cr3t"}, "https"),
}


@pytest.mark.parametrize(("values", "phrase"), NO_SERVER.values(), ids=NO_SERVER)
def test_what_cannot_be_asked_is_said(values: dict[str, str], phrase: str) -> None:
    with pytest.raises(CredentialsValidateFailedError, match=phrase):
        check_server(values)

"""The schema of a model: right, always there, and passed by the SDK's own check of parameters."""

from typing import Any

import pytest
from dify_plugin.entities.model import AIModelEntity, ModelFeature, ModelPropertyKey, ParameterType
from dify_plugin.errors.model import InvokeBadRequestError

from fixtures.recordings import load
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.serving import schema
from tests.servers.routes_server import RoutesServer, Speak, json_reply, reply, silence
from translator.request.parameters import PARAMETERS, Parameter, ParameterKind

pytestmark = pytest.mark.usefixtures("_plugin_rests")

MODEL = OllamaLargeLanguageModel([])
BASE = {ModelFeature.STRUCTURED_OUTPUT}
TOOLS = {ModelFeature.TOOL_CALL, ModelFeature.MULTI_TOOL_CALL, ModelFeature.STREAM_TOOL_CALL}


def shown(version: str, scenario: str) -> dict[str, Speak]:
    show, said = load(version, scenario), load(version, "version")
    return {"/api/show": reply(show.status, show.body), "/api/version": reply(said.status, said.body)}


def schema_of(url: str, model: str = "m", **values: str) -> AIModelEntity:
    """As the SDK asks for it."""
    schema = MODEL.get_customizable_model_schema_from_credentials(model, {"base_url": url, **values})
    assert schema is not None
    return schema


FEATURES: dict[str, tuple[str, str, dict[str, str], set[ModelFeature]]] = {
    "plain": ("0.24.0", "show-chat", {}, BASE),
    "tools": ("0.24.0", "show-tool-one", {}, BASE | TOOLS),
    "thinks and calls": ("0.24.0", "show-think-tools", {}, BASE | TOOLS | {ModelFeature.AGENT_THOUGHT}),
    "sees": ("0.33.0-rc2", "show-native-vision", {}, BASE | {ModelFeature.VISION}),
    "old server": ("0.5.13", "show-tool-one", {}, BASE | TOOLS),
    "user's yes": (
        "0.24.0",
        "show-chat",
        {"vision_support": "true", "function_call_support": "true"},
        BASE | TOOLS | {ModelFeature.VISION},
    ),
    "user's no": (
        "0.24.0",
        "show-think-tools",
        {"function_call_support": "false", "structured_output_support": "no"},
        {ModelFeature.AGENT_THOUGHT},
    ),
    "completion": ("0.24.0", "show-think-tools", {"mode": "completion"}, BASE | {ModelFeature.AGENT_THOUGHT}),
}


@pytest.mark.parametrize(("version", "scenario", "values", "expected"), FEATURES.values(), ids=FEATURES)
def test_features(version: str, scenario: str, values: dict[str, str], expected: set[ModelFeature]) -> None:
    with RoutesServer(shown(version, scenario)) as server:
        schema = schema_of(server.url, **values)
    assert set(schema.features or []) == expected
    assert ModelFeature.DOCUMENT not in (schema.features or [])
    assert schema.model_properties[ModelPropertyKey.MODE] == values.get("mode", "chat")


def test_audio_where_the_model_has_it() -> None:
    with RoutesServer({"/api/show": json_reply({"capabilities": ["completion", "audio"]})}) as server:
        assert ModelFeature.AUDIO in (schema_of(server.url).features or [])


SIZES: dict[str, tuple[dict[str, Any], dict[str, str], int]] = {
    "automatic": ({"model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40960}}, {}, 8192),
    "small": ({"model_info": {"general.architecture": "qwen3", "qwen3.context_length": 4096}}, {}, 4096),
    "dots in the architecture": ({"model_info": {"general.architecture": "glm5.2", "glm5.2.context_length": 4000}}, {}, 4000),
    "Modelfile": (
        {"parameters": "num_ctx 16384", "model_info": {"general.architecture": "q", "q.context_length": 40960}},
        {"context_size": "auto"},
        16384,
    ),
    "a number": ({"model_info": {"general.architecture": "q", "q.context_length": 40960}}, {"context_size": "32768"}, 32768),
    "nothing known": ({}, {}, 8192),
    "cloud stub": (
        {"remote_host": "https://ollama.com:443", "model_info": {"general.architecture": "q", "q.context_length": 131072}},
        {},
        131072,
    ),
}


@pytest.mark.parametrize(("show", "values", "size"), SIZES.values(), ids=SIZES)
def test_context_size(show: dict[str, Any], values: dict[str, str], size: int) -> None:
    """The same numbers that `test_turn.py` finds in `num_ctx`."""
    with RoutesServer({"/api/show": json_reply(show)}) as server:
        schema = schema_of(server.url, **values)
    assert schema.model_properties[ModelPropertyKey.CONTEXT_SIZE] == size
    num_ctx = next(rule for rule in schema.parameter_rules if rule.name == "num_ctx")
    assert num_ctx.default == size


def test_rules_without_the_traps_of_templates() -> None:
    with RoutesServer(shown("0.24.0", "show-chat")) as server:
        rules = {rule.name: rule for rule in schema_of(server.url, max_tokens="4096").parameter_rules}
    assert all(rule.use_template is None and rule.precision is None and not rule.required for rule in rules.values())
    assert (rules["temperature"].min, rules["temperature"].max) == (0, 2)
    assert (rules["min_p"].min, rules["min_p"].default) == (0, 0)
    assert (rules["num_gpu"].min, rules["num_gpu"].max, rules["num_gpu"].default) == (-1, None, -1)
    assert rules["max_tokens"].max == 4096
    assert rules["num_ctx"].max == 4096
    assert rules["think"].options == ["default", "off", "on", "low", "medium", "high", "max"]
    assert rules["json_schema"].type is ParameterType.TEXT
    assert "response_format" not in rules, "the SDK would rewrite the prompt"
    assert len(rules) <= 128
    for rule in rules.values():
        assert rule.help is not None
        for text in (rule.label, rule.help):
            assert all((text.en_us, text.zh_hans, text.ja_jp, text.pt_br))


def test_servers_that_do_not_think_are_not_offered_it() -> None:
    with RoutesServer(shown("0.5.13", "show-chat")) as server:
        assert "think" not in {rule.name for rule in schema_of(server.url).parameter_rules}


def edges(row: Parameter) -> tuple[object, object]:
    """The lowest and the highest value of a row; where one has no bound, some value."""
    match row.kind:
        case ParameterKind.BOOLEAN:
            return False, True
        case ParameterKind.FLOAT | ParameterKind.INT:
            return row.minimum or 0, row.maximum or row.minimum or 0
        case _:
            choices = row.choices or ("0",)
            return choices[0], choices[-1]


def filtered(parameters: dict[str, Any]) -> dict[str, Any]:
    with RoutesServer(shown("0.24.0", "show-chat")) as server:
        return MODEL._validate_and_filter_model_parameters("m", parameters, {"base_url": server.url})


LOWEST, HIGHEST = ({row.name: edges(row)[end] for row in PARAMETERS if row.in_form} for end in (0, 1))


@pytest.mark.parametrize("values", [LOWEST, HIGHEST], ids=["lowest", "highest"])
def test_edges_pass_the_sdk_unchanged(values: dict[str, object]) -> None:
    assert filtered(dict(values)) == values


OLD_APPS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "nothing is filled in": ({}, {}),
    "num_predict": ({"num_predict": 128}, {"max_tokens": 128}),
    "many decimals": ({"temperature": 0.123456}, {"temperature": 0.123456}),
    "think as a switch": ({"think": True}, {"think": "on"}),
    "numbers in texts": ({"num_ctx": "4096", "temperature": "0.5"}, {"num_ctx": 4096, "temperature": 0.5}),
    "whole number as float": ({"num_ctx": 4096.0}, {"num_ctx": 4096}),
    "keep_alive as a number": ({"keep_alive": 300}, {"keep_alive": "300"}),
    "schema as an object": ({"json_schema": {"type": "object"}}, {"json_schema": '{"type":"object"}'}),
    "retired": ({"mirostat": 1, "tfs_z": 1.0}, {}),
    "blank": ({"format": "", "json_schema": None, "keep_alive": " "}, {}),
}


@pytest.mark.parametrize(("given", "passed"), OLD_APPS.values(), ids=OLD_APPS)
def test_apps_of_earlier_plugins(given: dict[str, object], passed: dict[str, object]) -> None:
    assert filtered(given) == passed


def test_what_the_sdk_refuses_is_readable() -> None:
    with pytest.raises(InvokeBadRequestError, match="temperature should be less than or equal to"):
        filtered({"temperature": 3.0})


# --- always there, and quick ---------------------------------------------------------------------------------------------------

SAVED = {"detected_capabilities": "completion thinking tools", "detected_context_length": "4096", "detected_server_version": "0.24.0"}
AWAY: dict[str, dict[str, Speak] | None] = {
    "down": None,
    "out of order": {"/api/show": reply(500)},
    "no such model": {"/api/show": reply(404, b"{}")},
}


@pytest.mark.parametrize("routes", AWAY.values(), ids=AWAY)
def test_the_server_is_away(routes: dict[str, Speak] | None) -> None:
    with RoutesServer(routes or {}) as server:
        url = server.url if routes else "http://127.0.0.1:1"
        remembered, nothing = schema_of(url, "a", **SAVED), schema_of(url, "a")
    assert set(remembered.features or []) == BASE | TOOLS | {ModelFeature.AGENT_THOUGHT}
    assert remembered.model_properties[ModelPropertyKey.CONTEXT_SIZE] == 4096
    assert set(nothing.features or []) == BASE
    assert nothing.model_properties[ModelPropertyKey.CONTEXT_SIZE] == 8192


def test_the_server_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_entry.serving.facts.QUESTION_LIMIT_S", 0.1)
    with RoutesServer({"/api/show": silence, "/api/version": silence}) as server:
        schema = schema_of(server.url, connect_timeout="0.1", **SAVED)
    assert schema.model_properties[ModelPropertyKey.CONTEXT_SIZE] == 4096


@pytest.mark.parametrize("saved", [{"base_url": "::"}, {"base_url": "http://h", "context_size": "many"}, {"api_key": "k"}])
def test_settings_that_cannot_be_read(saved: dict[str, str]) -> None:
    """They are an error of the next request, which can say so."""
    assert schema.language_model("m", saved).model_properties[ModelPropertyKey.CONTEXT_SIZE] == 8192


def test_cached() -> None:
    with RoutesServer(shown("0.24.0", "show-think-tools")) as server:
        saved = {"base_url": server.url, "context_size": "auto", **SAVED}
        schema.language_model("m", saved)
        for _ in range(200):
            schema.language_model("m", dict(saved))
        assert server.paths().count("/api/show") == 1


def test_the_sdk_does_not_spoil_what_is_cached() -> None:
    with RoutesServer(shown("0.24.0", "show-chat")) as server:
        first = schema_of(server.url).model_dump_json()
        schema_of(server.url)
        MODEL._validate_and_filter_model_parameters("m", dict(LOWEST), {"base_url": server.url})
        assert schema_of(server.url).model_dump_json() == first


def test_what_is_kept_of_a_schema_holds_no_credentials() -> None:
    """Sixty sets of credentials with 4 MB of headers each kept 490 MB."""
    with RoutesServer(shown("0.24.0", "show-chat")) as server:
        schema_of(server.url, api_key="one", extra_headers="X-One: 1")
        before = schema._language_model.cache_info().currsize
        schema_of(server.url, api_key="two", extra_headers="X-Two: 2")
    assert schema._language_model.cache_info().currsize == before

"""The server's description of a model: every recording, old servers, cloud, and shapes nobody promised."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every, load, ollama_versions
from translator.errors import Family, ServerError
from translator.response.capabilities import DESCRIPTION, ModelInfo, is_cloud_name, listed_info, model_info, read_version
from translator.versions import NEWEST, ServerVersion

TRISTATES = ("completion", "tools", "vision", "thinking", "embedding", "audio", "insert")


def recorded(version: str, scenario: str) -> ModelInfo:
    return model_info(load(version, scenario).body, json.dumps({"version": version}))


def show(**fields: Any) -> ModelInfo:
    return model_info(json.dumps(fields))


def has(info: ModelInfo) -> set[str]:
    return {name for name in TRISTATES if getattr(info, name)}


def is_description(exchange: Exchange) -> bool:
    return exchange.path == "/api/show" and exchange.status == 200


DESCRIPTIONS = every(is_description)


def said(exchange: Exchange) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(exchange.body)
    return document


def capabilities_of(exchange: Exchange) -> set[str] | None:
    """What the server lists; where it is too old to list anything, what a newer one lists for the same model without what came later."""
    if (listed := said(exchange).get("capabilities")) is not None:
        return set(listed)
    newer = [said(each).get("capabilities") for each in DESCRIPTIONS if each.scenario == exchange.scenario]
    # before 0.9.0 no server can think, so nobody says so
    return next((set(each) - {"thinking"} for each in newer if each is not None), None)


@pytest.mark.parametrize("exchange", DESCRIPTIONS, ids=lambda exchange: exchange.address)
def test_recorded_descriptions(exchange: Exchange) -> None:
    info, document = model_info(exchange.body, json.dumps({"version": exchange.server})), said(exchange)
    architecture = document["model_info"]["general.architecture"]
    assert (info.capabilities is None) == ("capabilities" not in document)
    assert has(info) == (capabilities_of(exchange) or has(info))
    assert (info.architecture, info.family) == (architecture, document["details"]["family"])
    assert info.context_length == document["model_info"][f"{architecture}.context_length"]
    assert info.num_ctx is None
    assert info.stop == tuple(re.findall(r'^stop +"(.+)"$', document.get("parameters", ""), re.MULTILINE))
    assert info.version == ServerVersion.parse(exchange.server)
    assert "template=" not in repr(info)


def test_old_server_knows_what_it_can_not_tell() -> None:
    info = recorded("0.5.13", "show-tool-one")
    assert {name: getattr(info, name) for name in TRISTATES} == {
        "completion": True, "tools": True, "vision": False, "thinking": None, "embedding": False, "audio": None, "insert": False,
    }  # fmt: skip


def test_lengths_of_an_embedder() -> None:
    info = recorded("0.33.0-rc2", "show-embedder")
    assert (info.context_length, info.embedding_length) == (64, 32)


@pytest.mark.parametrize(
    ("version", "scenario", "parser", "always"),
    [
        ("0.24.0", "show-harmony-text", "harmony", True),
        ("0.33.0-rc2", "show-harmony-text", "harmony", True),
        ("0.33.0-rc2", "show-coder-call", "qwen3-coder", False),
        ("0.33.0-rc2", "show-think", "", False),
        ("0.33.0-rc2", "cloud-proxy-show", "", True),
    ],
)
def test_parser_and_what_always_thinks(version: str, scenario: str, parser: str, always: bool) -> None:
    info = recorded(version, scenario)
    assert (info.parser, info.always_thinks) == (parser, always)


def test_cloud() -> None:
    stub = recorded("0.33.0-rc2", "cloud-stub-show")
    assert (stub.remote, stub.enforces_format) == (True, False)
    proxied = load("0.33.0-rc2", "cloud-proxy-show").body
    assert not model_info(proxied).remote
    assert model_info(proxied, model="ok:120b-cloud").remote
    assert model_info(proxied, cloud_host=True).remote
    assert model_info(proxied).context_length == 131072
    assert model_info(proxied).embedding_length is None
    assert recorded("0.33.0-rc2", "show-chat").enforces_format


NAMES = {
    "gpt-oss:120b-cloud": True, "glm-5:cloud": True, "gpt-oss:120b:cloud": True, "Kimi-K2.6:CLOUD": True, "me/x:1b-cloud": True,
    "my-cloud": False, "cloud": False, "cloud:7b": False, "gpt-oss:20b": False, "host:5000/my-cloud": False, "x:cloudy": False, "": False,
}  # fmt: skip


@pytest.mark.parametrize(("name", "cloud"), NAMES.items(), ids=[name or "empty" for name in NAMES])
def test_cloud_names(name: str, cloud: bool) -> None:
    assert is_cloud_name(name) is cloud


PARAMETERS = 'num_ctx    1.048576e+06\nstop    "<|im_end|>"\nstop    "\\n"\ntemperature  0.6'

FIELDS: dict[str, tuple[dict[str, Any], str, Any]] = {
    "architecture with dots": (
        {"model_info": {"general.architecture": "glm5.2", "glm5.2.context_length": 202752}},
        "context_length",
        202752,
    ),
    "no architecture, one candidate": ({"model_info": {"x.context_length": 4096}}, "context_length", 4096),
    "no architecture, two candidates": ({"model_info": {"x.context_length": 1, "y.context_length": 2}}, "context_length", None),
    "original length is another thing": ({"model_info": {"x.rope.scaling.original_context_length": 4096}}, "context_length", None),
    "length as float": ({"model_info": {"general.architecture": "a", "a.context_length": 4096.0}}, "context_length", 4096),
    "length zero": ({"model_info": {"general.architecture": "a", "a.embedding_length": 0}}, "embedding_length", None),
    "length in details": ({"details": {"context_length": 8192}}, "context_length", 8192),
    "num_ctx with exponent": ({"parameters": PARAMETERS}, "num_ctx", 1048576),
    "num_ctx quoted": ({"parameters": 'num_ctx "4096"'}, "num_ctx", 4096),
    "num_ctx nonsense": ({"parameters": "num_ctx many"}, "num_ctx", None),
    "stop texts": ({"parameters": PARAMETERS}, "stop", ("<|im_end|>", "\n")),
    "safetensors ignore format": ({"details": {"format": "safetensors"}}, "enforces_format", False),
    "families null": ({"details": {"family": "gptoss", "families": None}}, "families", ()),
    "gpt-oss by family": ({"details": {"family": "gptoss", "families": None}}, "always_thinks", True),
    "gpt-oss by another spelling": ({"details": {"families": ["gpt-oss"]}}, "always_thinks", True),
    "gpt-oss thinks": ({"details": {"family": "gptoss"}}, "thinking", True),
    "parser field": ({"parser": "qwen3"}, "parser", "qwen3"),
    "capabilities null": ({"capabilities": None}, "capabilities", None),
    "capabilities empty": ({"capabilities": []}, "capabilities", None),
    "capabilities with junk": ({"capabilities": ["Vision", 5, None]}, "capabilities", frozenset({"vision"})),
    "capabilities of another shape": ({"capabilities": "vision"}, "capabilities", None),
    "audio": ({"capabilities": ["completion", "audio"]}, "audio", True),
    "insert": ({"template": "{{ .Prompt }}{{ .Suffix }}"}, "insert", True),
    "no template": ({"details": {}}, "tools", None),
    "template without tools": ({"template": "{{ .Prompt }}"}, "tools", False),
    "a word that only begins so": ({"template": "{{ .ToolsX }}"}, "tools", False),
    "vision by projector": ({"projector_info": {"general.architecture": "clip"}}, "vision", True),
    "vision by family": ({"details": {"families": ["llama", "clip"]}}, "vision", True),
    "vision by layers": ({"model_info": {"gemma3.vision.block_count": 27}}, "vision", True),
    "vision unknown": ({"details": {}}, "vision", None),
    "the list wins over the projector": ({"capabilities": ["completion"], "projector_info": {"a": 1}}, "vision", False),
    "embedding by pooling": ({"model_info": {"bert.pooling_type": 1}}, "embedding", True),
    "completion unknown": ({"details": {}}, "completion", None),
    "remote host": ({"remote_host": "https://ollama.com"}, "remote", True),
}


@pytest.mark.parametrize(("body", "field", "expected"), FIELDS.values(), ids=FIELDS)
def test_field(body: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(show(**body), field) == expected


FOREIGN = (b"{}", b'{"data":[]}', b'{"status":"ok"}', b'{"model":"m","id":"chatcmpl-1","choices":[]}', b'{"message":"Hello"}')


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b'"x"', b"404 page not found", *FOREIGN], ids=repr)
def test_no_description(body: bytes) -> None:
    with pytest.raises(ServerError, match="not what Ollama sends") as caught:
        model_info(body)
    assert (caught.value.code, caught.value.family) == ("model_description", Family.UNAVAILABLE)


@pytest.mark.parametrize("version", ollama_versions())
def test_every_recorded_description_is_known_by_its_fields(version: str) -> None:
    """Each has at least four of them: one that proxies or emulators leave out refuses nobody."""
    fields = [set(json.loads(exchange.body)) for exchange in DESCRIPTIONS if exchange.version == version]
    assert all(len(each & DESCRIPTION) >= 4 and each <= DESCRIPTION for each in fields)


@pytest.mark.parametrize("field", sorted(DESCRIPTION))
def test_one_field_of_a_description_is_enough(field: str) -> None:
    assert model_info(json.dumps({field: None})) == model_info(b'{"details":{}}')


def test_an_entry_of_a_list_needs_none_of_them() -> None:
    assert listed_info({"name": "m"}, "m").capabilities is None
    assert listed_info({"capabilities": ["tools"], "details": {"context_length": 64}}, "m", cloud_host=True).remote


def test_an_error_with_status_200_is_told_as_the_server_says_it() -> None:
    with pytest.raises(ServerError) as caught:
        model_info(b'{"error":"model runner has unexpectedly stopped"}')
    assert caught.value.code == "runner_crashed"


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b'{"version":"0.24.0"}', ServerVersion(0, 24)), (b'{"version":5}', NEWEST), (b"<html>", NEWEST), (b"[]", NEWEST), (None, NEWEST)],
    ids=repr,
)
def test_version(body: bytes | None, expected: ServerVersion) -> None:
    assert read_version(body) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(["general.architecture"]), inner, max_size=3)
    ),
    max_leaves=8,
)
NAMES_OF_FIELDS = [
    "details",
    "model_info",
    "parameters",
    "capabilities",
    "template",
    "modelfile",
    "projector_info",
    "remote_host",
    "parser",
]


@given(st.dictionaries(st.sampled_from(NAMES_OF_FIELDS), JSON))
def test_any_shape_is_tolerated(body: dict[str, Any]) -> None:
    info = show(**{"details": None} | body)
    assert all(getattr(info, name) in (True, False, None) for name in TRISTATES)
    assert info.context_length is None or info.context_length > 0

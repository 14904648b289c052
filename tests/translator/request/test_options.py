"""Parameters to wire options: each bullet as input and output, and the server's own rules as the judge."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every
from tests.go.go_server import Refused, read_keep_alive, read_options
from translator.errors import Family, RequestError
from translator.request.context import ContextPlan
from translator.request.options import WireOptions, options_for_model, options_to_wire, stop_texts
from translator.request.parameters import BY_NAME, RETIRED, ThinkChoice

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}

OPTIONS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "nothing": ({}, {}),
    "floats": ({"temperature": 0.7, "top_p": 1}, {"temperature": 0.7, "top_p": 1}),
    "zero is sent": ({"temperature": 0, "seed": 0, "top_k": 0, "num_gpu": 0}, {"temperature": 0, "seed": 0, "top_k": 0, "num_gpu": 0}),
    "texts become numbers": ({"temperature": "0.7", "top_k": " 40 "}, {"temperature": 0.7, "top_k": 40}),
    "whole float becomes int": ({"num_ctx": 4096.0}, {"num_ctx": 4096}),
    "bool word": ({"use_mmap": "false"}, {"use_mmap": False}),
    "max_tokens": ({"max_tokens": 128}, {"num_predict": 128}),
    "num_predict": ({"num_predict": 128}, {"num_predict": 128}),
    "both and equal": ({"num_predict": 128, "max_tokens": 128}, {"num_predict": 128}),
    "unlimited": ({"max_tokens": -1}, {"num_predict": -1}),
    "no tokens at all is not sent": ({"max_tokens": 0}, {}),
    "blank means not given": ({"top_k": None, "temperature": "", "stop": None}, {}),
    "retired": (dict.fromkeys(RETIRED, "whatever"), {}),
    "stop text": ({"stop": "END"}, {"stop": ["END"]}),
    "stop line break": ({"stop": "\n"}, {"stop": ["\n"]}),
    "stop with comma": ({"stop": "a, b"}, {"stop": ["a, b"]}),
    "stop list": ({"stop": ["a", "b", "a", ""]}, {"stop": ["a", "b"]}),
    "stop JSON list": ({"stop": '["a", "\\n"]'}, {"stop": ["a", "\n"]}),
    "stop almost a list": ({"stop": "[INST]"}, {"stop": ["[INST]"]}),
    "stop empty": ({"stop": []}, {}),
}


@pytest.mark.parametrize(("given_parameters", "expected"), OPTIONS.values(), ids=OPTIONS)
def test_options(given_parameters: dict[str, object], expected: dict[str, object]) -> None:
    wire = options_to_wire(given_parameters)
    assert wire.options == expected
    assert {name: type(value) for name, value in wire.options.items()} == {name: type(value) for name, value in expected.items()}
    read_options(wire.options)


REAL = every(lambda exchange: exchange.scenario.startswith("option-"))
BESIDE = {"temperature", "seed", "num_ctx", "num_predict", "num_thread"}
ENDS_THE_PROCESS: dict[tuple[str, Any], str] = {
    ("repeat_penalty", 0): r"Give a number from 0\.1 to 2",
    ("num_batch", 1): r"Give a whole number from 2 to",
}
"""Of 0.24.0 and of 0.33.0."""


def tried(exchange: Exchange) -> tuple[str, Any]:
    """The option that a recording is about, and its value."""
    assert isinstance(exchange.request_body, dict)
    return next((name, value) for name, value in exchange.request_body["options"].items() if name not in BESIDE)


def test_bounds_are_what_real_servers_take() -> None:
    """What any of them refuses is refused here in clear words, or sent in a way that all of them take."""
    refused = {tried(exchange) for exchange in REAL if exchange.status != 200}
    assert refused == {("repeat_last_n", -1), *ENDS_THE_PROCESS}
    for (name, value), words in ENDS_THE_PROCESS.items():
        with pytest.raises(RequestError, match=words):
            options_to_wire({name: value})
    for name, value in {tried(exchange) for exchange in REAL} - ENDS_THE_PROCESS.keys():
        sent = options_for_model(options_to_wire({name: value}).options, ContextPlan(size=4096), remote=False)[name]
        assert sent == (4096 if (name, value) in refused else value)


FOR_MODEL: dict[str, tuple[dict[str, object], bool, dict[str, object]]] = {
    "the whole window": ({"repeat_last_n": -1}, False, {"repeat_last_n": 4096}),
    "more than the window": ({"repeat_last_n": 2**31 - 1}, False, {"repeat_last_n": 4096}),
    "a part of it": ({"repeat_last_n": 64}, False, {"repeat_last_n": 64}),
    "none": ({"repeat_last_n": 0}, True, {"repeat_last_n": 0}),
    "no limit here": ({"num_predict": -2}, False, {"num_predict": -2}),
    "no limit in the cloud": ({"num_predict": -2}, True, {}),
    "no limit in the cloud, spelled otherwise": ({"num_predict": -1, "top_k": 5}, True, {"top_k": 5}),
    "a limit in the cloud": ({"num_predict": 1}, True, {"num_predict": 1}),
    "nothing": ({}, True, {}),
}


@pytest.mark.parametrize(("options", "remote", "expected"), FOR_MODEL.values(), ids=FOR_MODEL)
def test_options_for_a_model(options: dict[str, object], remote: bool, expected: dict[str, object]) -> None:
    assert options_for_model(options, ContextPlan(size=4096), remote=remote) == expected


STOPS: dict[str, tuple[tuple[str, ...], object, tuple[str, ...], list[str] | None]] = {
    "Dify's list": (("a", "b"), None, (), ["a", "b"]),
    "merged without repeats": (("a", "b"), "b", (), ["a", "b"]),
    "Dify first": (("x",), ["y"], (), ["x", "y"]),
    "the model's own come along": (("Observation",), None, ("<|im_end|>",), ["Observation", "<|im_end|>"]),
    "the model's own alone are not sent": ((), None, ("<|im_end|>",), None),
    "empty texts would stop at once": (("",), "", (), None),
}


@pytest.mark.parametrize(("dify", "parameter", "model", "expected"), STOPS.values(), ids=STOPS)
def test_stop_merge(dify: tuple[str, ...], parameter: object, model: tuple[str, ...], expected: list[str] | None) -> None:
    assert options_to_wire({"stop": parameter}, dify, model_stop=model).options.get("stop") == expected


TOP: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "nothing": ({}, {}),
    "keep_alive": ({"keep_alive": "300"}, {"keep_alive": 300}),
    "json": ({"format": "JSON"}, {"format_": "json"}),
    "text": ({"format": "text"}, {}),
    "schema object": ({"json_schema": SCHEMA}, {"json_schema": SCHEMA}),
    "schema text": ({"json_schema": json.dumps(SCHEMA)}, {"json_schema": json.dumps(SCHEMA)}),
    "schema as format": ({"format": SCHEMA}, {"json_schema": SCHEMA}),
    "schema text as format": ({"format": json.dumps(SCHEMA)}, {"json_schema": json.dumps(SCHEMA)}),
    "both": ({"format": "json", "json_schema": SCHEMA}, {"format_": "json", "json_schema": SCHEMA}),
    "think": ({"think": "High"}, {"think": "high"}),
    "think bool": ({"think": False}, {"think": "off"}),
    "think level": ({"think_level": "low"}, {"think": "low"}),
    "off wins over a level": ({"think": False, "think_level": "high"}, {"think": "off"}),
    "hide": ({"show_thinking": False}, {"show_thinking": False}),
    "hide as word": ({"show_thinking": "no"}, {"show_thinking": False}),
}


@pytest.mark.parametrize(("given_parameters", "expected"), TOP.values(), ids=TOP)
def test_top_level(given_parameters: dict[str, object], expected: dict[str, object]) -> None:
    assert options_to_wire(given_parameters) == WireOptions(**expected)  # type: ignore[arg-type]  # a table of all fields


def test_structured() -> None:
    assert not options_to_wire({}).structured
    assert options_to_wire({"format": "json"}).structured
    assert options_to_wire({"json_schema": SCHEMA}).structured


STOP_ERROR = 'stop must be a text or a list of texts. Give one text, or a list such as ["END", "###"].'
ERRORS: dict[str, tuple[dict[str, object], str, str]] = {
    "text for a number": ({"temperature": "hot"}, "parameter_type", "temperature must be a number. Give a number from 0 to 2."),
    "bool for a number": ({"top_k": True}, "parameter_type", "top_k must be a whole number. Give a whole number from 0 to 2147483647."),
    "fraction": ({"num_ctx": 4096.9}, "parameter_type", "num_ctx must be a whole number. Give a whole number from 64 to 2147483647."),
    "not a number": ({"top_p": math.nan}, "parameter_type", "top_p must be a number. Give a number from 0 to 1."),
    "too large": ({"temperature": 3}, "parameter_range", "temperature is out of range. Give a number from 0 to 2."),
    "too small": ({"max_tokens": -3}, "parameter_range", "max_tokens is out of range. Give a whole number from -2 to 2147483647."),
    "wider than 32 bits": ({"num_keep": 2**31}, "parameter_range", "num_keep is out of range. Give a whole number from -1 to 2147483647."),
    "a batch that llama.cpp cannot run": (
        {"num_batch": 1},
        "parameter_range",
        "num_batch is out of range. Give a whole number from 2 to 2147483647.",
    ),
    "more threads than ggml has room for": (
        {"num_thread": 513},
        "parameter_range",
        "num_thread is out of range. Give a whole number from 0 to 512.",
    ),
    "no penalty at all": ({"repeat_penalty": 0}, "parameter_range", "repeat_penalty is out of range. Give a number from 0.1 to 2."),
    "number for a switch": ({"use_mmap": 2}, "parameter_type", "use_mmap must be true or false. Give true or false."),
    "inexact": ({"seed": 2**60}, "parameter_type", "seed must be a whole number. Give a whole number."),
    "stop items": ({"stop": ["a", 1]}, "parameter_type", STOP_ERROR),
    "stop number": ({"stop": 5}, "parameter_type", STOP_ERROR),
    "format": ({"format": "yaml"}, "parameter_choice", "format has an unknown value. Choose json."),
    "format number": ({"format": 1}, "parameter_type", "format must be a text. Give a text."),
    "schema list": ({"json_schema": [1]}, "parameter_type", "json_schema must be a JSON Schema. Give an object, or its JSON text."),
    "think": ({"think": "none of it"}, "parameter_choice", f"think has an unknown value. Choose one of {', '.join(ThinkChoice)}."),
    "unknown": ({"temprature": 1}, "parameter_unknown", "temprature is not known. Did you mean temperature?"),
    "twice": (
        {"max_tokens": 5, "num_predict": 6},
        "parameter_twice",
        "num_predict says something else than max_tokens, which means the same. Give only max_tokens.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given_parameters", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_errors(given_parameters: dict[str, object], code: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        options_to_wire(given_parameters)
    assert (caught.value.code, str(caught.value)) == (code, f"The parameter {message}")
    assert caught.value.family is Family.BAD_REQUEST


def test_unknown_name_without_a_neighbour_lists_the_names() -> None:
    with pytest.raises(RequestError, match="Known parameters: temperature, top_p"):
        options_to_wire({"xyzzy": 1})


def test_bad_keep_alive_names_it() -> None:
    with pytest.raises(RequestError, match=r"^keep_alive "):
        options_to_wire({"keep_alive": "1d"})


def test_values_are_not_repeated_in_errors() -> None:
    with pytest.raises(RequestError) as caught:
        options_to_wire({"temperature": "my secret prompt"})
    assert "secret" not in str(caught.value)


def _accepted(parameters: Mapping[str, object], stop: Sequence[str] = ()) -> WireOptions:
    """What comes out; nothing when the parameters are refused before the request."""
    try:
        return options_to_wire(parameters, stop)
    except RequestError:
        return WireOptions()


def _sent_options(exchange: Exchange) -> bool:
    body = exchange.request_body
    return isinstance(body, dict) and exchange.path in {"/api/chat", "/api/generate"} and "options" in body


@pytest.mark.parametrize("exchange", every(_sent_options), ids=lambda exchange: exchange.address)
def test_recorded_options(exchange: Exchange) -> None:
    """What servers took passes unchanged; what they refused for its type is refused or comes out right. For bounds see above."""
    options = exchange.request_body["options"]
    if any(options.get(name) == value for name, value in ENDS_THE_PROCESS):
        assert exchange.status != 200
        return
    is_refusal = exchange.status == 500 and b"must be" in exchange.body
    if not is_refusal:
        read_options(options)
        assert options_to_wire(options).options == options
        return
    with pytest.raises(Refused) as refused:
        read_options(options)
    assert json.loads(exchange.body)["error"] == str(refused.value)
    read_options(_accepted(options).options)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.lists(st.text(max_size=3), max_size=3),
    st.sampled_from(["0.5", "40", "5m", "-1", "json", "high", "off", '["a"]', "true"]), st.integers(-5, 5000), st.floats(-3, 3),
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from([*BY_NAME, "num_predict", "think_level", *RETIRED]), VALUES, max_size=5),
    st.lists(st.text(max_size=3), max_size=3),
)
def test_never_what_the_server_refuses(parameters: dict[str, object], stop: list[str]) -> None:
    wire = _accepted(parameters, stop)
    read_options(wire.options)
    read_keep_alive(wire.keep_alive)
    assert "" not in wire.options.get("stop", [])
    assert wire.options.get("num_predict") != 0
    assert len(json.dumps(wire.options, allow_nan=False)) > 0


@given(st.text())
def test_a_stop_text_stays_one_text(text: str) -> None:
    if not text.strip().startswith("["):
        assert stop_texts(text) == (text,)

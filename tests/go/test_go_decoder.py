"""The decoder double against recorded requests, against the real Go structs' answers, and against its own corner cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.go import go_decoder
from tests.go.go_decoder import CHAT, EMBED, GENERATE, Refused
from tests.go.go_json import Struct

FIXTURES = Path(__file__).parents[2] / "fixtures"
MEASURED = Path(__file__).parents[1] / "data" / "go_decode.jsonl"
ROUTES: dict[str, Struct] = {"/api/chat": CHAT, "/api/generate": GENERATE, "/api/embed": EMBED}
HEAD_RULES = ("0.24.0", "0.33.0-rc2")

DECODE_REFUSALS = {
    "error-arguments-string",
    "error-content-list",
    "error-empty-body",
    "error-image-data-url",
    "error-malformed-json",
    "error-no-model",
    "error-option-type",
    "error-stop-string",
    "format-invalid",
    "keep-alive-bad-string",
    "think-bad-value",
    "embed-bad-item",
    "native-format-invalid",
    "native-format-invalid-blocking",
}
"""Recorded refusals that depend on the body alone; all others depend on the model or on the server's state."""


def recordings(*versions: str) -> list[Any]:
    found = []
    for version in versions:
        for path in sorted((FIXTURES / version).glob("*.json")):
            exchange = json.loads(path.read_text(encoding="utf-8"))
            if exchange["request"]["path"] in ROUTES and exchange["request"]["method"] == "POST":
                found.append(pytest.param(exchange, id=f"{version}-{path.stem}"))
    return found


def refusal(exchange: dict[str, Any]) -> Refused | None:
    request = exchange["request"]
    try:
        body = request["body"] if "body" in request else go_decoder.parse(request["raw_body"])
        go_decoder.CHECKS[request["path"]](body)
    except Refused as refused:
        return refused
    return None


@pytest.mark.parametrize("exchange", recordings(*HEAD_RULES, "0.5.13", "0.9.6"))
def test_recorded_exchange(exchange: dict[str, Any]) -> None:
    response = exchange["response"]
    refused = refusal(exchange)
    if exchange["scenario"] not in DECODE_REFUSALS:
        assert refused is None
    elif exchange["server"] in HEAD_RULES:
        assert refused is not None
        assert refused.status == response["status"]
        assert {"error": refused.text} == json.loads("".join(text for _, text in response["chunks"]))
    if response["status"] == 200 and exchange["server"] in HEAD_RULES:
        assert refused is None


def test_recorded_refusals_are_all_there() -> None:
    for version in HEAD_RULES:
        names = {path.stem for path in (FIXTURES / version).glob("*.json")}
        assert names >= {name for name in DECODE_REFUSALS if not name.startswith("native-")}


def test_answers_of_the_real_structs() -> None:
    wrong = []
    for line in MEASURED.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        got: dict[str, str] = {}
        try:
            go_decoder.decode(case["body"], ROUTES[case["path"]])
        except Refused as refused:
            got = {"error": refused.text}
        else:
            problem = go_decoder.bad_option(case["body"].get("options")) if isinstance(case["body"], dict) else None
            got = {"option_error": problem} if problem else {}
        if got != {key: case[key] for key in ("error", "option_error") if key in case}:
            wrong.append((case, got))
    assert wrong == []


def test_many_answers_were_measured() -> None:
    cases = [json.loads(line) for line in MEASURED.read_text(encoding="utf-8").splitlines()]
    assert len(cases) > 900
    assert {case["path"] for case in cases} == set(ROUTES)
    assert sum("error" in case for case in cases) > 300


EXPECTED_FORMAT = 'expected "json" or a valid JSON Schema object'
CHECKED_LATER: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "chat without model": ("/api/chat", {"messages": []}, 400, "model is required"),
    "generate without model": ("/api/generate", {"prompt": "x"}, 404, "model '' not found"),
    "embed without model": ("/api/embed", {"input": "x"}, 404, "model '' not found"),
    "too many logprobs": ("/api/chat", {"model": "m", "top_logprobs": 21}, 400, "top_logprobs must be between 0 and 20"),
    "raw with system": (
        "/api/generate",
        {"model": "m", "raw": True, "system": "s"},
        400,
        "raw mode does not support template, system, or context",
    ),
    "embed of a number": ("/api/embed", {"model": "m", "input": 1}, 400, "invalid input type"),
    "format list": (
        "/api/chat",
        {"model": "m", "format": [1]},
        500,
        f'invalid format: "[1]"; {EXPECTED_FORMAT}',
    ),
    "format true": (
        "/api/generate",
        {"model": "m", "format": True},
        500,
        f'invalid format: "true"; {EXPECTED_FORMAT}',
    ),
}


@pytest.mark.parametrize(("path", "body", "status", "text"), CHECKED_LATER.values(), ids=CHECKED_LATER)
def test_checks_after_decoding(path: str, body: dict[str, Any], status: int, text: str) -> None:
    with pytest.raises(Refused) as caught:
        go_decoder.CHECKS[path](body)
    assert (caught.value.status, caught.value.text) == (status, text)


SYNTAX = {
    "": "missing request body",
    "{": "unexpected EOF",
    '{"a"': "unexpected EOF",
    '{"a": [}': "invalid character '}' looking for beginning of value",
    "{a:1}": "invalid character 'a' looking for beginning of object key string",
    '{"a" 1}': "invalid character '1' after object key",
}


@pytest.mark.parametrize(("text", "error"), SYNTAX.items(), ids=SYNTAX.values())
def test_syntax_errors(text: str, error: str) -> None:
    with pytest.raises(Refused) as caught:
        go_decoder.parse(text)
    assert caught.value.text == error


def test_what_follows_the_first_value_is_ignored() -> None:
    assert go_decoder.parse(' {"a": 1}}garbage') == {"a": 1}

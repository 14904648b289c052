"""The decoder double against recorded requests, against the real Go structs' answers, and against its own corner cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.recordings import Exchange, every
from tests.go import go_decoder
from tests.go.go_decoder import CHAT, EMBED, GENERATE, Refused
from tests.go.go_json import Struct
from tests.translator.recorded_failures import SPELLING, failed, failure_of, is_misspelled
from translator.versions import ServerVersion

MEASURED = Path(__file__).parents[1] / "data" / "go_decode.jsonl"
ROUTES: dict[str, Struct] = {"/api/chat": CHAT, "/api/generate": GENERATE, "/api/embed": EMBED}
OLDEST = ServerVersion(0, 24, 0)
"""Since then the decoder has the rules that the double has, of which the values of `think` are the latest."""


def is_read(exchange: Exchange) -> bool:
    return exchange.path in ROUTES and exchange.method == "POST"


RECORDED = every(is_read)


def is_new(exchange: Exchange) -> bool:
    return ServerVersion.parse(exchange.server) >= OLDEST


def refusal(exchange: Exchange) -> Refused | None:
    try:
        raw = exchange.request_raw_body
        body = exchange.request_body if raw is None else go_decoder.parse(raw.decode())
        go_decoder.CHECKS[exchange.path](body if is_new(exchange) else {key: value for key, value in body.items() if key != "think"})
    except Refused as refused:
        return refused
    return None


@pytest.mark.parametrize("exchange", RECORDED, ids=lambda exchange: exchange.address)
def test_recorded_exchange(exchange: Exchange) -> None:
    """The double refuses what the servers refused for its spelling, in their words, and nothing else."""
    refused = refusal(exchange)
    if not is_new(exchange):
        assert refused is None or failed(exchange)
    elif is_misspelled(exchange):
        assert refused is not None
        assert refused.status == exchange.status
        assert {"error": refused.text} == json.loads(exchange.body)
    else:
        assert refused is None


def test_recorded_refusals_are_all_there() -> None:
    found = {failure_of(exchange).code for exchange in RECORDED if is_misspelled(exchange)}
    assert found == SPELLING


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

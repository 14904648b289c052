"""The error catalogue: every recorded failure and every known wording finds the row that was meant for it."""

import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from docs.pages.errors import errors_page
from fixtures import recordings
from fixtures.recordings import Exchange
from plugin_entry.retrying import TRANSIENT
from tests.proxied_replies import PROXIED_REPLIES
from translator.errors import Family, ServerError
from translator.response import catalogue
from translator.response.catalogue import CATALOGUE, RETRYABLE, SECTIONS
from translator.response.catalogue_entry import FACTS, Entry, Refusal, first_match
from translator.response.catalogue_page import DIFY_ERRORS, render_markdown
from translator.response.catalogue_stream import STREAM
from translator.response.failure_bodies import Shape, unwrap
from translator.response.failures import failure_from_reply, failure_in_stream, is_retryable
from translator.response.proxies import proxy_in
from translator.response.rerank_catalogue import REFUSALS
from translator.response.rerank_failures import rerank_refusal
from translator.shapes.exchange import HttpReply

ERRORS_PAGE = Path(__file__).parent.parent / "docs" / "errors.md"

RECORDED_FAILURES = Path(__file__).parent / "data" / "recorded_failures.txt"


def expected() -> dict[str, tuple[str, Family, bool]]:
    """The table in `data/recorded_failures.txt`: address of a recording to code, family and whether it may be tried again."""
    table: dict[str, tuple[str, Family, bool]] = {}
    row = ("", Family.BAD_REQUEST, False)
    for line in RECORDED_FAILURES.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if line.startswith(" "):
            table |= {f"{words[0].removesuffix(':')}/{scenario}": row for scenario in words[1:]}
        elif words:
            row = (words[0], Family(words[1]), {"retry": True, "once": False}[words[2]])
    return table


EXPECTED = expected()


def error_line(exchange: Exchange) -> Any:
    """The value of the in-band `error` of a recording that began with 200, or None."""
    if exchange.status >= 400 or exchange.version == "rerank":
        return None
    for line in exchange.lines:
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(document, dict) and "error" in document:
            return document["error"]
    return None


def failed(exchange: Exchange) -> bool:
    return exchange.status >= 400 or error_line(exchange) is not None


def sent_model(exchange: Exchange) -> str:
    return exchange.request_body.get("model", "") if isinstance(exchange.request_body, dict) else ""


def sent_documents(exchange: Exchange) -> list[str]:
    body = exchange.request_body if isinstance(exchange.request_body, dict) else {}
    held = body.get("documents") or body.get("texts") or []
    return [text for text in held if isinstance(text, str)] if isinstance(held, list) else []


def asks_for_a_ranking(route: str) -> bool:
    """Such refusals are looked up in the table of rerank services, and in no other."""
    return "rerank" in route


def failure_of(exchange: Exchange) -> ServerError:
    model, route = sent_model(exchange), exchange.path
    if asks_for_a_ranking(route):
        reply = HttpReply(status=exchange.status, headers=exchange.headers, body=exchange.body)
        return rerank_refusal(reply, route=route, model=model, sent=sent_documents(exchange)).error
    if exchange.status >= 400:
        return failure_from_reply(exchange.status, exchange.body, model=model, route=route, headers=exchange.headers)
    return failure_in_stream(error_line(exchange), model=model, route=route)


FAILURES = recordings.every(failed)


@pytest.mark.parametrize("exchange", FAILURES, ids=lambda exchange: exchange.address)
def test_recorded_failure_is_the_expected_entry(exchange: Exchange) -> None:
    error = failure_of(exchange)
    assert (error.code, error.family, is_retryable(error)) == EXPECTED[exchange.address]


def test_every_expected_recording_exists() -> None:
    assert EXPECTED.keys() == {exchange.address for exchange in FAILURES}


def test_no_recorded_failure_is_unknown() -> None:
    assert [exchange.address for exchange in FAILURES if failure_of(exchange).code == "unknown"] == []


OLLAMA_FAILURES = [exchange for exchange in FAILURES if exchange.version != "rerank"]


@pytest.mark.parametrize("exchange", OLLAMA_FAILURES, ids=lambda exchange: exchange.address)
def test_recorded_failure_is_worth_a_retry_exactly_when_it_is_transient(exchange: Exchange) -> None:
    concurrency = exchange.address == "0.33.0-rc2/cloud-proxy-slots"
    assert is_retryable(failure_of(exchange)) == (exchange.status in {502, 503, 504} or concurrency)


@pytest.mark.parametrize("exchange", FAILURES, ids=lambda exchange: exchange.address)
def test_recorded_failure_message_shows_nothing_internal(exchange: Exchange) -> None:
    message = str(failure_of(exchange))
    echoes = ("127.0.0.1", "43717", "/usr/", "signin_url", "connect?", "key=KEY", '{"', "Par'", "pid=", "one string", "sha256", "map[")
    assert [echo for echo in echoes if echo in message] == []
    assert len(message) < 600
    assert "\n" not in message


def test_recorded_sign_in_address_is_known_but_not_shown() -> None:
    error = failure_of(recordings.load("0.33.0-rc2", "cloud-stub-unauth"))
    assert error.problem.message == (
        'The model "stub-unauth" runs on ollama.com, and the Ollama server is not signed in there. Run `ollama signin` on the machine '
        "where Ollama runs; an API key in Dify has no effect on a local server."
    )


# (status, body, what else is known of the request, code)
type Wording = tuple[int, str, dict[str, str], str]

CHAT: dict[str, str] = {}
EMBED = {"route": "/api/embed"}
PAGE = "<html><head><title>{0}</title></head><body><center>{1}</center></body></html>"

WORDINGS: tuple[Wording, ...] = (
    # decoding of requests, api/types.go at 0.33.0-rc2
    (400, "json: cannot unmarshal string into Go struct field ChatRequest.messages of type []api.Message", CHAT, "request_field_type"),
    (400, "json: cannot unmarshal string into Go struct field ChatRequest.messages of type api.Alias", CHAT, "request_field_type"),
    (
        400,
        "json: cannot unmarshal string into Go struct field ChatRequest.options of type map[string]interface {}",
        CHAT,
        "request_field_type",
    ),
    (
        400,
        "json: cannot unmarshal number into Go struct field ChatRequest.messages.tool_calls.id of type string",
        CHAT,
        "request_field_type",
    ),
    (400, 'think must be a boolean or string ("high", "medium", "low", "max", true, or false)', CHAT, "think_level"),
    (400, 'think value "high" is not supported for this model', CHAT, "think_level"),
    (400, "illegal base64 data at input byte 4096", CHAT, "image_encoding"),
    (400, 'time: invalid duration "forever"', CHAT, "keep_alive_invalid"),
    (400, 'time: invalid duration ""', CHAT, "keep_alive_invalid"),
    (400, 'time: unknown unit "d" in duration "1d"', CHAT, "keep_alive_invalid"),
    (400, "Unsupported type: 'bool'", CHAT, "keep_alive_invalid"),
    (400, "unexpected EOF", CHAT, "request_json_broken"),
    (400, "invalid character 'o' in literal null (expecting 'u')", CHAT, "request_json_broken"),
    # models and capabilities
    (404, "model '' not found", CHAT, "model_name_missing"),
    (404, 'model "llama3.2:7b" not found, try pulling it first', EMBED, "model_missing"),
    (404, "The model `x` does not exist.", CHAT, "model_missing"),
    (412, "The model you are attempting to pull requires a newer version of Ollama.", CHAT, "server_too_old"),
    (400, '"nomic-embed-text" does not support generate', CHAT, "no_chat"),
    (400, "registry.ollama.ai/library/gemma3:latest does not support insert", CHAT, "no_insert"),
    (400, "registry.ollama.ai/library/gemma3:latest does not support vision", CHAT, "no_vision"),
    (400, "registry.ollama.ai/library/gemma3:latest does not support juggling", CHAT, "no_capability"),
    (400, '"x" does not support thinking\nregistry.ollama.ai/library/x:latest does not support tools', CHAT, "no_thinking"),
    (400, "image generation models are not currently supported", CHAT, "no_pictures_out"),
    (500, "this model does not support embeddings", EMBED, "no_embeddings"),
    (500, "this model only supports one image while more than one image requested", CHAT, "image_one_only"),
    (400, "vision model only supports a single image per message", CHAT, "image_one_only"),
    # requests
    (400, "input exceeds maximum context length", EMBED, "text_too_long"),
    (400, "input after truncation exceeds maximum context length", EMBED, "text_too_long"),
    (400, "embedding contains NaN or Inf values", EMBED, "embed_not_finite"),
    (500, "json: unsupported value: NaN", EMBED, "embed_not_finite"),
    (400, "input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)", CHAT, "prompt_too_long"),
    (500, "invalid JSON schema in format", CHAT, "schema_unsupported"),
    (400, "raw mode does not support template, system, or context", CHAT, "messages_refused"),
    (500, 'template: :3:12: executing "" at <.Foo>: can\'t evaluate field Foo', CHAT, "template_failed"),
    (500, "\n---\nWhile executing CallExpression\nError: Jinja Exception: Only one system message is allowed", CHAT, "template_failed"),
    # running
    (500, "model requires more system memory (9.1 GiB) than is available (7.3 GiB)", CHAT, "memory_short"),
    (500, "llama runner process has terminated: exit status 0xc0000409", CHAT, "load_failed"),
    (500, "llama runner process no longer running: -1", CHAT, "load_failed"),
    (500, "timed out waiting for llama runner to start: context canceled", CHAT, "load_timeout"),
    (500, "client connection closed before llama-server finished loading, aborting load", CHAT, "load_aborted"),
    (499, "request canceled", CHAT, "load_aborted"),
    (503, "Loading model", CHAT, "model_loading"),
    # the cloud
    (401, "unauthorized", {"model": "glm-5:cloud"}, "cloud_sign_in"),
    (401, "unauthorized", {"model": "glm-5.2"}, "unauthorized"),
    (402, "payment required", CHAT, "cloud_plan"),
    (410, "this is gone", CHAT, "cloud_retired"),
    (429, "you (x) have reached your weekly usage limit, upgrade for higher limits", CHAT, "cloud_quota"),
    (404, 'path "/v1/embeddings" not found', {"route": "/v1/embeddings"}, "cloud_route_missing"),
    # addresses, keys, proxies
    (400, "Client sent an HTTP request to an HTTPS server.", CHAT, "https_expected"),
    (400, PAGE.format("400 The plain HTTP request was sent to HTTPS port", "nginx"), CHAT, "https_expected"),
    (307, "", CHAT, "redirected"),
    (407, PAGE.format("407 Proxy Authentication Required", "squid"), CHAT, "proxy_sign_in"),
    (401, PAGE.format("401 Authorization Required", "nginx"), CHAT, "unauthorized"),
    (401, PAGE.format("401 Authorization Required", "nginx"), {"model": "glm-5:cloud"}, "unauthorized"),
    (401, '{"detail":"Not authenticated"}', CHAT, "unauthorized"),
    (403, PAGE.format("403 Forbidden", "nginx"), CHAT, "proxy_refused"),
    (403, '{"detail":"Not enough permissions"}', CHAT, "forbidden"),
    (404, PAGE.format("404 Not Found", "nginx"), CHAT, "not_ollama"),
    (404, '{"detail":"Not Found"}', CHAT, "not_found"),
    (502, PAGE.format("502 Bad Gateway", "nginx"), CHAT, "proxy_gateway"),
    (502, "", CHAT, "proxy_gateway"),
    (503, "upstream connect error or disconnect/reset before headers", CHAT, "proxy_gateway"),
    (503, '{"error":"come back later"}', CHAT, "unavailable"),
    (504, PAGE.format("504 Gateway Time-out", "nginx"), CHAT, "proxy_timeout"),
    (524, PAGE.format("A timeout occurred", "cloudflare"), CHAT, "proxy_origin"),
    (500, PAGE.format("Internal Server Error", "apache"), CHAT, "proxy_failed"),
    (413, PAGE.format("413 Request Entity Too Large", "nginx"), CHAT, "body_too_large"),
    (429, "slow down", CHAT, "rate_limited"),
    (408, "", CHAT, "request_timeout"),
    (200, PAGE.format("Sign in", "Grafana"), CHAT, "not_ollama"),
    (500, "", CHAT, "runner_silent"),
    # nothing known
    (400, "something new", CHAT, "unknown"),
    (500, "something new", CHAT, "unknown"),
    (200, '{"error":"something new"}', CHAT, "unknown"),
)


def body_of(text: str) -> bytes:
    """The text as Ollama would wrap it, unless it is a body already."""
    return text.encode() if not text or text[0] in "<{" else orjson.dumps({"error": text})


RERANK_WORDINGS: tuple[tuple[int, str, str], ...] = (
    # those of which there is no recording: (status, body, code)
    (403, '{"detail":"Not enough permissions"}', "rerank_forbidden"),
    (403, '{"detail":"something new"}', "rerank_forbidden"),
    (401, PAGE.format("401 Authorization Required", "nginx"), "unauthorized"),
    (403, PAGE.format("403 Forbidden", "nginx"), "proxy_refused"),
    (407, PAGE.format("407 Proxy Authentication Required", "squid"), "proxy_sign_in"),
    (400, '{"detail":"Model not found in the model list, uid: x"}', "rerank_model_unknown"),
    (404, '{"error":{"message":"The model `x` does not exist."}}', "rerank_model_unknown"),
    (429, '{"error":"Model is overloaded","error_type":"Overloaded"}', "rerank_rate_limited"),
    (501, '{"error":{"message":"The model does not support Rerank (Score) API"}}', "rerank_not_a_reranker"),
    (400, '{"detail":"ModelNotDeployedError: model x does not support `rerank`"}', "rerank_not_a_reranker"),
    (400, "This model's maximum context length is 512 tokens. However, you requested 640 tokens.", "rerank_too_long"),
    (413, "batch size 33 > maximum allowed batch size 32", "rerank_too_many"),
    (422, '{"detail":[{"type":"missing","loc":["body","query"],"msg":"Field required","input":{"documents":["a"]}}]}', "rerank_refused"),
    (502, PAGE.format("502 Bad Gateway", "nginx"), "proxy_gateway"),
    (504, PAGE.format("504 Gateway Time-out", "nginx"), "rerank_failed"),
    (503, '{"error":{"message":"Loading model","type":"unavailable_error"}}', "rerank_loading"),
    (500, "something new", "rerank_failed"),
    (307, "", "rerank_redirected"),
    (204, "", "rerank_failed"),
)


@pytest.mark.parametrize(("status", "text", "code"), RERANK_WORDINGS, ids=[f"{row[0]}-{row[1][:40]}" for row in RERANK_WORDINGS])
def test_known_wording_of_a_rerank_service_is_the_expected_entry(status: int, text: str, code: str) -> None:
    assert rerank_refusal(HttpReply(status=status, body=text.encode()), route="/v1/rerank").error.code == code


PLAIN_TEXTS = ("upstream connect error", "Client sent")


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: f"{wording[0]}-{wording[1][:40]}")
def test_known_wording_is_the_expected_entry(wording: Wording) -> None:
    status, text, known, code = wording
    body = text.encode() if text.startswith(PLAIN_TEXTS) else body_of(text)
    assert failure_from_reply(status, body, **known).code == code  # type: ignore[arg-type]  # only str keywords are in the table


def refusals() -> list[Refusal]:
    """Everything the tests above know, as the catalogue sees it."""
    wordings = [
        Refusal(status=status, found=unwrap(text.encode() if text.startswith(PLAIN_TEXTS) else body_of(text)), **known)  # type: ignore[arg-type]  # only str keywords are in the table
        for status, text, known, _ in WORDINGS
    ]
    recorded = [
        Refusal(
            status=exchange.status,
            found=unwrap(exchange.body if exchange.status >= 400 else orjson.dumps({"error": error_line(exchange)})),
            route=exchange.path,
            model=sent_model(exchange),
        )
        for exchange in FAILURES
        if not asks_for_a_ranking(exchange.path)
    ]
    return wordings + recorded + PROXIED


def rerank_refusals() -> list[Refusal]:
    """The same for the table of rerank services."""
    wordings = [Refusal(status=status, found=unwrap(text.encode())) for status, text, _ in RERANK_WORDINGS]
    recorded = [exchange for exchange in FAILURES if asks_for_a_ranking(exchange.path)]
    return wordings + [Refusal(status=exchange.status, found=unwrap(exchange.body)) for exchange in recorded] + PROXIED


PROXIED = [Refusal(status=row.status, found=unwrap(row.body), proxy=proxy_in(row.headers)) for row in PROXIED_REPLIES.values()]

TABLES = {"Ollama": (CATALOGUE, refusals), "rerank services": (REFUSALS, rerank_refusals)}


@pytest.mark.parametrize(("table", "examples"), TABLES.values(), ids=TABLES)
def test_every_row_is_reached_by_an_example(table: tuple[Entry, ...], examples: Callable[[], list[Refusal]]) -> None:
    reached = {id(first_match(table, refusal)[0]) for refusal in examples()}
    assert [(entry.code, entry.source) for entry in table if id(entry) not in reached] == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_rows_of_rerank_services_say_what_is_tried_again(status: int) -> None:
    """`plugin_entry.patient` tries again by the status alone."""
    row, _ = first_match(REFUSALS, Refusal(status=status, found=unwrap(b"something new")))
    assert row.retryable == (status in TRANSIENT)


@pytest.mark.parametrize("entry", CATALOGUE + REFUSALS + STREAM, ids=lambda entry: entry.code)
def test_entry_text_names_only_known_facts(entry: Entry) -> None:
    facts = {name for text in (entry.cause, entry.remedy) for _, name, _, _ in string.Formatter().parse(text) if name}
    caught = [set(pattern.groupindex) for pattern in entry.patterns]
    free = set.intersection(*caught) if caught else set()
    told = {"where", "line", "length"} if entry in STREAM else set()
    assert facts <= set(FACTS) | free | told


@pytest.mark.parametrize("entry", CATALOGUE + REFUSALS + STREAM, ids=lambda entry: entry.code)
def test_entry_is_complete(entry: Entry) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", entry.code)
    assert entry.source
    assert re.search(r"\.({said})?({passed})?$", entry.cause)
    assert entry.remedy.endswith(".")


def test_entries_of_one_code_agree_on_retries() -> None:
    assert [entry.code for entry in CATALOGUE if entry.retryable != (entry.code in RETRYABLE)] == []


def test_only_refusals_of_the_key_are_authorization_errors() -> None:
    assert {entry.code for entry in CATALOGUE if entry.family is Family.AUTHORIZATION} == {"unauthorized", "forbidden"}


def test_last_row_fits_everything() -> None:
    last = CATALOGUE[-1]
    assert (last.code, last.statuses, last.patterns, last.shapes, last.signin) == ("unknown", frozenset(), (), frozenset[Shape](), False)
    assert (last.route.pattern, last.model.pattern) == ("", "")


def test_catalogue_without_a_fitting_row_says_so() -> None:
    with pytest.raises(LookupError, match="no last row"):
        first_match((), Refusal(status=500, found=unwrap(b"x")))


def test_errors_page_is_the_catalogue() -> None:
    page = ERRORS_PAGE.read_text(encoding="utf-8")
    assert page == errors_page()
    assert page.startswith(render_markdown())


def test_errors_page_names_every_code_and_every_dify_error() -> None:
    page = render_markdown()
    assert [entry.code for entry in CATALOGUE + REFUSALS + STREAM if f"| `{entry.code}` |" not in page] == []
    assert DIFY_ERRORS.keys() == set(Family)
    assert all(f"## {section.title}\n" in page for section in SECTIONS)
    assert "## Rerank services\n\nRerank services are looked up in this table alone.\n" in page


def test_errors_page_shows_many_statuses_as_spans() -> None:
    assert "| status 400-499, 501 |" in render_markdown()


def test_errors_page_tables_have_five_columns_in_every_row() -> None:
    rows = [line for line in render_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {6}


def test_problem_of_is_the_first_match_filled_in() -> None:
    problem = catalogue.problem_of(Refusal(status=500, found=unwrap(b'{"error":"option \\"stop\\" must be of type array"}')))
    assert problem.message == (
        'The parameter "stop" has the wrong type; the server wants array there. Correct the parameter in the model\'s settings.'
    )

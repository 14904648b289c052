"""The error catalogue: every recorded failure and every known wording finds the row that was meant for it."""

import re
import string
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from docs.pages.catalogue_page import DIFY_ERRORS, render_markdown
from docs.pages.errors import errors_page
from fixtures import recordings
from fixtures.recordings import Exchange, is_version
from plugin_entry.network.retries import TRANSIENT
from tests.translator.failures.failure_wordings import PAGE, TWICE, WORDINGS, Wording
from tests.translator.failures.proxied_replies import PROXIED_REPLIES
from tests.translator.recorded_failures import asks_for_a_ranking, error_line, failed, failure_of, sent_model
from translator.errors import Family
from translator.failures import catalogue
from translator.failures.bodies import Shape, unwrap, unwrap_text
from translator.failures.build import failure_from_reply, is_retryable
from translator.failures.catalogue import CATALOGUE, RETRYABLE, SECTIONS
from translator.failures.proxies import proxy_in
from translator.failures.row import FACTS, Moment, Refusal, Row, first_match
from translator.failures.stream import STREAM
from translator.rerank.catalogue import REFUSALS
from translator.rerank.refusals import rerank_refusal
from translator.shapes.exchange import HttpReply

ERRORS_PAGE = Path(__file__).parents[3] / "docs" / "errors.md"

RECORDED_FAILURES = Path(__file__).parents[2] / "data" / "recorded_failures.txt"


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


FAILURES = recordings.every(failed)


@pytest.mark.parametrize("exchange", [each for each in FAILURES if each.address in EXPECTED], ids=lambda exchange: exchange.address)
def test_recorded_failure_is_the_expected_entry(exchange: Exchange) -> None:
    """A recording that the table does not list is held by the tests below: it is known, tried again if it is transient, and clean."""
    error = failure_of(exchange)
    assert (error.code, error.family, is_retryable(error)) == EXPECTED[exchange.address]


def test_every_expected_recording_exists() -> None:
    assert EXPECTED.keys() - {exchange.address for exchange in FAILURES} == set()


def test_no_recorded_failure_is_unknown() -> None:
    assert [exchange.address for exchange in FAILURES if failure_of(exchange).code == "unknown"] == []


OLLAMA_FAILURES = [exchange for exchange in FAILURES if is_version(exchange.version)]


@pytest.mark.parametrize("exchange", OLLAMA_FAILURES, ids=lambda exchange: exchange.address)
def test_recorded_failure_is_worth_a_retry_exactly_when_it_is_transient(exchange: Exchange) -> None:
    error = failure_of(exchange)
    assert is_retryable(error) == (exchange.status in {502, 503, 504} or error.code == "cloud_slots")


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
def test_known_wording_of_a_rerank_service_is_the_expected_row(status: int, text: str, code: str) -> None:
    assert rerank_refusal(HttpReply(status=status, body=text.encode()), route="/v1/rerank").error.code == code


PLAIN_TEXTS = ("upstream connect error", "Client sent")


@pytest.mark.parametrize("wording", WORDINGS, ids=lambda wording: f"{wording[0]}-{wording[1][:40]}")
def test_known_wording_is_the_expected_row(wording: Wording) -> None:
    status, text, known, code = wording
    body = text.encode() if text.startswith(PLAIN_TEXTS) else body_of(text)
    assert failure_from_reply(status, body, **known).code == code  # type: ignore[arg-type]  # only str keywords are in the table


def refusals() -> list[Refusal]:
    """Everything the tests above know, as the catalogue sees it."""
    wordings = [
        Refusal(status=status, found=unwrap(text.encode() if text.startswith(PLAIN_TEXTS) else body_of(text)), **known)  # type: ignore[arg-type]  # route and model
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
    spoken = [
        Refusal(status=status, found=unwrap_text(text), moment=moment)
        for text, _, _ in TWICE
        for status, moment in ((500, Moment.REPLY), (200, Moment.STREAM))
    ]
    return wordings + recorded + spoken + PROXIED


def rerank_refusals() -> list[Refusal]:
    """The same for the table of rerank services."""
    wordings = [Refusal(status=status, found=unwrap(text.encode())) for status, text, _ in RERANK_WORDINGS]
    recorded = [exchange for exchange in FAILURES if asks_for_a_ranking(exchange.path)]
    return wordings + [Refusal(status=exchange.status, found=unwrap(exchange.body)) for exchange in recorded] + PROXIED


PROXIED = [Refusal(status=row.status, found=unwrap(row.body), proxy=proxy_in(row.headers)) for row in PROXIED_REPLIES.values()]

TABLES = {"Ollama": (CATALOGUE, refusals), "rerank services": (REFUSALS, rerank_refusals)}


@pytest.mark.parametrize(("table", "examples"), TABLES.values(), ids=TABLES)
def test_every_row_is_reached_by_an_example(table: tuple[Row, ...], examples: Callable[[], list[Refusal]]) -> None:
    reached = {id(first_match(table, refusal)[0]) for refusal in examples()}
    assert [(row.code, row.source) for row in table if id(row) not in reached] == []


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_rows_of_rerank_services_say_what_is_tried_again(status: int) -> None:
    """`plugin_entry.network.retries` tries again by the status alone."""
    row, _ = first_match(REFUSALS, Refusal(status=status, found=unwrap(b"something new")))
    assert row.retryable == (status in TRANSIENT)


@pytest.mark.parametrize("row", CATALOGUE + REFUSALS + STREAM, ids=lambda row: row.code)
def test_row_text_names_only_known_facts(row: Row) -> None:
    facts = {name for text in (row.cause, row.remedy) for _, name, _, _ in string.Formatter().parse(text) if name}
    caught = [set(re.compile(pattern).groupindex) for pattern in row.patterns]
    free = set.intersection(*caught) if caught else set()
    told = {"where", "line", "length", "limit"} if row in STREAM else set()
    assert facts <= set(FACTS) | free | told


@pytest.mark.parametrize("row", CATALOGUE + REFUSALS + STREAM, ids=lambda row: row.code)
def test_row_is_complete(row: Row) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.code)
    assert row.source
    assert re.search(r"\.({said})?({passed})?$", row.cause)
    assert row.remedy.endswith(".")


def test_rows_of_one_code_agree_on_retries() -> None:
    assert [row.code for row in CATALOGUE if row.retryable != (row.code in RETRYABLE)] == []


def test_only_refusals_of_the_key_are_authorization_errors() -> None:
    assert {row.code for row in CATALOGUE if row.family is Family.AUTHORIZATION} == {"unauthorized", "forbidden"}


def test_last_row_fits_everything() -> None:
    last = CATALOGUE[-1]
    assert (last.code, last.statuses, last.patterns, last.shapes, last.signin) == ("unknown", frozenset(), (), frozenset[Shape](), False)
    assert (last.route, last.model, last.moment) == ("", "", None)


def test_catalogue_without_a_fitting_row_says_so() -> None:
    with pytest.raises(LookupError, match="no last row"):
        first_match((), Refusal(status=500, found=unwrap(b"x")))


def test_errors_page_is_the_catalogue() -> None:
    page = ERRORS_PAGE.read_text(encoding="utf-8")
    assert page == errors_page()
    assert page.startswith(render_markdown())


def test_errors_page_names_every_code_and_every_dify_error() -> None:
    page = render_markdown()
    assert [row.code for row in CATALOGUE + REFUSALS + STREAM if f"| `{row.code}` |" not in page] == []
    assert DIFY_ERRORS.keys() == set(Family)
    assert all(f"## {title}\n" in page for title in SECTIONS)
    assert "## Rerank services\n\nRerank services are looked up in this table alone.\n" in page


def test_errors_page_shows_many_statuses_as_spans() -> None:
    assert "</summary>status 400-499, 501<br>" in render_markdown()


def test_errors_page_tables_have_three_columns_in_every_row() -> None:
    rows = [line for line in render_markdown().splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_problem_of_is_the_first_match_filled_in() -> None:
    problem = catalogue.problem_of(Refusal(status=500, found=unwrap(b'{"error":"option \\"stop\\" must be of type array"}')))
    assert problem.message == (
        'The parameter "stop" has the wrong type; the server wants array there. Correct the parameter in the model\'s settings.'
    )

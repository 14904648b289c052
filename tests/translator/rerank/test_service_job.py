"""Rerank calls against played services: help that is bounded, order that is kept, and addresses that are found."""

import math
from collections.abc import Callable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.recordings import load
from tests.translator.plan_driver import Driver, always, json_reply, no_server, recorded
from translator.errors import Family, RequestError, ServerError
from translator.rerank.ranking import Ranking, RankingOptions
from translator.rerank.requests import Dialect, RerankServiceSettings
from translator.rerank.service_job import probe_plan, rerank_plan
from translator.shapes.exchange import HttpReply, HttpRequest

URL = "http://h/rerank"
AUTO = RerankServiceSettings(url=URL, model="m")
TEI = RerankServiceSettings(url=URL, dialect=Dialect.TEI)
EVERYTHING = RankingOptions()
QUERY = "What is the capital city of France?"


def score_of(text: str) -> float:
    return len(text) / 100


def jina(request: HttpRequest) -> HttpReply:
    body = orjson.loads(request.body)
    if "documents" not in body:
        return recorded(load("rerank", "xinference-texts-instead-of-documents"))
    results = [{"index": index, "relevance_score": score_of(text)} for index, text in enumerate(body["documents"])]
    return json_reply({"results": results, "usage": {"total_tokens": 5}})


def tei(most: int = 32, refused_with: int = 422) -> Callable[[HttpRequest], HttpReply]:
    def answer(request: HttpRequest) -> HttpReply:
        body = orjson.loads(request.body)
        if "texts" not in body:
            return recorded(load("rerank", "tei-documents-instead-of-texts"))
        texts = body["texts"]
        if len(texts) > most:
            refusal = {"error": f"batch size {len(texts)} > maximum allowed batch size {most}", "error_type": "Validation"}
            return json_reply(refusal, refused_with)
        return json_reply([{"index": index, "score": score_of(text)} for index, text in enumerate(texts)])

    return answer


def documents(count: int) -> list[str]:
    return ["x" * (1 + index * 7 % count) for index in range(count)]


def rerank(driver: Driver, docs: list[str], service: RerankServiceSettings = AUTO, choice: RankingOptions = EVERYTHING) -> Ranking:
    return driver.run(rerank_plan(service, QUERY, docs, choice))


def assert_complete(ranking: Ranking, docs: list[str]) -> None:
    assert sorted(document.index for document in ranking.documents) == list(range(len(docs)))
    assert all(document.text == docs[document.index] and document.score == score_of(document.text) for document in ranking.documents)


def test_no_documents_need_no_request() -> None:
    assert rerank(Driver(no_server), []) == Ranking()


def test_jina_dialect_is_one_request() -> None:
    driver, docs = Driver(jina), documents(100)
    ranking = rerank(driver, docs)
    assert_complete(ranking, docs)
    assert (len(driver.requests), ranking.dialect, ranking.tokens) == (1, Dialect.JINA, 5)


def test_auto_learns_tei_from_one_refusal() -> None:
    driver, docs = Driver(tei()), documents(40)
    ranking = rerank(driver, docs)
    assert_complete(ranking, docs)
    assert ranking.dialect is Dialect.TEI
    assert [len(body.get("texts", [])) for body in driver.bodies] == [0, 32, 8]


def test_chosen_dialect_is_never_left() -> None:
    driver = Driver(tei())
    with pytest.raises(ServerError) as caught:
        rerank(driver, documents(3), RerankServiceSettings(url=URL, dialect=Dialect.JINA))
    assert (caught.value.code, len(driver.requests)) == ("rerank_refused", 1)


def test_two_services_that_send_to_each_other_end() -> None:
    def confused(request: HttpRequest) -> HttpReply:
        wrong = "texts" if b'"documents"' in request.body else "documents"
        return json_reply({"detail": [{"type": "missing", "loc": ["body", wrong], "msg": "Field required", "input": "x"}]}, 422)

    driver = Driver(confused)
    with pytest.raises(ServerError):
        rerank(driver, documents(3))
    assert len(driver.requests) == 2


@pytest.mark.parametrize("status", [413, 422])
def test_batch_limit_splits_and_merges(status: int) -> None:
    driver, docs = Driver(tei(4, status)), documents(11)
    ranking = rerank(driver, docs, TEI)
    assert_complete(ranking, docs)
    assert [len(body["texts"]) for body in driver.bodies] == [11, 4, 4, 3]


def test_infinity_limit_splits_and_its_echo_is_not_shown() -> None:
    def answer(request: HttpRequest) -> HttpReply:
        sent = orjson.loads(request.body)["documents"]
        if len(sent) <= 3:
            return jina(request)
        text = f"List should have at most 3 items after validation, not {len(sent)}"
        detail = {"type": "too_long", "loc": ["body", "documents"], "msg": text, "input": sent, "ctx": {"max_length": 3}}
        return json_reply({"detail": [detail]}, 422)

    driver, docs = Driver(answer), documents(7)
    assert_complete(rerank(driver, docs), docs)
    assert len(driver.requests) == 4


def test_too_large_a_body_is_halved() -> None:
    def answer(request: HttpRequest) -> HttpReply:
        return jina(request) if len(request.body) < 300 else recorded(load("rerank", "tei-over-payload-limit"))

    driver, docs = Driver(answer), documents(20)
    assert_complete(rerank(driver, docs), docs)
    assert len(driver.requests) < 10


def limited(tokens: int, words: Callable[[int, int], tuple[int, object]]) -> Callable[[HttpRequest], HttpReply]:
    """A service that counts four characters of a pair as a token and refuses a batch for its first long pair."""

    def answer(request: HttpRequest) -> HttpReply:
        body = orjson.loads(request.body)
        lengths = [(len(body["query"]) + len(text)) // 4 for text in body["documents"]]
        too_long = next((length for length in lengths if length > tokens), None)
        if too_long is None:
            return jina(request)
        status, refusal = words(too_long, tokens)
        return json_reply(refusal, status)

    return answer


OVERLONG: dict[str, Callable[[int, int], tuple[int, object]]] = {
    "llamacpp-too-long": lambda given, limit: (
        400,
        {
            "error": {
                "code": 400,
                "message": f"input ({given} tokens) is larger than the max context size ({limit} tokens). skipping",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": given,
                "n_ctx": limit,
            }
        },
    ),
    "llamacpp-over-physical-batch": lambda given, limit: (
        500,
        {
            "error": {
                "code": 500,
                "message": f"input ({given} tokens) is too large to process. "
                f"increase the physical batch size (current batch size: {limit})",
                "type": "server_error",
            }
        },
    ),
    "vLLM": lambda given, limit: (
        400,
        {
            "error": {
                "message": f"This model's maximum context length is {limit} tokens. However, your request has {given} input tokens.",
                "type": "BadRequestError",
                "code": 400,
            }
        },
    ),
}


@pytest.mark.parametrize("words", OVERLONG.values(), ids=OVERLONG.keys())
def test_only_the_long_document_is_shortened(words: Callable[[int, int], tuple[int, object]]) -> None:
    driver = Driver(limited(128, words))
    docs = ["short", "y" * 3000, "z" * 400]
    ranking = rerank(driver, docs)
    assert sorted(document.index for document in ranking.documents) == [0, 1, 2]
    assert [document.text for document in ranking.documents if document.index == 1] == ["y" * 3000]
    (cut,) = ranking.shortened
    assert (cut.index, cut.length) == (1, 3000)
    assert 350 < cut.length_sent <= 128 * 4 - len(QUERY) + 3
    assert len(driver.requests) <= 6


def test_a_document_is_shortened_once() -> None:
    driver = Driver(always(recorded(load("rerank", "llamacpp-too-long"))))
    with pytest.raises(ServerError, match="168 tokens, the window holds 64") as caught:
        rerank(driver, ["d" * 500])
    assert (caught.value.code, len(driver.requests)) == ("rerank_too_long", 2)


def test_query_longer_than_the_window_is_told_at_once() -> None:
    driver = Driver(limited(16, OVERLONG["llamacpp-too-long"]))
    with pytest.raises(ServerError):
        driver.run(rerank_plan(AUTO, "q" * 400, ["document"], RankingOptions()))
    assert len(driver.requests) == 1


def test_documents_are_not_echoed() -> None:
    secret = "the launch code is tulip"
    driver = Driver(always(json_reply({"detail": f"cannot handle {secret}", "input": [secret]}, 400)))
    with pytest.raises(ServerError) as caught:
        rerank(driver, [secret])
    assert "tulip" not in str(caught.value)
    assert "cannot handle" in str(caught.value)


def test_daemon_zeros_mean_all_and_are_never_sent() -> None:
    driver, docs = Driver(jina), documents(5)
    ranking = rerank(driver, docs, choice=RankingOptions(top_n=0, score_threshold=0.0))
    assert_complete(ranking, docs)
    assert driver.bodies[0]["top_n"] == 5


def test_unscored_documents_are_counted() -> None:
    ranking = rerank(Driver(always(recorded(load("rerank", "llamacpp-top-n-2")))), ["a", "b", "c"])
    assert (len(ranking.documents), ranking.unscored) == (2, 1)


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 120), most=st.integers(1, 40), auto=st.booleans())
def test_order_and_count_survive_any_batch_limit(count: int, most: int, auto: bool) -> None:
    driver, docs = Driver(tei(most)), documents(count)
    assert_complete(rerank(driver, docs, AUTO if auto else TEI), docs)
    assert len(driver.requests) <= 1 + math.ceil(count / 32) * (1 + math.ceil(32 / most))


# --- finding the address ----------------------------------------------------------------------------------------------------------


def at(paths: dict[str, str]) -> Callable[[HttpRequest], HttpReply]:
    """A host that answers each path with a recording."""
    return lambda request: recorded(load("rerank", paths[request.url.removeprefix("http://h")]))


LLAMA = "llamacpp-wrong-path-api"
XINFERENCE = "xinference-wrong-path-api"
FOUND: dict[str, tuple[dict[str, str], str, Dialect]] = {
    "llama.cpp by its base URL": ({"/api/rerank": LLAMA, "/v1/rerank": "llamacpp-empty-string-document"}, "/v1/rerank", Dialect.JINA),
    "Xinference by its base URL": (
        {"/api/rerank": XINFERENCE, "/v1/rerank": "xinference-top-n-2"},
        "/v1/rerank",
        Dialect.JINA,
    ),
}


@pytest.mark.parametrize(("paths", "path", "dialect"), FOUND.values(), ids=FOUND.keys())
def test_probe_finds_the_route(paths: dict[str, str], path: str, dialect: Dialect) -> None:
    address = Driver(at(paths)).run(probe_plan(RerankServiceSettings(url="http://h")))
    assert (address.url, address.dialect) == (f"http://h{path}", dialect)


def test_probe_finds_tei_on_the_third_address_and_its_dialect() -> None:
    def host(request: HttpRequest) -> HttpReply:
        return tei()(request) if request.url == "http://h/rerank" else recorded(load("rerank", "tei-wrong-path-api"))

    driver = Driver(host)
    address = driver.run(probe_plan(RerankServiceSettings(url="http://h/")))
    assert (address.url, address.dialect, len(driver.requests)) == ("http://h/rerank", Dialect.TEI, 4)


STOPPED: dict[str, tuple[str, str, Family, int]] = {
    "key refused before the path is looked at": ("llamacpp-unauthorized-wrong-path", "rerank_unauthorized", Family.AUTHORIZATION, 1),
    "model unknown, though a 404": ("xinference-wrong-model-name", "rerank_model_unknown", Family.BAD_REQUEST, 1),
    "no reranker": ("llamacpp-embedding-model", "rerank_not_a_reranker", Family.BAD_REQUEST, 1),
    "nowhere": ("tei-wrong-path-v1", "rerank_path_unknown", Family.BAD_REQUEST, 3),
}


@pytest.mark.parametrize(("scenario", "code", "family", "requests"), STOPPED.values(), ids=STOPPED.keys())
def test_probe_ends_with_the_cause(scenario: str, code: str, family: Family, requests: int) -> None:
    driver = Driver(always(recorded(load("rerank", scenario))))
    with pytest.raises(ServerError) as caught:
        driver.run(probe_plan(RerankServiceSettings(url="http://user:pw@h")))
    assert (caught.value.code, caught.value.family, len(driver.requests)) == (code, family, requests)
    assert "pw" not in str(caught.value)


def test_probe_names_all_addresses_it_tried() -> None:
    with pytest.raises(ServerError, match="/api/rerank, /v1/rerank, /rerank"):
        Driver(always(recorded(load("rerank", "tei-wrong-path-v1")))).run(probe_plan(RerankServiceSettings(url="http://h")))


def test_probe_of_ollama_says_that_it_has_no_rerank() -> None:
    with pytest.raises(ServerError, match="Ollama itself has none"):
        Driver(always(recorded(load("0.33.0-rc2", "error-unknown-route")))).run(
            probe_plan(RerankServiceSettings(url="http://h/api/rerank"))
        )


def test_probe_wants_both_documents_scored() -> None:
    with pytest.raises(ServerError) as caught:
        Driver(always(json_reply([{"index": 0, "score": 1.0}]))).run(probe_plan(RerankServiceSettings(url=URL)))
    assert caught.value.code == "rerank_incomplete"


def test_bad_url_needs_no_request() -> None:
    with pytest.raises(RequestError):
        Driver(no_server).run(probe_plan(RerankServiceSettings(url="h:80")))

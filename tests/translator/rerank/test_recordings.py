"""Every recording of a rerank service, played through a rerank call: scores, order, texts and the class of error."""

import pytest

from fixtures.recordings import Exchange, every
from tests.translator.plan_driver import Driver, always, recorded
from translator.codec import loads
from translator.errors import Family, ServerError
from translator.rerank.ranking import RankingOptions
from translator.rerank.requests import Dialect, RerankServiceSettings
from translator.rerank.service_job import rerank_plan

POSTS = {exchange.scenario: exchange for exchange in every(lambda exchange: exchange.version == "rerank" and exchange.method == "POST")}

BAD, AUTH, DOWN = Family.BAD_REQUEST, Family.AUTHORIZATION, Family.UNAVAILABLE

REFUSED: dict[str, tuple[str, Family]] = {
    "llamacpp-documents-as-objects": ("rerank_refused", BAD),
    "llamacpp-embedding-model": ("rerank_not_a_reranker", BAD),
    "llamacpp-empty-documents": ("rerank_refused", BAD),
    "llamacpp-malformed-json": ("rerank_refused", BAD),
    "llamacpp-missing-documents": ("rerank_refused", BAD),
    "llamacpp-missing-query": ("rerank_refused", BAD),
    "llamacpp-over-physical-batch": ("rerank_too_long", BAD),
    "llamacpp-too-long": ("rerank_too_long", BAD),
    "llamacpp-top-n-0": ("rerank_reply_unreadable", DOWN),
    "llamacpp-top-n-negative": ("rerank_refused", BAD),
    "llamacpp-unauthorized": ("rerank_unauthorized", AUTH),
    "llamacpp-unauthorized-wrong-key": ("rerank_unauthorized", AUTH),
    "llamacpp-unauthorized-wrong-path": ("rerank_unauthorized", AUTH),
    "llamacpp-wrong-path-api": ("rerank_path_unknown", BAD),
    "llamacpp-wrong-path-trailing-slash": ("rerank_path_unknown", BAD),
    "llamacpp-wrong-path-v2": ("rerank_path_unknown", BAD),
    "llamacpp-embeddings-on-reranker": ("rerank_reply_unreadable", DOWN),
    "tei-classifier-model-predict-pairs": ("rerank_reply_unreadable", DOWN),
    "tei-classifier-model-rerank": ("rerank_not_a_reranker", BAD),
    "tei-documents-instead-of-texts": ("rerank_refused", BAD),
    "tei-embedding-model-rerank": ("rerank_not_a_reranker", BAD),
    "tei-embeddings-on-reranker": ("rerank_refused", BAD),
    "tei-empty-texts": ("rerank_refused", BAD),
    "tei-malformed-json": ("rerank_refused", BAD),
    "tei-missing-query": ("rerank_refused", BAD),
    "tei-no-auto-truncate-too-long": ("rerank_too_long", BAD),
    "tei-no-content-type": ("rerank_refused", BAD),
    "tei-over-batch-limit": ("rerank_too_many", BAD),
    "tei-over-payload-limit": ("rerank_too_large", BAD),
    "tei-small-batch-limit": ("rerank_too_many", BAD),
    "tei-texts-as-objects": ("rerank_refused", BAD),
    "tei-too-long-truncate-false": ("rerank_too_long", BAD),
    "tei-too-many-characters": ("rerank_too_long", BAD),
    "tei-trailing-slash": ("rerank_path_unknown", BAD),
    "tei-unauthorized": ("rerank_unauthorized", AUTH),
    "tei-unauthorized-lowercase-scheme": ("rerank_unauthorized", AUTH),
    "tei-unauthorized-wrong-key": ("rerank_unauthorized", AUTH),
    "tei-unauthorized-wrong-path": ("rerank_path_unknown", BAD),
    "tei-wrong-path-api": ("rerank_path_unknown", BAD),
    "tei-wrong-path-v1": ("rerank_path_unknown", BAD),
    "tei-wrong-type": ("rerank_refused", BAD),
    "xinference-documents-as-objects": ("rerank_refused", BAD),
    "xinference-empty-documents": ("rerank_refused", BAD),
    "xinference-malformed-json": ("rerank_refused", BAD),
    "xinference-max-chunks-per-doc": ("rerank_refused", BAD),
    "xinference-no-model-field": ("rerank_refused", BAD),
    "xinference-texts-instead-of-documents": ("rerank_refused", BAD),
    "xinference-top-n-0": ("rerank_reply_unreadable", DOWN),
    "xinference-unauthorized": ("rerank_unauthorized", AUTH),
    "xinference-unauthorized-wrong-key": ("rerank_unauthorized", AUTH),
    "xinference-unauthorized-wrong-path": ("rerank_path_unknown", BAD),
    "xinference-wrong-model-name": ("rerank_model_unknown", BAD),
    "xinference-wrong-model-name-again": ("rerank_model_unknown", BAD),
    "xinference-wrong-path": ("rerank_path_unknown", BAD),
    "xinference-wrong-path-api": ("rerank_path_unknown", BAD),
}
ANSWERED = sorted(POSTS.keys() - REFUSED.keys())

SAID = {
    "xinference-no-model-field": "RerankRequest model field required",
    "xinference-wrong-model-name": 'does not serve the model "no-such-model"',
    "tei-over-batch-limit": "batch size 33 > maximum allowed batch size 32",
    "tei-too-long-truncate-false": "167 tokens, the window holds 64",
    "tei-malformed-json": "EOF while parsing a list",
    "xinference-documents-as-objects": "'dict' object has no attribute 'strip'",
    "llamacpp-embedding-model": "Start it with `--reranking`",
}


def played(exchange: Exchange) -> tuple[Driver, list[str]]:
    body = exchange.request_body if isinstance(exchange.request_body, dict) else {}
    held = body.get("texts") or body.get("documents") or ["one document", "another document"]
    held = held if isinstance(held, list) else [held]
    return Driver(always(recorded(exchange))), [item if isinstance(item, str) else item["text"] for item in held]


def settings_of(exchange: Exchange) -> RerankServiceSettings:
    body = exchange.request_body if isinstance(exchange.request_body, dict) else {}
    dialect = Dialect.TEI if "texts" in body and not exchange.scenario.startswith("xinference") else Dialect.JINA
    return RerankServiceSettings(url=f"http://h{exchange.path.rstrip('/') or '/rerank'}", model=body.get("model", ""), dialect=dialect)


@pytest.mark.parametrize("scenario", ANSWERED)
def test_answers_give_sorted_scores_with_the_texts_of_the_request(scenario: str) -> None:
    exchange = POSTS[scenario]
    driver, documents = played(exchange)
    ranking = driver.run(rerank_plan(settings_of(exchange), "q", documents, RankingOptions()))
    plain = loads(exchange.body)
    items = plain if isinstance(plain, list) else plain["results"]
    expected = sorted((-item.get("relevance_score", item.get("score")), item["index"]) for item in items)
    assert [(-document.score, document.index) for document in ranking.documents] == expected
    assert [document.text for document in ranking.documents] == [documents[index] for _, index in expected]
    assert ranking.unscored == len(documents) - len(items)
    assert len(driver.requests) == 1


@pytest.mark.parametrize("scenario", sorted(REFUSED))
def test_refusals_have_their_class(scenario: str) -> None:
    exchange = POSTS[scenario]
    driver, documents = played(exchange)
    with pytest.raises(ServerError) as caught:
        driver.run(rerank_plan(settings_of(exchange), "q", documents, RankingOptions()))
    assert (caught.value.code, caught.value.family) == REFUSED[scenario]
    assert SAID.get(scenario, "") in str(caught.value)
    assert "address=" not in str(caught.value)
    assert not any(document in str(caught.value) for document in documents if len(document) > 3)


def test_most_recordings_are_answers() -> None:
    assert len(ANSWERED) > 40


def test_logits_and_a_daemon_threshold_of_zero_keep_all_documents() -> None:
    exchange = POSTS["llamacpp-normal"]
    driver, documents = played(exchange)
    ranking = driver.run(rerank_plan(settings_of(exchange), "q", documents, RankingOptions(top_n=0, score_threshold=0.0)))
    assert [document.index for document in ranking.documents] == [1, 2, 0]
    assert ranking.documents[-1].score < 0

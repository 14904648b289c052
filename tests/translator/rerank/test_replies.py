"""Rerank replies: every shape to scores, and scores to the documents that Dify wants."""

import itertools
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import Family, ServerError
from translator.rerank.replies import RankingOptions, ScoreScale, chosen, lost_to_threshold, read_scores, scaled

J = {"index": 1, "relevance_score": 0.5}
SHAPES: dict[str, Any] = {
    "TEI": [{"index": 1, "score": 0.5}, {"index": 0, "score": -2}],
    "TEI with text": [{"index": 1, "score": 0.5, "text": "other"}, {"index": 0, "score": -2, "text": None}],
    "llama.cpp": {"object": "list", "usage": {"total_tokens": 60}, "results": [J, {"index": 0, "relevance_score": -2.0}]},
    "infinity": {
        "object": "rerank",
        "id": "infinity-1",
        "results": [{**J, "document": None}, {"index": 0, "relevance_score": -2, "document": None}],
    },
    "infinity with documents": {"results": [{**J, "document": "b"}, {"index": 0, "relevance_score": -2, "document": "a"}]},
    "vLLM": {
        "results": [{**J, "document": {"text": "b", "multi_modal": None}}, {"index": 0, "relevance_score": -2, "document": {"text": "a"}}]
    },
    "Xinference": {"id": "u", "results": [{**J, "document": {"text": "b"}}, {"index": 0, "relevance_score": -2}], "meta": {"tokens": None}},
    "Cohere": {"id": "u", "results": [J, {"index": 0, "relevance_score": -2}], "meta": {"billed_units": {"search_units": 1}}},
    "Voyage": {"object": "list", "data": [J, {"index": 0, "relevance_score": -2}]},
    "score in results": {"results": [{"index": 0, "score": -2}, {"index": 1, "score": 0.5}]},
    "unsorted": {"results": [{"index": 0, "relevance_score": -2}, J]},
}


@pytest.mark.parametrize("plain", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_gives_the_same_scores(plain: object) -> None:
    assert read_scores(orjson.dumps(plain), 2).by_index == {0: -2.0, 1: 0.5}


def test_tokens_are_read_where_they_are_counted() -> None:
    assert read_scores(orjson.dumps(SHAPES["llama.cpp"]), 2).tokens == 60
    assert read_scores(orjson.dumps(SHAPES["TEI"]), 2).tokens == 0


USELESS: dict[str, bytes] = {
    "no JSON": b"<html>",
    "empty body": b"",
    "a text": b'"ok"',
    "no results": b'{"model":"m"}',
    "results null": b'{"results":null}',
    "error with 200": b'{"error":"x"}',
    "no scores at all": b'{"results":[]}',
    "index over the end": b'[{"index":2,"score":1}]',
    "negative index": b'[{"index":-1,"score":1}]',
    "index true": b'[{"index":true,"score":1}]',
    "index missing": b'[{"score":1}]',
    "index twice": b'[{"index":0,"score":1},{"index":0,"score":1}]',
    "score null": b'[{"index":0,"score":null}]',
    "score missing": b'[{"index":0}]',
    "score text": b'[{"index":0,"score":"1"}]',
    "score true": b'[{"index":0,"score":true}]',
    "score NaN": b'[{"index":0,"score":NaN}]',
    "score infinite": b'[{"index":0,"score":1e999}]',
    "list in list (tei-classifier-model-predict-pairs)": b'[[{"score":0.8,"label":"LABEL_1"}]]',
}


@pytest.mark.parametrize("body", USELESS.values(), ids=USELESS.keys())
def test_what_is_no_ranking_is_an_error(body: bytes) -> None:
    with pytest.raises(ServerError) as caught:
        read_scores(body, 2)
    assert (caught.value.code, caught.value.family) == ("rerank_reply_unreadable", Family.UNAVAILABLE)


def test_mark_of_a_failed_score_is_an_error() -> None:
    with pytest.raises(ServerError, match="could not score") as caught:
        read_scores(b'[{"index":0,"score":-1000000.0}]', 1)
    assert caught.value.code == "rerank_not_scored"


SCORES = {0: -1.5, 1: 0.7, 2: 0.7, 3: 0.2}
DOCUMENTS = ("a", "b", "c", "d")
CHOICES: dict[str, tuple[RankingOptions, list[int]]] = {
    "nothing said": (RankingOptions(), [1, 2, 3, 0]),
    "the daemon's zeros": (RankingOptions(top_n=0, score_threshold=0.0), [1, 2, 3, 0]),
    "negative top_n": (RankingOptions(top_n=-1), [1, 2, 3, 0]),
    "top_n": (RankingOptions(top_n=2), [1, 2]),
    "more than there are": (RankingOptions(top_n=99), [1, 2, 3, 0]),
    "threshold": (RankingOptions(score_threshold=0.2), [1, 2, 3]),
    "threshold before top_n": (RankingOptions(score_threshold=0.5, top_n=3), [1, 2]),
    "negative threshold": (RankingOptions(score_threshold=-2.0), [1, 2, 3, 0]),
    "threshold after sigmoid": (RankingOptions(score_threshold=0.6, scale=ScoreScale.SIGMOID), [1, 2]),
    "too high": (RankingOptions(score_threshold=0.9), []),
}


@pytest.mark.parametrize(("choice", "expected"), CHOICES.values(), ids=CHOICES.keys())
def test_choice(choice: RankingOptions, expected: list[int]) -> None:
    ranked = chosen(SCORES, DOCUMENTS, choice)
    assert [document.index for document in ranked] == expected
    assert [document.text for document in ranked] == [DOCUMENTS[index] for index in expected]


def test_scores_are_not_changed_unless_asked_for() -> None:
    assert [document.score for document in chosen(SCORES, DOCUMENTS, RankingOptions())] == [0.7, 0.7, 0.2, -1.5]


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.0, 0.5), (1.9957674, 0.88035196), (-0.6195056, 0.3498939), (-2.2666068, 0.09392659), (800.0, 1.0), (-800.0, 0.0)],
    ids=["zero", "tei-raw-scores-true 1", "tei-raw-scores-true 0", "tei-raw-scores-true 2", "huge", "tiny"],
)
def test_sigmoid_is_the_one_of_the_services(score: float, expected: float) -> None:
    assert scaled(score, ScoreScale.SIGMOID) == pytest.approx(expected, abs=1e-6)
    assert scaled(score, ScoreScale.AS_IS) == score


@pytest.mark.parametrize(
    ("scores", "choice", "lost"),
    [
        ({0: -1.0, 1: 0.1}, RankingOptions(score_threshold=0.5), True),
        ({0: -1.0, 1: 0.6}, RankingOptions(score_threshold=0.5), False),
        ({0: 0.1}, RankingOptions(score_threshold=0.5), False),
        ({0: -1.0}, RankingOptions(score_threshold=0.0), False),
        ({0: -1.0}, RankingOptions(), False),
        ({0: -1.0}, RankingOptions(score_threshold=0.5, scale=ScoreScale.SIGMOID), False),
        ({}, RankingOptions(score_threshold=0.5), False),
    ],
)
def test_threshold_that_does_not_fit_logits_is_noticed(scores: dict[int, float], choice: RankingOptions, lost: bool) -> None:
    assert lost_to_threshold(scores, choice) is lost


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32).filter(lambda score: score != -1_000_000)


@given(scores=st.lists(FINITE, min_size=1, max_size=30), top_n=st.none() | st.integers(-2, 40), threshold=st.none() | FINITE)
def test_choice_keeps_what_it_promises(scores: list[float], top_n: int | None, threshold: float | None) -> None:
    body = orjson.dumps({"results": [{"index": index, "relevance_score": score} for index, score in enumerate(scores)]})
    documents = [f"text {index}" for index in range(len(scores))]
    ranked = chosen(read_scores(body, len(scores)).by_index, documents, RankingOptions(top_n=top_n, score_threshold=threshold))
    assert [document.text for document in ranked] == [documents[document.index] for document in ranked]
    assert [document.score for document in ranked] == [scores[document.index] for document in ranked]
    assert all(left.score >= right.score for left, right in itertools.pairwise(ranked))
    passing = sum(score >= (threshold or -math.inf) for score in scores)
    assert len(ranked) == (min(top_n, passing) if top_n and top_n > 0 else passing)

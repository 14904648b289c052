"""Rerank replies: every shape to scores, and scores to the documents that Dify wants."""

from typing import Any

import orjson
import pytest

from translator.errors import Family, ServerError
from translator.rerank.replies import read_scores

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

"""Scores become the documents that Dify wants."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.rerank.ranking import RankingOptions, ScoreScale, chosen, lost_to_threshold, scaled

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
    documents = [f"text {index}" for index in range(len(scores))]
    ranked = chosen(dict(enumerate(scores)), documents, RankingOptions(top_n=top_n, score_threshold=threshold))
    assert [document.text for document in ranked] == [documents[document.index] for document in ranked]
    assert [document.score for document in ranked] == [scores[document.index] for document in ranked]
    assert all(left.score >= right.score for left, right in itertools.pairwise(ranked))
    passing = sum(score >= (threshold or -math.inf) for score in scores)
    assert len(ranked) == (min(top_n, passing) if top_n and top_n > 0 else passing)

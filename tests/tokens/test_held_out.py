"""The estimate against real counts, on texts that nothing was fitted to.

The counts are data, so that no vocabulary need be installed; `python -m tests.tokens.fit` writes them anew.
"""

import json
from statistics import median

import pytest

from tests.tokens.corpus import COUNTS, fitting, held_out
from translator.shapes.dify import Message, Role
from translator.tokens import Vocabulary, estimate_text, most_tokens

REAL: dict[str, dict[str, int]] = json.loads(COUNTS.read_text("utf-8"))
TEXTS = held_out()
JUDGED = tuple(vocabulary for vocabulary in Vocabulary if vocabulary is not Vocabulary.OTHER)


def error(name: str, vocabulary: Vocabulary) -> float:
    """How far the estimate is above (or, negative, below) the real count."""
    return estimate_text(TEXTS[name], vocabulary) / REAL[name][vocabulary] - 1


def test_every_text_has_its_counts() -> None:
    assert set(REAL) == set(TEXTS)
    assert all(set(counts) == set(JUDGED) for counts in REAL.values())


def test_nothing_was_fitted_to_these_texts() -> None:
    assert not {text for _, text, _ in fitting()} & set(TEXTS.values())


def test_half_of_the_estimates_are_close() -> None:
    assert median(abs(error(name, vocabulary)) for name in TEXTS for vocabulary in JUDGED) <= 0.06


@pytest.mark.parametrize("vocabulary", JUDGED)
def test_no_vocabulary_is_estimated_badly(vocabulary: Vocabulary) -> None:
    errors = [error(name, vocabulary) for name in TEXTS]
    assert median(map(abs, errors)) <= 0.085
    assert sum(each > 0.3 for each in errors) <= 0.08 * len(errors)


@pytest.mark.parametrize("name", TEXTS)
def test_no_kind_of_text_is_estimated_far_too_low(name: str) -> None:
    too_low = {str(vocabulary): each for vocabulary in JUDGED if (each := round(error(name, vocabulary), 3)) < -0.15}
    assert not too_low


@pytest.mark.parametrize("name", TEXTS)
def test_no_vocabulary_needs_more_than_the_bound(name: str) -> None:
    messages = (Message(role=Role.USER, content=TEXTS[name]),)
    assert max(REAL[name].values()) <= most_tokens(messages)


def test_an_unknown_vocabulary_is_one_in_the_middle() -> None:
    ratios = [
        estimate_text(TEXTS[name]) / median(REAL[name][vocabulary] for vocabulary in JUDGED if vocabulary is not Vocabulary.BERT)
        for name in TEXTS
    ]
    assert 0.95 < median(ratios) < 1.15
    assert sum(ratio < 0.85 for ratio in ratios) <= 0.05 * len(ratios)

"""From scores to the documents that Dify wants: scaled, over the threshold, best first. Common to rerank services and models of Ollama."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum

import attrs

from translator.rerank.requests import Dialect


class ScoreScale(StrEnum):
    """What is done to the service's scores. Never guessed: logits may all lie between 0 and 1, and a second sigmoid ruins probabilities."""

    AS_IS = "as_is"
    SIGMOID = "sigmoid"


@attrs.frozen(slots=True, kw_only=True)
class RankingOptions:
    """Which documents are wanted. Dify's daemon turns "not set" into 0 and 0.0, so these mean all documents and no threshold."""

    top_n: int | None = None
    score_threshold: float | None = None
    scale: ScoreScale = ScoreScale.AS_IS


@attrs.frozen(slots=True, kw_only=True)
class RankedDocument:
    """One document of the answer; `index` is its position in the request and `text` the request's own text."""

    index: int
    text: str = attrs.field(repr=False)
    score: float


@attrs.frozen(slots=True, kw_only=True)
class ShortenedDocument:
    """A document that was too long for the service; lengths in characters."""

    index: int
    length: int
    length_sent: int


@attrs.frozen(slots=True, kw_only=True)
class Ranking:
    """The answer, best first.

    `dialect` is the one that the service understood, worth remembering for its URL; None when no request was needed or Ollama answered.
    `unscored` counts documents the service said nothing about. `negative_dropped`: a threshold removed everything and some scores
    were negative, so the service gives logits and the threshold does not fit them. `tokens` is 0 when the service did not count.
    `notes`: sentences for the log about texts that were not embedded as they came.
    """

    documents: tuple[RankedDocument, ...] = ()
    dialect: Dialect | None = None
    tokens: int = 0
    unscored: int = 0
    negative_dropped: bool = False
    shortened: tuple[ShortenedDocument, ...] = ()
    notes: tuple[str, ...] = ()


def shortened_documents(documents: Sequence[str], cut: Mapping[int, str]) -> tuple[ShortenedDocument, ...]:
    """What was `cut`, by position."""
    return tuple(ShortenedDocument(index=index, length=len(documents[index]), length_sent=len(cut[index])) for index in sorted(cut))


def chosen(
    scores: Mapping[int, float], documents: Sequence[str], choice: RankingOptions, *, blank: Sequence[int] = (), lowest: float = 0.0
) -> tuple[RankedDocument, ...]:
    """The documents that are wanted: scaled, over the threshold, best first and ties in input order, at most `top_n`.

    Documents without a word (`blank`) were not scored: they come last with the `lowest` score that there is, and pass no threshold.
    """
    ranked = (
        RankedDocument(index=index, text=documents[index], score=scaled(scores[index], choice.scale))
        for index in sorted(scores)  # the sort below is stable
    )
    threshold = choice.score_threshold or -math.inf
    best = sorted((document for document in ranked if document.score >= threshold), key=lambda document: -document.score)
    if threshold == -math.inf:
        best += [RankedDocument(index=index, text=documents[index], score=scaled(lowest, choice.scale)) for index in blank]
    return tuple(best[: choice.top_n] if choice.top_n is not None and choice.top_n > 0 else best)


def scaled(score: float, scale: ScoreScale) -> float:
    """The score as Dify gets it."""
    return score if scale is ScoreScale.AS_IS else sigmoid(score)


def sigmoid(score: float) -> float:
    """A number from minus to plus infinity as one from 0 to 1."""
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    grown = math.exp(score)
    return grown / (1 + grown)


def lost_to_threshold(scores: Mapping[int, float], choice: RankingOptions) -> bool:
    """True when a positive threshold removes every document although some scores are negative: logits, most likely."""
    scale, threshold = choice.scale, choice.score_threshold or 0.0
    values = [scaled(score, scale) for score in scores.values()]
    return threshold > 0 and bool(values) and max(values) < threshold and min(values) < 0

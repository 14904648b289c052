"""Replies of rerank services to scores, and scores to Dify's answer.

Enters: the body of a reply with status 200 and the number of documents sent. Leaves: one score per document that the service
scored, by its position; then the documents that are wanted, best first. Reading depends on the shape alone, never on a service's name.
The text of a result is never read: it may be missing, null, a string or an object, trimmed or shortened.
"""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs

from translator.codec import DecodeError, loads
from translator.errors import Family, ServerError


class Dialect(StrEnum):
    """How a rerank service wants to be asked."""

    JINA = "jina"
    """`documents` in, `results` with `relevance_score` out: llama.cpp, vLLM, Xinference, infinity, Jina, Cohere."""
    TEI = "tei"
    """`texts` in, an array with `score` out: text-embeddings-inference."""


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
class Shortened:
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
    """

    documents: tuple[RankedDocument, ...] = ()
    dialect: Dialect | None = None
    tokens: int = 0
    unscored: int = 0
    negative_dropped: bool = False
    shortened: tuple[Shortened, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class RerankAddress:
    """Where a rerank service answered, and in which dialect."""

    url: str = attrs.field(repr=False)
    dialect: Dialect


RESULT_KEYS = ("results", "data")
"""Jina and Cohere, Voyage."""
SCORE_KEYS = ("relevance_score", "score")
FAILED_SCORE = -1_000_000
"""llama.cpp's mark for a pair it could not score (tools/server, send_rerank)."""


@attrs.frozen(slots=True, kw_only=True)
class Scores:
    """Scores by position in the request; positions may be missing. `tokens` is 0 when the service did not count."""

    by_index: Mapping[int, float]
    tokens: int = 0


def read_scores(body: bytes, count: int) -> Scores:
    """The scores of a reply to `count` documents. Raises ServerError when it is no rerank reply, or has scores that mean nothing."""
    try:
        plain = loads(body)
    except DecodeError as error:
        raise not_scores("it is no JSON") from error
    items = _items(plain)
    scores: dict[int, float] = {}
    for item in items:
        index, score = _index(item, count), _score(item)
        if index in scores:
            raise not_scores("it scores a document twice")
        scores[index] = score
    if not scores:
        raise not_scores("it scores none of the documents")
    return Scores(by_index=scores, tokens=_tokens(plain))


def _items(plain: object) -> list[Any]:
    if isinstance(plain, list):
        return plain
    if isinstance(plain, dict):
        for key in RESULT_KEYS:
            found = plain.get(key)
            if isinstance(found, list):
                return found
    raise not_scores("it has no list of results")


def _index(item: object, count: int) -> int:
    index = item.get("index") if isinstance(item, dict) else None
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
        raise not_scores("a result names no document that was sent")
    return index


def _score(item: Mapping[str, object]) -> float:
    score = next((item[key] for key in SCORE_KEYS if item.get(key) is not None), None)
    if not isinstance(score, int | float) or isinstance(score, bool) or not math.isfinite(score):
        raise not_scores("a result has no score, or one that is no number")
    if score == FAILED_SCORE:
        raise ServerError.of(
            "rerank_not_scored",
            "The rerank service could not score one of the documents.",
            "Look into the log of the service for the cause.",
            family=Family.UNAVAILABLE,
        )
    return float(score)


def _tokens(plain: object) -> int:
    usage = plain.get("usage") if isinstance(plain, dict) else None
    tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens > 0 else 0


def not_scores(reason: str) -> ServerError:
    """The error of a reply that is no ranking; `reason` says in a few words what it is."""
    return ServerError.of(
        "rerank_reply_unreadable",
        f"The rerank service answered with something else than scores ({reason}).",
        "Check that the URL leads to the rerank route of the service.",
        family=Family.UNAVAILABLE,
    )


def scaled(score: float, scale: ScoreScale) -> float:
    """The score as Dify gets it."""
    if scale is ScoreScale.AS_IS:
        return score
    if score >= 0:
        return 1 / (1 + math.exp(-score))
    grown = math.exp(score)
    return grown / (1 + grown)


def chosen(scores: Mapping[int, float], documents: Sequence[str], choice: RankingOptions) -> tuple[RankedDocument, ...]:
    """The documents that are wanted: scaled, over the threshold, best first and ties in input order, at most `top_n`."""
    ranked = (
        RankedDocument(index=index, text=documents[index], score=scaled(scores[index], choice.scale))
        for index in sorted(scores)  # the sort below is stable
    )
    threshold = choice.score_threshold or -math.inf
    best = sorted((document for document in ranked if document.score >= threshold), key=lambda document: -document.score)
    return tuple(best[: choice.top_n] if choice.top_n is not None and choice.top_n > 0 else best)


def lost_to_threshold(scores: Mapping[int, float], choice: RankingOptions) -> bool:
    """True when a positive threshold removes every document although some scores are negative: logits, most likely."""
    scale, threshold = choice.scale, choice.score_threshold or 0.0
    values = [scaled(score, scale) for score in scores.values()]
    return threshold > 0 and bool(values) and max(values) < threshold and min(values) < 0

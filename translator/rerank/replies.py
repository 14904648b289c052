"""Replies of rerank services: one score per document that the service scored, by its position.

Reading depends on the shape alone, never on a service's name. The text of a result is never read: it may be missing, null, a string or an
object, trimmed or shortened.
"""

import math
from collections.abc import Mapping
from typing import Any

import attrs

from translator.codec import DecodeError, count_of, loads
from translator.errors import Family, ServerError

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
    return count_of(usage.get("total_tokens")) if isinstance(usage, dict) else 0


def not_scores(reason: str) -> ServerError:
    """The error of a reply that is no ranking; `reason` says in a few words what it is."""
    return ServerError.of(
        "rerank_reply_unreadable",
        f"The rerank service answered with something else than scores ({reason}).",
        "Check that the URL leads to the rerank route of the service.",
        family=Family.UNAVAILABLE,
    )

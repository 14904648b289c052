"""What a rerank call is made of and what it gives. Data only."""

from enum import StrEnum

import attrs


class Dialect(StrEnum):
    """How a rerank service wants to be asked."""

    JINA = "jina"
    """`documents` in, `results` with `relevance_score` out: llama.cpp, vLLM, Xinference, infinity, Jina, Cohere."""
    TEI = "tei"
    """`texts` in, an array with `score` out: text-embeddings-inference."""


class Scale(StrEnum):
    """What is done to the service's scores. Never guessed: logits may all lie between 0 and 1, and a second sigmoid ruins probabilities."""

    AS_IS = "as_is"
    SIGMOID = "sigmoid"


@attrs.frozen(slots=True, kw_only=True)
class Choice:
    """Which documents are wanted. Dify's daemon turns "not set" into 0 and 0.0, so these mean all documents and no threshold."""

    top_n: int | None = None
    score_threshold: float | None = None
    scale: Scale = Scale.AS_IS


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

"""The probabilities of a first token to a relevance score.

Enters: the body of a reply of `/api/chat` or `/api/generate` with `logprobs`. Leaves: how probable yes is as against no, 0 to 1.
"""

import math
from collections.abc import Iterable
from typing import Any

import attrs

from translator.codec import DecodeError, loads
from translator.errors import Family, ServerError

YES = frozenset({"yes", "true"})
NO = frozenset({"no", "false"})
"""Answers after trimming and in lower case: models differ in ` yes`, `Yes` and `yes`, and all of them count."""


@attrs.frozen(slots=True)
class Judged:
    """A score and the tokens that were read for it."""

    score: float
    tokens: int


def read_judgement(body: bytes, model: str) -> Judged:
    """The score of one pair. Raises ServerError when the reply has no probabilities, or neither yes nor no is among them."""
    try:
        plain = loads(body)
    except DecodeError:
        plain = None
    if not isinstance(plain, dict):
        raise _no_logprobs()
    listed = _first_token(plain.get("logprobs"))
    if not listed:
        raise _no_logprobs()
    yes, no = _total(listed, YES), _total(listed, NO)
    if yes is None and no is None:
        raise _no_answer(model)
    # a token outside the list is at most as likely as the last one in it
    rest = min(listed.values())
    tokens = plain.get("prompt_eval_count")
    return Judged(_share(rest if yes is None else yes, rest if no is None else no), tokens if isinstance(tokens, int) else 0)


def _first_token(logprobs: object) -> dict[str, float]:
    """Tokens with the logarithms of their probabilities; a token that is both chosen and listed counts once."""
    first = logprobs[0] if isinstance(logprobs, list) and logprobs else None
    if not isinstance(first, dict):
        return {}
    others = first.get("top_logprobs")
    return dict(_readable([first, *(others if isinstance(others, list) else [])]))


def _readable(items: Iterable[Any]) -> Iterable[tuple[str, float]]:
    for item in items:
        if not isinstance(item, dict):
            continue
        token, logprob = item.get("token"), item.get("logprob")
        if isinstance(token, str) and isinstance(logprob, int | float) and math.isfinite(logprob):
            yield token, float(logprob)


def _total(listed: dict[str, float], words: frozenset[str]) -> float | None:
    found = [logprob for token, logprob in listed.items() if token.strip().lower() in words]
    return math.log(math.fsum(map(math.exp, found)) or 5e-324) if found else None


def _share(yes: float, no: float) -> float:
    return 1 / (1 + math.exp(min(700.0, no - yes)))


def _no_logprobs() -> ServerError:
    return ServerError.of(
        "rerank_needs_logprobs",
        "The Ollama server did not tell the probabilities that reranking needs.",
        'Update Ollama to 0.12.11 or newer, or choose the service "ollama-embedding".',
    )


def _no_answer(model: str) -> ServerError:
    return ServerError.of(
        "rerank_no_answer",
        f'The model "{model}" answers neither yes nor no, so it cannot rerank.',
        'Use a generative reranker such as Qwen3-Reranker, give it its own prompt template, or choose the service "ollama-embedding".',
        family=Family.BAD_REQUEST,
    )

"""Whether a model can be what a user adds it as, which name was meant when there is no such model, and what the cloud says of a key."""

import difflib
from collections.abc import Sequence
from enum import StrEnum

from translator.errors import Family, RequestError, ServerError
from translator.failures.build import failure_from_reply
from translator.failures.quoting import printable_name
from translator.response.capabilities import ModelInfo
from translator.shapes.exchange import HttpReply

NAMES_SHOWN = 5
ALIKE = 0.6
"""How much of two names without their tags has to be the same, 0 to 1."""
SHORTEST_BASE = 3

ME = "/api/me"
"""Answers only with a valid key, where `/api/show` and `/api/tags` of the cloud answer without, and generates nothing."""
CLOUD_KEY_REFUSED = frozenset({401, 403})
"""Statuses of `ME` for a key that the cloud does not take; others say nothing about the key."""


class ModelKind(StrEnum):
    """What a model is added as."""

    LANGUAGE = "language model"
    EMBEDDING = "text embedding model"
    RERANK = "rerank model"
    """One that says yes or no. A rerank model that ranks by vectors is an embedding model."""


_INSTEAD_OF_AN_EMBEDDER = {
    ModelKind.LANGUAGE: "Add it as a text embedding model, or choose a chat model such as qwen3 or gpt-oss.",
    ModelKind.RERANK: 'Choose the service "ollama-embedding" to rank by its vectors, or a generative reranker such as Qwen3-Reranker.',
}


def require_kind(model: str, info: ModelInfo, kind: ModelKind) -> None:
    """Raises RequestError when the server says that the model is of another kind; what it does not say is no reason."""
    said = info.capabilities or frozenset()
    if "image" in said and said.isdisjoint({"completion", "embedding"}):
        cause = f'The model "{model}" makes pictures and {"no embeddings" if kind is ModelKind.EMBEDDING else "cannot answer"}.'
        remedy = "Dify has no place for such a model: choose a chat model such as qwen3, or an embedding model such as embeddinggemma."
        raise RequestError.of("model_kind", cause, remedy)
    if kind is not ModelKind.EMBEDDING and info.completion is False:
        raise RequestError.of("model_kind", f'The model "{model}" makes embeddings and cannot answer.', _INSTEAD_OF_AN_EMBEDDER[kind])
    if kind is ModelKind.EMBEDDING and info.remote:
        raise RequestError.of(
            "model_kind",
            f'The model "{model}" runs in Ollama\'s cloud, which has no embeddings.',
            "Choose a local embedding model such as embeddinggemma, qwen3-embedding or all-minilm.",
        )
    if kind is ModelKind.EMBEDDING and info.embedding is False:
        raise RequestError.of(
            "model_kind",
            f'The model "{model}" is a chat model and makes no embeddings.',
            "Choose an embedding model such as embeddinggemma, qwen3-embedding or all-minilm.",
        )


def model_missing(model: str, installed: Sequence[str], *, cloud: bool = False) -> RequestError:
    """The error for a name the server does not have, with the nearest names it has, nearest first, or else with some of the others."""
    near = nearest(model, installed)
    pull = f"run `ollama pull {model}`."
    cause = f'The server has no model "{model}".'
    if not installed:
        return RequestError.of("model_missing", f"{cause} It has no models yet.", f"{pull[:1].upper()}{pull[1:]}")
    shown = ", ".join(map(printable_name, near or installed[:NAMES_SHOWN]))
    names = f"The nearest names it has: {shown}." if near else f"It has no name like it; it has {shown}."
    return RequestError.of("model_missing", f"{cause} {names}", "Choose one of them." if cloud else f"Choose one of them, or {pull}")


def models_missing() -> RequestError:
    """The error for a server without any model."""
    return RequestError.of("models_missing", "The server has no models yet.", "Run `ollama pull qwen3:8b` on its machine.")


def cloud_key_missing() -> ServerError:
    """The error for the cloud without a key."""
    return ServerError.of(
        "key_missing",
        "Ollama's cloud answers only with an API key.",
        "Make one at ollama.com/settings/keys and enter it as the API key.",
        family=Family.AUTHORIZATION,
    )


def cloud_key_refused(reply: HttpReply) -> ServerError | None:
    """The error for a key that the cloud does not take, by its reply to `ME`."""
    return failure_from_reply(reply.status, reply.body, route=ME, headers=reply.headers) if reply.status in CLOUD_KEY_REFUSED else None


def nearest(model: str, installed: Sequence[str]) -> list[str]:
    """Up to five installed names that look like the wanted one, nearest first.

    The name without its tag counts most, then the tag; registry, owner, case and the tag `latest` do not count.
    """
    base, tag = _parts(model)
    near = {name: (_likeness(base, of_base), _ratio(tag, of_tag)) for name in installed for of_base, of_tag in (_parts(name),)}
    return sorted((name for name in near if near[name][0] >= ALIKE), key=near.__getitem__, reverse=True)[:NAMES_SHOWN]


def _parts(name: str) -> tuple[str, str]:
    base, _, tag = printable_name(name).lower().rpartition("/")[2].partition(":")
    return base, "" if tag == "latest" else tag


def _likeness(wanted: str, base: str) -> float:
    """One name inside of the other is near, the nearer the more of it (`qwen3` and `qwen3-coder`)."""
    shorter, longer = sorted((wanted, base), key=len)
    if len(shorter) >= SHORTEST_BASE and shorter in longer:
        return ALIKE + (1 - ALIKE) * len(shorter) / len(longer)
    return _ratio(wanted, base)


def _ratio(left: str, right: str) -> float:
    return difflib.SequenceMatcher(None, left, right).ratio()

"""Whether a model can be what a user adds it as, which name was meant when there is no such model, and what the cloud says of a key."""

import difflib
from collections.abc import Sequence
from enum import StrEnum

from translator.errors import Family, RequestError, ServerError
from translator.response.capabilities import ModelInfo

NAMES_SHOWN = 5

CLOUD_KEY_REFUSED = frozenset({401, 403})
"""Statuses of the cloud's `/api/me` for a key that it does not take; others say nothing about the key."""


class ModelKind(StrEnum):
    """What a model is added as."""

    LANGUAGE = "language model"
    EMBEDDING = "text embedding model"


def require_kind(model: str, info: ModelInfo, kind: ModelKind) -> None:
    """Raises RequestError when the server says that the model is of another kind; what it does not say is no reason."""
    said = info.capabilities or frozenset()
    if "image" in said and said.isdisjoint({"completion", "embedding"}):
        cause = f'The model "{model}" makes pictures and {"cannot answer" if kind is ModelKind.LANGUAGE else "no embeddings"}.'
        remedy = "Dify has no place for such a model: choose a chat model such as qwen3, or an embedding model such as embeddinggemma."
        raise RequestError.of("model_kind", cause, remedy)
    if kind is ModelKind.LANGUAGE and info.completion is False:
        raise RequestError.of(
            "model_kind",
            f'The model "{model}" makes embeddings and cannot answer.',
            "Add it as a text embedding model, or choose a chat model such as qwen3 or gpt-oss.",
        )
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
    """The error for a name the server does not have, with the nearest names it has, nearest first."""
    shown = nearest(model, installed) or installed[:NAMES_SHOWN]
    pull = f"run `ollama pull {model}`."
    cause = f'The server has no model "{model}".'
    if not shown:
        return RequestError.of("model_missing", f"{cause} It has no models yet.", f"{pull[:1].upper()}{pull[1:]}")
    remedy = "Choose one of them." if cloud else f"Choose one of them, or {pull}"
    return RequestError.of("model_missing", f"{cause} The nearest names it has: {', '.join(shown)}.", remedy)


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


def nearest(model: str, installed: Sequence[str]) -> list[str]:
    """Up to five installed names that look like the wanted one, nearest first; the tag `latest` and the case do not count."""
    by_form: dict[str, list[str]] = {}
    for name in installed:
        by_form.setdefault(_form(name), []).append(name)
    near = difflib.get_close_matches(_form(model), by_form, n=NAMES_SHOWN, cutoff=0.4)
    return [name for form in near for name in by_form[form]][:NAMES_SHOWN]


def _form(name: str) -> str:
    return name.strip().lower().removesuffix(":latest")

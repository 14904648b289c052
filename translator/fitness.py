"""Whether a model can be what a user adds it as, and which name was meant when there is no such model.

Enters: a model's description, or the names a server has. Leaves: nothing when it fits, else a RequestError that says what to choose
instead.
"""

import difflib
from collections.abc import Sequence
from enum import StrEnum

from translator.errors import RequestError
from translator.response.capabilities import ModelInfo

NAMES_SHOWN = 5


class ModelKind(StrEnum):
    """What a model is added as."""

    LANGUAGE = "language model"
    EMBEDDING = "text embedding model"


def require_kind(model: str, info: ModelInfo, kind: ModelKind) -> None:
    """Raises RequestError when the server says that the model is of the other kind; what it does not say is no reason."""
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
    """The error for a name the server does not have, with the nearest names it has."""
    near = difflib.get_close_matches(model.lower(), [name.lower() for name in installed], n=NAMES_SHOWN, cutoff=0.4)
    shown = [name for name in installed if name.lower() in near] or list(installed[:NAMES_SHOWN])
    known = f"The nearest names it has: {', '.join(shown)}." if shown else "It has no models yet."
    remedy = "Choose one of them." if cloud else f"Choose one of them, or run: ollama pull {model}"
    return RequestError.of("model_missing", f'The server has no model "{model}". {known}', remedy if shown else f"Run: ollama pull {model}")

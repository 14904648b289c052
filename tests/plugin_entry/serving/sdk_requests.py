"""The SDK's way from a request of Dify's daemon to a model class and back, without its process."""

from types import SimpleNamespace
from typing import Any, cast

from dify_plugin.core.entities.plugin import request as requests
from dify_plugin.core.plugin_executor import PluginExecutor
from dify_plugin.core.runtime import Session
from dify_plugin.entities.model import EmbeddingInputType
from dify_plugin.entities.model.rerank import RerankResult
from dify_plugin.entities.model.text_embedding import TextEmbeddingResult
from dify_plugin.interfaces.model.ai_model import AIModel
from pydantic import TypeAdapter

from plugin_entry.models.rerank import OllamaRerankModel
from plugin_entry.models.text_embedding import OllamaTextEmbeddingModel

KINDS: dict[str, type[AIModel]] = {"text-embedding": OllamaTextEmbeddingModel, "rerank": OllamaRerankModel}
NO_SESSION = cast("Session", None)

type Saved = dict[str, Any]


def _executor() -> PluginExecutor:
    registration = SimpleNamespace(
        get_model_instance=lambda provider, kind: KINDS[kind.value]([]),
        get_model_provider_instance=lambda provider: object(),
    )
    return PluginExecutor(cast("Any", None), cast("Any", registration))


def _fields(kind: str, action: str, model: str, saved: Saved) -> Saved:
    return {
        "type": "model",
        "action": action,
        "user_id": "u",
        "provider": "ollama",
        "model_type": kind,
        "model": model,
        "credentials": saved,
    }


def embed(saved: Saved, texts: list[str], *, model: str = "embedder", kind: str = "document") -> TextEmbeddingResult:
    """What Dify's daemon asks for when it indexes (`document`) or searches (`query`), and what it reads."""
    fields = _fields("text-embedding", "invoke_text_embedding", model, saved)
    data = requests.ModelInvokeTextEmbeddingRequest(**fields, texts=texts, input_type=EmbeddingInputType(kind))
    return TextEmbeddingResult.model_validate(TypeAdapter(object).dump_python(_executor().invoke_text_embedding(NO_SESSION, data)))


def count_tokens(saved: Saved, texts: list[str], *, model: str = "embedder") -> list[int]:
    fields = _fields("text-embedding", "get_text_embedding_num_tokens", model, saved)
    data = requests.ModelGetTextEmbeddingNumTokens(**fields, texts=texts)
    return cast("list[int]", _executor().get_text_embedding_num_tokens(NO_SESSION, data)["num_tokens"])


def rerank(
    saved: Saved, query: str, docs: list[str], *, model: str = "reranker", top_n: int | None = 0, score_threshold: float | None = 0.0
) -> RerankResult:
    """The daemon sends 0 and 0.0 for what was not set."""
    fields = _fields("rerank", "invoke_rerank", model, saved)
    data = requests.ModelInvokeRerankRequest(**fields, query=query, docs=docs, top_n=top_n, score_threshold=score_threshold)
    return cast("RerankResult", _executor().invoke_rerank(NO_SESSION, data))


def validate(saved: Saved, *, kind: str, model: str) -> Saved:
    """Gives the credentials as Dify stores them afterwards. Raises CredentialsValidateFailedError."""
    data = requests.ModelValidateModelCredentialsRequest(**_fields(kind, "validate_model_credentials", model, dict(saved)))
    return cast("Saved", _executor().validate_model_credentials(NO_SESSION, data)["credentials"])

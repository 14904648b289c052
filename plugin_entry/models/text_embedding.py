"""The text-embedding model as Dify loads it. It is thin, because the SDK executes source modules apart from the import system."""

from collections.abc import Mapping
from typing import Any

from dify_plugin import TextEmbeddingModel
from dify_plugin.entities.model import AIModelEntity, EmbeddingInputType

from plugin_entry.models.parts import WithReadableErrors, checks, embedding, schema


class OllamaTextEmbeddingModel(WithReadableErrors, TextEmbeddingModel):
    """Vectors for texts."""

    def _invoke(
        self,
        model: str,
        credentials: dict[str, Any],
        texts: list[str],
        user: str | None = None,
        input_type: EmbeddingInputType = EmbeddingInputType.DOCUMENT,
    ) -> Any:
        del user  # Ollama has no field for it
        return embedding.embed(model, credentials, texts, input_type)

    def get_num_tokens(self, model: str, credentials: dict[str, Any], texts: list[str]) -> list[int]:
        return embedding.count(model, credentials, texts)

    def validate_credentials(self, model: str, credentials: Mapping[str, Any]) -> None:
        checks.check_embedding_model(model, credentials)

    def get_customizable_model_schema(self, model: str, credentials: Mapping[str, Any]) -> AIModelEntity:
        return schema.embedding_model(model, credentials)

"""The text-embedding model as Dify loads it. It is thin, because the SDK executes source modules apart from the import system."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dify_plugin import TextEmbeddingModel
from dify_plugin.entities.model import AIModelEntity, EmbeddingInputType
from dify_plugin.errors.model import InvokeError

from plugin_entry.dify import startup

if TYPE_CHECKING:
    from plugin_entry.checks import credentials as checks
    from plugin_entry.dify import errors
    from plugin_entry.serving import embedding, schema
else:
    checks, embedding, errors, schema = startup.modules("checks.credentials", "serving.embedding", "dify.errors", "serving.schema")


class OllamaTextEmbeddingModel(TextEmbeddingModel):
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

    @property
    def _invoke_error_mapping(self) -> dict[type[InvokeError], list[type[Exception]]]:
        return errors.MAPPING

    def _transform_invoke_error(self, error: Exception) -> InvokeError:
        return errors.to_invoke_error(error)

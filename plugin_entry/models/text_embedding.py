"""The text-embedding model as Dify loads it: thin, because the SDK executes source modules apart from the import system.

Enters: what Dify asks. Leaves: the answers of `embedding_model`, `checking` and `sdk_schema`, unchanged.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dify_plugin import TextEmbeddingModel
from dify_plugin.entities.model import AIModelEntity, EmbeddingInputType
from dify_plugin.entities.model.text_embedding import TextEmbeddingResult
from dify_plugin.errors.model import InvokeError

from plugin_entry import late

if TYPE_CHECKING:
    from plugin_entry import checking, embedding_model, sdk_errors, sdk_schema
else:
    checking, embedding_model, sdk_errors, sdk_schema = late.modules("checking", "embedding_model", "sdk_errors", "sdk_schema")


class OllamaTextEmbeddingModel(TextEmbeddingModel):
    """Vectors for texts."""

    def _invoke(
        self,
        model: str,
        credentials: dict[str, Any],
        texts: list[str],
        user: str | None = None,
        input_type: EmbeddingInputType = EmbeddingInputType.DOCUMENT,
    ) -> TextEmbeddingResult:
        del user  # Ollama has no field for it
        return embedding_model.embed(model, credentials, texts, input_type)

    def get_num_tokens(self, model: str, credentials: dict[str, Any], texts: list[str]) -> list[int]:
        del model, credentials  # counted offline
        return embedding_model.count(texts)

    def validate_credentials(self, model: str, credentials: Mapping[str, Any]) -> None:
        checking.check_embedding_model(model, credentials)

    def get_customizable_model_schema(self, model: str, credentials: Mapping[str, Any]) -> AIModelEntity:
        return sdk_schema.embedding_model(model, credentials)

    @property
    def _invoke_error_mapping(self) -> dict[type[InvokeError], list[type[Exception]]]:
        return sdk_errors.MAPPING

    def _transform_invoke_error(self, error: Exception) -> InvokeError:
        return sdk_errors.to_invoke_error(error)

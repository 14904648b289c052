"""The rerank model as Dify loads it: thin, because the SDK executes source modules apart from the import system.

Enters: what Dify asks. Leaves: the answers of `rerank_model`, `checking` and `sdk_schema`, unchanged.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dify_plugin import RerankModel
from dify_plugin.entities.model import AIModelEntity
from dify_plugin.entities.model.rerank import RerankResult
from dify_plugin.errors.model import InvokeError

from plugin_entry import late

if TYPE_CHECKING:
    from plugin_entry import checking, rerank_model, sdk_errors, sdk_schema
else:
    checking, rerank_model, sdk_errors, sdk_schema = late.modules("checking", "rerank_model", "sdk_errors", "sdk_schema")


class OllamaRerankModel(RerankModel):
    """Order for documents."""

    def _invoke(
        self,
        model: str,
        credentials: dict[str, Any],
        query: str,
        docs: list[str],
        score_threshold: float | None = None,
        top_n: int | None = None,
        user: str | None = None,
    ) -> RerankResult:
        del user  # rerank services have no field for it
        return rerank_model.rerank(model, credentials, query, docs, score_threshold, top_n)

    def validate_credentials(self, model: str, credentials: Mapping[str, Any]) -> None:
        checking.check_rerank_model(model, credentials)

    def get_customizable_model_schema(self, model: str, credentials: Mapping[str, Any]) -> AIModelEntity:
        return sdk_schema.rerank_model(model, credentials)

    @property
    def _invoke_error_mapping(self) -> dict[type[InvokeError], list[type[Exception]]]:
        return sdk_errors.MAPPING

    def _transform_invoke_error(self, error: Exception) -> InvokeError:
        return sdk_errors.to_invoke_error(error)

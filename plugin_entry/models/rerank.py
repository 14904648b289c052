"""The rerank model as Dify loads it. It is thin, because the SDK executes source modules apart from the import system."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dify_plugin import RerankModel
from dify_plugin.entities.model import AIModelEntity
from dify_plugin.entities.model.rerank import RerankResult
from dify_plugin.errors.model import InvokeError

from plugin_entry.dify import startup

if TYPE_CHECKING:
    from plugin_entry.checks import credentials as checks
    from plugin_entry.dify import errors
    from plugin_entry.serving import rerank, schema
else:
    checks, rerank, errors, schema = startup.modules("checks.credentials", "serving.rerank", "dify.errors", "serving.schema")


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
        return rerank.rerank(model, credentials, query, docs, score_threshold, top_n)

    def validate_credentials(self, model: str, credentials: Mapping[str, Any]) -> None:
        checks.check_rerank_model(model, credentials)

    def get_customizable_model_schema(self, model: str, credentials: Mapping[str, Any]) -> AIModelEntity:
        return schema.rerank_model(model, credentials)

    @property
    def _invoke_error_mapping(self) -> dict[type[InvokeError], list[type[Exception]]]:
        return errors.MAPPING

    def _transform_invoke_error(self, error: Exception) -> InvokeError:
        return errors.to_invoke_error(error)

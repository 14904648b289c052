"""The rerank model as Dify loads it. It is thin, because the SDK executes source modules apart from the import system."""

from collections.abc import Mapping
from typing import Any

from dify_plugin import RerankModel
from dify_plugin.entities.model import AIModelEntity
from dify_plugin.entities.model.rerank import RerankResult

from plugin_entry.models.parts import WithReadableErrors, checks, rerank, schema


class OllamaRerankModel(WithReadableErrors, RerankModel):
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

"""Builds the SDK's schema of a model: features, context size, parameter rules.

The SDK asks several times per request and Dify keeps the answer for an hour, so this must be quick and must never fail. A server that
is away gives a schema of what the user said and what every server can do.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import attrs
from dify_plugin.entities import I18nObject
from dify_plugin.entities.model import AIModelEntity, FetchFrom, ModelFeature, ModelPropertyKey, ModelType, ParameterRule, ParameterType

from plugin_entry.network.server import server_of, settings_of
from plugin_entry.serving.chat import FACTS
from translator import detected, features
from translator.embedding.frame import most_texts_per_frame
from translator.errors import RequestError
from translator.request.context import SERVERS_WINDOW
from translator.request.parameters import Parameter, ParameterKind, form_parameters
from translator.response.capabilities import ModelInfo
from translator.settings.credentials import ConnectionSettings, Credentials

RERANK_CONTEXT = 8192
"""Tokens; Dify shows it and budgets nothing with it."""

KEPT = 256
DEFAULT_CONNECTION = ConnectionSettings()
"""Instead of the user's own in the keys of the cache: no schema depends on how a server is reached."""

RULE_TYPES = {
    ParameterKind.FLOAT: ParameterType.FLOAT,
    ParameterKind.INT: ParameterType.INT,
    ParameterKind.STRING: ParameterType.STRING,
    ParameterKind.BOOLEAN: ParameterType.BOOLEAN,
    ParameterKind.TEXT: ParameterType.TEXT,
}


def language_model(model: str, saved: Mapping[str, Any]) -> AIModelEntity:
    """The schema of a language model."""
    return _language_model(model, *_settings(model, saved))


@lru_cache(maxsize=KEPT)
def _language_model(model: str, credentials: Credentials, info: ModelInfo) -> AIModelEntity:
    """Built once for the same facts: the SDK asks several times per request, and hundreds of texts have to be checked each time."""
    window = features.context(info, credentials)
    rows = form_parameters(info.version, context_size=window.size, model_maximum=info.context_length, max_tokens=credentials.max_tokens)
    return AIModelEntity(
        model=model,
        label=I18nObject(en_US=model),
        model_type=ModelType.LLM,
        fetch_from=FetchFrom.CUSTOMIZABLE_MODEL,
        features=[ModelFeature(word) for word in sorted(features.features(info, credentials))],
        model_properties={ModelPropertyKey.MODE: credentials.mode.value, ModelPropertyKey.CONTEXT_SIZE: window.size},
        parameter_rules=[_rule(row) for row in rows],
    )


def embedding_model(model: str, saved: Mapping[str, Any]) -> AIModelEntity:
    """The schema of an embedding model: `max_chunks` is lowered where so many vectors would not fit into one answer."""
    credentials, info = _settings(model, saved)
    dimensions = credentials.embedding.dimensions or info.embedding_length or 0
    return AIModelEntity(
        model=model,
        label=I18nObject(en_US=model),
        model_type=ModelType.TEXT_EMBEDDING,
        fetch_from=FetchFrom.CUSTOMIZABLE_MODEL,
        model_properties={
            ModelPropertyKey.CONTEXT_SIZE: features.context(info, credentials).size,
            ModelPropertyKey.MAX_CHUNKS: most_texts_per_frame(dimensions, credentials.embedding.max_chunks),
        },
    )


def rerank_model(model: str, saved: Mapping[str, Any]) -> AIModelEntity:
    """The schema of a rerank model; nothing in it depends on the service, so nothing is asked."""
    del saved
    return AIModelEntity(
        model=model,
        label=I18nObject(en_US=model),
        model_type=ModelType.RERANK,
        fetch_from=FetchFrom.CUSTOMIZABLE_MODEL,
        model_properties={ModelPropertyKey.CONTEXT_SIZE: RERANK_CONTEXT},
    )


def _settings(model: str, saved: Mapping[str, Any]) -> tuple[Credentials, ModelInfo]:
    """Settings and facts; settings that cannot be read are an error of the next request, not of the schema."""
    try:
        credentials = settings_of(saved)
        server = server_of(credentials)
    except RequestError:
        return Credentials(base_url=""), ModelInfo()
    remembered = detected.from_saved(saved)
    info = FACTS.for_schema(server, model, remembered)
    if credentials.context_size == SERVERS_WINDOW:
        info = FACTS.with_window(info, server, model, remembered)
    return _without_connection(credentials), info


@lru_cache(maxsize=KEPT)
def _without_connection(credentials: Credentials) -> Credentials:
    return attrs.evolve(credentials, base_url="", api_key="", connection=DEFAULT_CONNECTION)


def _rule(row: Parameter) -> ParameterRule:
    return ParameterRule(
        name=row.name,
        label=I18nObject(**row.label),
        help=I18nObject(**row.help),
        type=RULE_TYPES[row.kind],
        default=row.default,
        min=row.minimum,
        max=row.maximum,
        options=list(row.choices),
    )

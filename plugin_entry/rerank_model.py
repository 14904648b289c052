"""What the rerank source module does, as plain functions: settings to a plan, the ranking to the SDK's result."""

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import attrs
from dify_plugin.entities.model.rerank import RerankDocument, RerankResult

from plugin_entry.connect import server_of, settings_of
from plugin_entry.embedding_model import embed_settings, prefixes_of
from plugin_entry.plans import run_plan
from plugin_entry.runtime import BRIDGE, FACTS
from plugin_entry.sdk_errors import readable
from plugin_entry.server import Server
from translator import detected, features
from translator.credentials import Credentials, RerankService, ScoreScale
from translator.ollama_rerank_job import generative_rerank_plan, similarity_rerank_plan
from translator.request.generative_rerank import GenerativeSettings
from translator.request.rerank import RerankSettings
from translator.rerank_job import probe_plan, rerank_plan
from translator.shapes.exchange import Plan
from translator.shapes.rerank import Choice, Dialect, Ranking, Scale

logger = logging.getLogger(__name__)

DIALECTS = {RerankService.JINA: Dialect.JINA, RerankService.TEI: Dialect.TEI}
SCALES = {ScoreScale.AS_IS: Scale.AS_IS, ScoreScale.SIGMOID: Scale.SIGMOID}
SAVED_URL, SAVED_DIALECT = "rerank_url", "rerank_dialect"
PAIRS_AT_ONCE = 4
"""Requests to one Ollama server while it scores pairs; it queues what it cannot run at the same time."""

_learnt: dict[str, Dialect] = {}
"""The dialect a service turned out to speak, by its URL."""


@readable
def rerank(
    model: str,
    saved: Mapping[str, Any],
    query: str,
    documents: Sequence[str],
    score_threshold: float | None,
    top_n: int | None,
) -> RerankResult:
    """The wanted documents, best first, with their input positions. Raises InvokeError."""
    if not documents:
        return RerankResult(model=model, docs=[])
    credentials = settings_of(saved)
    choice = Choice(top_n=top_n, score_threshold=score_threshold, scale=SCALES[credentials.rerank.score_scale])
    ranking = _rank(model, credentials, saved, query, documents, choice)
    _tell(ranking)
    docs = [RerankDocument(index=document.index, text=document.text, score=document.score) for document in ranking.documents]
    return RerankResult(model=model, docs=docs)


def find_service(model: str, credentials: Credentials, saved: MutableMapping[str, Any]) -> None:
    """Finds where and how a rerank service answers and notes it in the credentials. Raises TranslatorError."""
    settings = _settings(model, credentials, {})
    address = run_plan(BRIDGE, probe_plan(settings), _server(credentials, settings.url), 1)
    saved[SAVED_URL], saved[SAVED_DIALECT] = address.url, address.dialect.value


def _rank(model: str, credentials: Credentials, saved: Mapping[str, Any], query: str, documents: Sequence[str], choice: Choice) -> Ranking:
    if credentials.rerank.service in {RerankService.OLLAMA, RerankService.OLLAMA_EMBEDDING}:
        return _rank_with_ollama(model, credentials, saved, query, documents, choice)
    settings = _settings(model, credentials, saved)
    ranking = run_plan(BRIDGE, rerank_plan(settings, query, documents, choice), _server(credentials, settings.url), 1)
    if ranking.dialect is not None:
        _learnt[settings.url] = ranking.dialect
    return ranking


def _rank_with_ollama(
    model: str, credentials: Credentials, saved: Mapping[str, Any], query: str, documents: Sequence[str], choice: Choice
) -> Ranking:
    server = server_of(credentials)
    info = FACTS.of(server, model, detected.from_saved(saved))
    if credentials.rerank.service is RerankService.OLLAMA_EMBEDDING:
        plan: Plan[Ranking] = similarity_rerank_plan(
            embed_settings(model, credentials, info),
            query,
            documents,
            choice,
            prefixes=prefixes_of(model, credentials),
            version=info.version,
        )
    else:
        window = features.context(info, credentials)
        settings = GenerativeSettings(model=model, num_ctx=window.num_ctx, keep_alive=credentials.keep_alive)
        plan = generative_rerank_plan(settings, query, documents, choice, version=info.version)
    return run_plan(BRIDGE, plan, server, PAIRS_AT_ONCE)


def _settings(model: str, credentials: Credentials, saved: Mapping[str, Any]) -> RerankSettings:
    """What a check noted wins over the rule for the URL, as long as the URL is still the one that was checked."""
    url = service_url(credentials.base_url)
    noted = str(saved.get(SAVED_URL) or "")
    known = noted if noted.startswith(url.partition("?")[0].rstrip("/")) else url
    dialect = DIALECTS.get(credentials.rerank.service) or _learnt.get(known) or _noted_dialect(saved, known == noted)
    return RerankSettings(url=known, model=model, api_key=credentials.api_key, dialect=dialect)


def _noted_dialect(saved: Mapping[str, Any], belongs: bool) -> Dialect | None:
    word = saved.get(SAVED_DIALECT)
    return Dialect(word) if belongs and word in {item.value for item in Dialect} else None


def service_url(text: str) -> str:
    """The address as typed, with a scheme and without user and password, which travel as a header."""
    url = text.strip()
    if "://" not in url:
        url = f"http://{url}"
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def _server(credentials: Credentials, url: str) -> Server:
    """Headers, limits and proxy for the service: its address without path and query is read like any base URL."""
    user = credentials.base_url.strip().rpartition("@")[0].rpartition("/")[2]
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{user}@{parts.netloc}" if user else f"{parts.scheme}://{parts.netloc}"
    return server_of(attrs.evolve(credentials, base_url=origin))


def _tell(ranking: Ranking) -> None:
    if ranking.unscored:
        logger.warning("the rerank service left %d documents without a score", ranking.unscored)
    if ranking.negative_dropped:
        logger.warning("the score threshold removed every document; the service gives negative scores, choose the sigmoid scale")
    for document in ranking.shortened:
        logger.warning("document %d was cut from %d to %d characters", document.index, document.length, document.length_sent)

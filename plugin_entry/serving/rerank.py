"""Reranks documents: settings become a plan, its ranking the SDK's result. Errors are of the SDK's five classes."""

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import attrs
from dify_plugin.entities.model.rerank import RerankDocument, RerankResult

from plugin_entry.dify.errors import readable
from plugin_entry.log import logged
from plugin_entry.network.retries import Busy, RetryingBridge, busy_ollama, busy_service, turns_at
from plugin_entry.network.server import Server, server_of, settings_of
from plugin_entry.serving.chat import BRIDGE, FACTS
from plugin_entry.serving.deadline import Deadline
from plugin_entry.serving.embedding import embed_settings, known_locally, known_prefixes, prefixes_of
from plugin_entry.serving.plans import run_plan
from plugin_entry.threads import weight_of_texts
from translator import detected, features
from translator.caches import BoundedCache
from translator.errors import ServerError
from translator.rerank.generative import GenerativeSettings
from translator.rerank.ollama_job import generative_rerank_plan, similarity_rerank_plan
from translator.rerank.ranking import Ranking, RankingOptions
from translator.rerank.requests import Dialect, RerankServiceSettings, ServicePlace, candidate_urls, rerank_url, service_place
from translator.rerank.service_job import probe_plan, rerank_plan
from translator.settings.credentials import Credentials, PrefixChoice, RerankService
from translator.shapes.exchange import Plan

DIALECTS = {RerankService.JINA: Dialect.JINA, RerankService.TEI: Dialect.TEI}
SAVED_URL, SAVED_DIALECT = "rerank_url", "rerank_dialect"
WITHOUT_PREFIXES = "The prefixes of this model's family are not known: the texts were compared as they are."
PAIRS_AT_ONCE = 4
"""Requests to one Ollama server while it scores pairs; it queues what it cannot run at the same time."""
BATCHES_AT_ONCE = 2
"""Requests to one rerank service, whose batches are large."""

_known_dialects: BoundedCache[str, Dialect] = BoundedCache(256)
"""The dialects of services by place (see `_place`), for credentials that do not name them; an entry goes with the next failure."""


def forget() -> None:
    """The dialects learnt so far."""
    _known_dialects.clear()


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
    choice = RankingOptions(top_n=top_n, score_threshold=score_threshold, scale=credentials.rerank.score_scale)
    with Deadline(credentials.timeouts.answer, model).around_waiting():
        ranking = _rank(model, credentials, saved, query, documents, choice)
    docs = [RerankDocument(index=document.index, text=document.text, score=document.score) for document in ranking.documents]
    return RerankResult(model=model, docs=docs)


def find_service(model: str, credentials: Credentials, saved: MutableMapping[str, Any]) -> None:
    """Finds where and how a rerank service answers and notes it in the credentials. Raises TranslatorError."""
    place = service_place(credentials.base_url)
    settings = RerankServiceSettings(url=place.url, model=model, dialect=DIALECTS.get(credentials.rerank.service))
    address = run_plan(BRIDGE, probe_plan(settings), _service(credentials, place), 1)
    saved[SAVED_URL], saved[SAVED_DIALECT] = address.url, address.dialect.value


def _rank(
    model: str, credentials: Credentials, saved: Mapping[str, Any], query: str, documents: Sequence[str], choice: RankingOptions
) -> Ranking:
    if credentials.rerank.service is RerankService.OLLAMA or credentials.rerank.service.is_embedding:
        return _rank_with_ollama(model, credentials, saved, query, documents, choice)
    place = service_place(credentials.base_url)
    service = _service(credentials, place)
    settings = _settings(model, credentials, place, saved, service)
    plan = rerank_plan(settings, query, documents, choice)
    try:
        ranking = _run(model, plan, service, BATCHES_AT_ONCE, busy_service, _weight(query, documents), url=settings.url)
    except ServerError:
        _known_dialects.forget(_place(service, settings.url))
        raise
    _remember(_place(service, settings.url), ranking.dialect)
    return ranking


def _rank_with_ollama(
    model: str, credentials: Credentials, saved: Mapping[str, Any], query: str, documents: Sequence[str], choice: RankingOptions
) -> Ranking:
    server, remembered = server_of(credentials), detected.from_saved(saved)
    if credentials.rerank.service.is_embedding:
        info = known_locally(server, model, remembered)
        how, prefixes = embed_settings(model, credentials, info), prefixes_of(model, info, credentials.rerank.prefixes)
        plan = similarity_rerank_plan(how, query, documents, choice, prefixes=prefixes, version=info.version)
        is_bare = credentials.rerank.prefixes is PrefixChoice.FAMILY and known_prefixes(model, info) is None
        notes = (WITHOUT_PREFIXES,) if is_bare else ()
        return _run(model, plan, server, credentials.embedding.concurrency, busy_ollama, _weight(query, documents), notes=notes)
    info = FACTS.of(server, model, remembered)
    settings = GenerativeSettings(
        model=model,
        template=credentials.rerank.template,
        num_ctx=features.context(info, credentials).num_ctx,
        keep_alive=credentials.keep_alive,
    )
    plan = generative_rerank_plan(settings, query, documents, choice, version=info.version)
    return _run(model, plan, server, PAIRS_AT_ONCE, busy_ollama, _weight(query, documents))


def _weight(query: str, documents: Sequence[str]) -> int:
    """Some services are sent the query with each document."""
    return weight_of_texts(documents) + len(query) * len(documents)


def _run(
    model: str,
    plan: Plan[Ranking],
    server: Server,
    at_once: int,
    busy: Busy,
    weight: int,
    *,
    url: str = "",
    notes: Sequence[str] = (),
) -> Ranking:
    with logged("rerank", model, server.place) as log:
        ranking = run_plan(RetryingBridge(BRIDGE, turns_at(_place(server, url), at_once), busy), plan, server, at_once, weight)
        log.facts["documents"] = len(ranking.documents)
        for remark in (*notes, *ranking.notes, *_remarks(ranking)):
            log.remark(remark)
    return ranking


def _place(service: Server, url: str) -> str:
    """Tells services apart by tenant and path: behind one gateway there may be several."""
    return f"{service.identity} {url}"


def _settings(
    model: str, credentials: Credentials, place: ServicePlace, saved: Mapping[str, Any], service: Server
) -> RerankServiceSettings:
    """What a check noted wins over the rule for the URL, as long as the URL is still the one that was checked."""
    noted = saved.get(SAVED_URL)
    belongs = noted in candidate_urls(place.url)
    url = str(noted) if belongs else rerank_url(place.url)
    dialect = (
        DIALECTS.get(credentials.rerank.service)
        or (_noted_dialect(saved) if belongs else None)
        or _known_dialects.get(_place(service, url))
    )
    return RerankServiceSettings(url=url, model=model, dialect=dialect)


def _noted_dialect(saved: Mapping[str, Any]) -> Dialect | None:
    return next((dialect for dialect in Dialect if dialect.value == saved.get(SAVED_DIALECT)), None)


def _remember(place: str, dialect: Dialect | None) -> None:
    if dialect is not None:
        _known_dialects.put(place, dialect)


def _service(credentials: Credentials, place: ServicePlace) -> Server:
    """Headers, limits and proxy for the service: its address without path and query is read like any base URL."""
    return server_of(attrs.evolve(credentials, base_url=place.origin))


def _remarks(ranking: Ranking) -> Iterator[str]:
    if ranking.unscored:
        yield f"The rerank service left {ranking.unscored:,} documents without a score."
    if ranking.negative_dropped:
        yield "The score threshold removed every document: the service gives negative scores, choose the sigmoid scale."
    for document in ranking.shortened:
        yield f"Document {document.index + 1} was cut from {document.length:,} to {document.length_sent:,} characters."

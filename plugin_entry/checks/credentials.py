"""Checks credentials when a user saves a model, without loading the model.

When all is well, the facts that were found are written back into the form's values, which Dify stores. Else one error of one sentence:
address, key, no such model, or a model of another kind.
"""

import logging
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, cast

import attrs
import gevent
from dify_plugin.entities.model import EmbeddingInputType
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeError

from plugin_entry.checks.doctor import why_unreachable
from plugin_entry.log import RequestLog, error_place, logged
from plugin_entry.network.client import Call
from plugin_entry.network.retries import models_in_memory
from plugin_entry.network.server import Server, server_of, settings_of
from plugin_entry.serving import embedding, rerank
from plugin_entry.serving.chat import BRIDGE, FACTS
from translator import detected, features
from translator.diagnosis.model_kinds import ME, ModelKind, cloud_key_missing, cloud_key_refused, model_missing, require_kind
from translator.diagnosis.one_sentence import one_sentence
from translator.diagnosis.running import is_contested, listed_names, running_model, window_in_force
from translator.diagnosis.unanswered import to_small_question
from translator.errors import Family, ServerError, TranslatorError
from translator.request.context import SERVERS_WINDOW
from translator.rerank.generative import GenerativeSettings, check_generative
from translator.response.capabilities import ModelInfo
from translator.settings.credentials import Credentials, RerankService

logger = logging.getLogger(__name__)

BUDGET_S = 8.0
"""For the whole check, for which the user waits in front of the form."""
DIAGNOSIS_S = 2.5
"""Of the budget, for finding out why there was no answer."""
DEEP_BUDGET_S = 60.0
"""For the one embedding of the deep check, which may have to load the model first."""
KEY_FACT = "detected_key"
SERVICE_FIELD = "rerank_service"
"""Only rerank models have this field; without it the server is Ollama."""
WRONG_PLACE = frozenset({"not_found", "route_missing", "not_ollama", "method_refused", "model_description"})
"""Codes of answers that may come from something else than Ollama."""

RERANK_KINDS = {
    RerankService.OLLAMA: ModelKind.RERANK,
    RerankService.OLLAMA_EMBEDDING: ModelKind.EMBEDDING,
    RerankService.OLLAMA_EMBEDDING_BARE: ModelKind.EMBEDDING,
}
"""What a model of Ollama must be to rerank; other services know their models themselves."""

type Saved = MutableMapping[str, Any]
type ModelCheck = Callable[[str, Saved], None]


def run_check(check: ModelCheck, model: str, given: Mapping[str, Any], budget_s: float) -> None:
    """Runs a check within its budget. Raises CredentialsValidateFailedError; any other exception would reach the user as JSON.

    The error has no cause: the SDK sends the text of each to Dify, whatever it quotes. `given` is the dict that the SDK hands back to Dify:
    what is found is written into it (its type says that nothing is, its use says so).
    """
    saved = cast("Saved", given)
    ends = time.monotonic() + budget_s
    patience = budget_s - min(DIAGNOSIS_S, budget_s / 2)
    server = None
    try:
        server = _server(saved)
        with logged("check", model, server.place if server else ""), gevent.Timeout(patience):
            check(model, saved)
    except TranslatorError as error:
        told = _diagnosed(server, saved, ends) if _is_lost(error) else ""
        raise CredentialsValidateFailedError(told or one_sentence(error.problem.cause, error.problem.remedy)) from None
    except InvokeError as error:
        raise CredentialsValidateFailedError(one_sentence(str(error))) from None
    except gevent.Timeout:
        slow = f"The server did not answer the check within {patience:g} seconds."
        remedy = "Check the base URL, or try again when the server is less busy."
        raise CredentialsValidateFailedError(_diagnosed(server, saved, ends) or one_sentence(slow, remedy)) from None
    except Exception as error:  # noqa: BLE001  # told as a failed check
        logger.error("a check met an error of its own (%s)", error_place(error))  # noqa: TRY400  # its text may hold secrets
        unexpected = f"The check failed unexpectedly ({type(error).__name__})."
        raise CredentialsValidateFailedError(one_sentence(unexpected, "Try again.")) from None


def _server(saved: Saved) -> Server | None:
    """None for an address that cannot be read, which the check itself says."""
    try:
        return server_of(settings_of(saved))
    except TranslatorError:
        return None


def _is_lost(error: TranslatorError) -> bool:
    """The way to Ollama is wrong, of which the doctor says more than the error."""
    return isinstance(error, ServerError) and (error.family is Family.CONNECTION or error.code in WRONG_PLACE)


def _diagnosed(server: Server | None, saved: Saved, ends: float) -> str:
    """What is wrong with the way to Ollama; "" when nothing is found before `ends`, or another service is asked."""
    seconds = ends - time.monotonic()
    if server is None or seconds <= 0 or (SERVICE_FIELD in saved and settings_of(saved).rerank.service not in RERANK_KINDS):
        return ""
    return BRIDGE.run(lambda: why_unreachable(server, seconds, BRIDGE.lookups()))


def check_language_model(model: str, saved: Mapping[str, Any]) -> None:
    """URL, key, model and its kind. Raises CredentialsValidateFailedError."""
    run_check(_check_language_model, model, saved, BUDGET_S)


def _check_language_model(model: str, saved: Saved) -> None:
    credentials = settings_of(saved)
    server = server_of(credentials)
    info = describe(model, server, ModelKind.LANGUAGE, saved)
    if not info.remote:
        _log_window(model, server, info, credentials, saved)
    if server.base_url.is_cloud:
        saved[KEY_FACT] = check_cloud_key(server, credentials)


def check_embedding_model(model: str, saved: Mapping[str, Any]) -> None:
    """URL, key, model and its kind; also one tiny embedding if the user asked for the deep check.

    Raises CredentialsValidateFailedError.
    """
    run_check(_check_embedding_model, model, saved, BUDGET_S)
    if settings_of(saved).deep_check:
        run_check(_embed_once, model, saved, DEEP_BUDGET_S)


def check_rerank_model(model: str, saved: Mapping[str, Any]) -> None:
    """Finds where and how the service answers, or checks the model of Ollama that reranks. Raises CredentialsValidateFailedError."""
    run_check(_check_rerank_model, model, saved, BUDGET_S)


def _check_embedding_model(model: str, saved: Saved) -> None:
    server = server_of(settings_of(saved))
    embedding.refuse_cloud(model, remote=server.base_url.is_cloud)
    info, credentials = describe(model, server, ModelKind.EMBEDDING, saved), settings_of(saved)
    embedding.check_settings(model, credentials, info)
    embedding.check_prefixes(model, credentials, info)


def _embed_once(model: str, saved: Saved) -> None:
    embedding.embed(model, saved, ["check"], EmbeddingInputType.QUERY)


def _check_rerank_model(model: str, saved: Saved) -> None:
    credentials = settings_of(saved)
    kind = RERANK_KINDS.get(credentials.rerank.service)
    if kind is None:
        rerank.find_service(model, credentials, saved)
        return
    server = server_of(credentials)
    if kind is ModelKind.EMBEDDING:
        embedding.refuse_cloud(model, remote=server.base_url.is_cloud)
    info = describe(model, server, kind, saved)
    if kind is ModelKind.EMBEDDING:
        embedding.check_settings(model, credentials, info)
    else:
        check_generative(GenerativeSettings(model=model, template=credentials.rerank.template), info.version)


def _log_window(model: str, server: Server, info: ModelInfo, credentials: Credentials, saved: Saved) -> None:
    """Logs which window is in force, as a warning where another client uses another one; a form that is saved has no place for it.

    Where the context size is the server's, its window is written back.
    """
    reply = models_in_memory(BRIDGE, server)
    running = None if reply is None else running_model(reply.body, model)
    if credentials.context_size == SERVERS_WINDOW and running is not None:
        info = attrs.evolve(info, running_window=running.window)
        saved.update(detected.to_saved(info))
    plan = features.context(info, credentials)
    level = logging.WARNING if is_contested(plan, running) else logging.INFO
    RequestLog("check", model, server.place).remark(" ".join(filter(None, (window_in_force(plan, running), plan.note))), level)


def describe(model: str, server: Server, kind: ModelKind, saved: Saved) -> ModelInfo:
    """Asks the server about the model and writes the facts back. Raises TranslatorError."""
    try:
        info = FACTS.ask(server, model)
    except ServerError as error:
        if error.code != "model_missing":
            raise to_small_question(error) from None
        raise model_missing(model, _installed(server), cloud=server.base_url.is_cloud) from error
    require_kind(model, info, kind)
    saved.update(detected.to_saved(info))
    return info


def check_cloud_key(server: Server, credentials: Credentials) -> str:
    """Proves a cloud key by a request that needs one.

    Gives what was found: "valid", or "not checked" where the cloud did not answer this question. Raises ServerError for a key that is
    missing or refused.
    """
    if not credentials.api_key:
        raise cloud_key_missing()
    try:
        reply = BRIDGE.fetch(_call(server, "POST", ME))
    except ServerError:
        return "not checked"
    if refused := cloud_key_refused(reply):
        raise refused
    return "valid" if reply.status == 200 else "not checked"


def _installed(server: Server) -> list[str]:
    """Names of the models a server has; empty when it will not say."""
    try:
        return listed_names(BRIDGE.fetch(_call(server, "GET", "/api/tags")).body)
    except ServerError:
        return []


def _call(server: Server, method: str, route: str) -> Call:
    return Call(server=server.with_limits(first_byte=BUDGET_S), method=method, url=server.base_url.url_for(route))

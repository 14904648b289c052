"""Embeds texts: settings become a plan, its vectors the SDK's result. Errors are of the SDK's five classes."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from dify_plugin.entities.model import EmbeddingInputType

from plugin_entry.dify.errors import readable
from plugin_entry.dify.objects import vectors_to_sdk
from plugin_entry.log import logged
from plugin_entry.network.retries import RetryingBridge, busy_ollama, turns_at
from plugin_entry.network.server import Server, server_of, settings_of
from plugin_entry.serving.chat import BRIDGE, FACTS
from plugin_entry.serving.deadline import Deadline
from plugin_entry.serving.plans import run_plan
from plugin_entry.threads import in_thread, weight_of_texts
from translator import detected, features
from translator.diagnosis.model_kinds import ModelKind, require_kind
from translator.embedding import texts as embedding_texts
from translator.embedding.job import Embedded, embedding_plan
from translator.embedding.requests import EmbedSettings, check_dimensions, check_sizes
from translator.errors import RequestError
from translator.response.capabilities import ModelInfo
from translator.settings.credentials import Credentials, PrefixChoice
from translator.tokens import TEXT_MARKS, estimate_texts


@readable
def embed(model: str, saved: Mapping[str, Any], texts: Sequence[str], input_type: EmbeddingInputType) -> dict[str, Any]:
    """The dump of a TextEmbeddingResult: one vector per text, in order. Raises InvokeError; never gives a zero vector or a shorter list."""
    started = time.perf_counter()
    credentials = settings_of(saved)
    with Deadline(credentials.timeouts.answer, model).around_waiting():
        embedded = _embed(model, saved, credentials, texts, input_type) if texts else Embedded()
    return vectors_to_sdk(model, embedded.written, embedded.tokens, started)


def count(model: str, saved: Mapping[str, Any], texts: Sequence[str]) -> list[int]:
    """Tokens per text with its begin and end marks, estimated offline; a list of the same length."""
    vocabulary = FACTS.recall(model, saved).vocabulary
    return in_thread(weight_of_texts(texts), lambda: estimate_texts(list(texts), vocabulary, TEXT_MARKS))


def embed_settings(model: str, credentials: Credentials, info: ModelInfo) -> EmbedSettings:
    """How to embed with this model.

    The window is the one that Dify is told, so that nothing is cut before it must be: the user's size, else the model's own up to 8192
    tokens. The server reserves memory for window and batch together, which a model of 32k tokens would pay with gigabytes, and Dify's
    longest chunks have 4,000 tokens.
    """
    return EmbedSettings(
        model=model,
        max_texts=credentials.embedding.max_chunks,
        num_ctx=features.context(info, credentials).num_ctx,
        max_ctx=info.context_length,
        keep_alive=credentials.keep_alive,
        dimensions=credentials.embedding.dimensions,
        overlong=credentials.embedding.overlong,
        vocabulary=info.vocabulary,
    )


def _embed(
    model: str, saved: Mapping[str, Any], credentials: Credentials, texts: Sequence[str], input_type: EmbeddingInputType
) -> Embedded:
    server = server_of(credentials)
    info = known_locally(server, model, detected.from_saved(saved))
    plan = embedding_plan(
        texts,
        embed_settings(model, credentials, info),
        kind=embedding_texts.InputKind(input_type.value),
        prefixes=prefixes_of(model, info, credentials.embedding.prefixes),
        version=info.version,
    )
    at_once = credentials.embedding.concurrency
    with logged("embed", model, server.place, texts=len(texts)) as log:
        bridge = RetryingBridge(BRIDGE, turns_at(server.identity, at_once), busy_ollama)
        embedded = run_plan(bridge, plan, server, at_once, weight_of_texts(texts))
        log.facts["tokens"] = embedded.tokens
        for adjustment in embedded.adjustments:
            log.remark(f"Text {adjustment.index + 1} of {adjustment.length:,} characters: {adjustment.change.value}.")
    return embedded


def known_locally(server: Server, model: str, remembered: ModelInfo) -> ModelInfo:
    """The facts of a model that is to embed. Raises RequestError for one in the cloud, ServerError when the server is away."""
    refuse_cloud(model, remote=server.base_url.is_cloud)
    info = FACTS.of(server, model, remembered)
    refuse_cloud(model, remote=info.remote)
    return info


def refuse_cloud(model: str, *, remote: bool) -> None:
    """Raises RequestError for a model in the cloud, which has no embeddings."""
    require_kind(model, ModelInfo(remote=remote), ModelKind.EMBEDDING)


def prefixes_of(model: str, info: ModelInfo, choice: PrefixChoice) -> embedding_texts.Prefixes:
    """The prefixes of the model's family, as far as the user wants them."""
    if choice is PrefixChoice.OFF:
        return embedding_texts.NO_PREFIXES
    prefixes = known_prefixes(model, info) or embedding_texts.NO_PREFIXES
    return attrs.evolve(prefixes, document="") if choice is PrefixChoice.QUERIES else prefixes


def known_prefixes(model: str, info: ModelInfo) -> embedding_texts.Prefixes | None:
    """Those of its family; None when the family is not known. Chat models share architectures with embedding models, and are left out."""
    architecture = (info.architecture or info.family) if info.embedding else ""
    return embedding_texts.family_prefixes(*info.names, model, architecture=architecture)


def check_settings(model: str, credentials: Credentials, info: ModelInfo) -> None:
    """Raises RequestError for settings that this model cannot have, so that they are not saved."""
    settings = embed_settings(model, credentials, info)
    check_dimensions(settings, info.version)
    check_sizes(settings, info.embedding_length)


def check_prefixes(model: str, credentials: Credentials, info: ModelInfo) -> None:
    """Raises RequestError when prefixes are wanted and the model's family is not known."""
    if credentials.embedding.prefixes is not PrefixChoice.OFF and known_prefixes(model, info) is None:
        raise RequestError.of(
            "embed_family_unknown",
            f'Which prefixes the model "{model}" was trained with is not known: neither its name nor the server says its family.',
            "Switch the prefixes off, or copy the model to a name with its family in it (`ollama cp NAME nomic-embed-text-mine`).",
        )

"""The doctor's checks over HTTP: who answers, which version, the key, the models, and one model in particular.

Enters: an examination. Leaves: one finding per check, None where there is nothing to say. Nothing here loads a model or generates a word.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from plugin_entry.probing import Examination
from translator import codec, versions
from translator.diagnosis import Finding, Step
from translator.errors import Family, ServerError
from translator.fitness import CLOUD_KEY_REFUSED, cloud_key_missing, model_missing
from translator.response.capabilities import ModelInfo, model_info, read_version
from translator.response.failure_bodies import proxy_named_in
from translator.response.failures import failure_from_reply
from translator.response.quoting import printable_name
from translator.response.running import RunningModel, listed_models, listed_names, running_model
from translator.server_kinds import FURTHER_ROUTES, NO_ROUTE, TAGS, VERSION, Kind, kind_of, not_ollama
from translator.shapes.exchange import HttpReply
from translator.versions import ServerVersion

SHOW, RUNNING, ME = "/api/show", "/api/ps", "/api/me"

MODELS_SHOWN = 30

MISSING_BEFORE: tuple[tuple[ServerVersion, str], ...] = (
    (versions.CAPABILITIES, "it does not say what its models can do"),
    (versions.STREAMED_TOOLS, "it does not stream while tools are offered"),
    (versions.THINK, "thinking cannot be switched on or off"),
    (versions.TRUNCATE, "it shortens prompts that are too long without a word"),
)
"""What a person notices on a server before a version."""


async def check_http(exam: Examination) -> Finding | None:
    """Whether the server answers at all, and lets us in."""
    try:
        reply = await exam.ask(VERSION)
    except ServerError as error:
        return Finding.of_error(Step.HTTP, error)
    if reply.status >= 400 and reply.status not in NO_ROUTE:
        return _refused(reply, VERSION)
    return Finding(step=Step.HTTP, ok=True, sentence=f"The server answers over HTTP{_way(reply)}.")


async def check_server(exam: Examination) -> Finding | None:
    """Whether it is Ollama, else what it is."""
    if exam.base_url.is_cloud:
        return Finding(step=Step.SERVER, ok=True, sentence="It is Ollama's cloud.")
    kind = kind_of(await _seen(exam, (VERSION, TAGS)))
    if kind is not Kind.OLLAMA:
        tags = await _reply(exam, TAGS)
        if tags is not None and tags.status in {401, 403}:
            return _refused(tags, TAGS)
        kind = kind_of(await _seen(exam, (VERSION, TAGS, *FURTHER_ROUTES)))
    if kind is not Kind.OLLAMA:
        return Finding.of_error(Step.SERVER, not_ollama(kind, exam.server.place))
    return Finding(step=Step.SERVER, ok=True, sentence="It is Ollama.")


async def check_version(exam: Examination) -> Finding | None:
    """The version, and what a person misses in an old one; the cloud is always the newest."""
    if exam.base_url.is_cloud:
        return None
    version = read_version((await exam.ask(VERSION)).body)
    missing = [what for since, what in MISSING_BEFORE if version < since]
    if missing:
        sentence, remedy = f"Its version {version} is old: {'; '.join(missing)}.", "Update Ollama when you can."
        return Finding(step=Step.VERSION, ok=True, sentence=sentence, remedy=remedy)
    return Finding(step=Step.VERSION, ok=True, sentence=f"Its version is {version}.")


async def check_key(exam: Examination) -> Finding | None:
    """Whether the cloud takes the key, by a question that needs one and generates nothing; other servers took it already or ignore it."""
    if not exam.base_url.is_cloud:
        return Finding(step=Step.KEY, ok=True, sentence="The server took the key, or needs none.") if exam.has_key else None
    if not exam.has_key:
        return Finding.of_error(Step.KEY, cloud_key_missing())
    try:
        reply = await exam.ask(ME, "POST")
    except ServerError as error:
        return Finding.of_error(Step.KEY, error)
    if reply.status in CLOUD_KEY_REFUSED:
        return _refused(reply, ME)
    sentence = "The key is valid." if reply.status == 200 else "Whether the key is valid could not be found out."
    return Finding(step=Step.KEY, ok=True, sentence=sentence)


async def check_models(exam: Examination) -> Finding | None:
    """Which models there are, what they can do, and their largest window."""
    try:
        listed = _listed(await exam.ask(TAGS))
    except ServerError as error:
        return Finding.of_error(Step.MODELS, error)
    if not listed:
        return Finding(step=Step.MODELS, ok=False, sentence="The server has no models yet.", remedy="Run: ollama pull qwen3:8b")
    lines = await asyncio.gather(*(_line(exam, model) for model in listed[:MODELS_SHOWN]))
    more = [f"and {len(listed) - MODELS_SHOWN} more"] if len(listed) > MODELS_SHOWN else []
    return Finding(step=Step.MODELS, ok=True, sentence=_counted(len(listed)), details=(*lines, *more))


async def check_model(exam: Examination) -> Finding | None:
    """Whether the model is there, what it can do, and its window."""
    if not exam.model:
        return None
    try:
        reply = await exam.ask(SHOW, "POST", {"model": exam.model})
        if reply.status == 200:
            info = model_info(reply.body, model=exam.model, cloud_host=exam.base_url.is_cloud)
            return Finding(step=Step.MODEL, ok=True, sentence=f"{exam.model}: {_described(info)}.")
        failure = failure_from_reply(
            reply.status, reply.body, content_type=reply.content_type, model=exam.model, route=SHOW, headers=reply.headers
        )
        if failure.code != "model_missing":
            return Finding.of_error(Step.MODEL, failure)
        names = listed_names((await exam.ask(TAGS)).body)
    except ServerError as error:
        return Finding.of_error(Step.MODEL, error)
    return Finding.of_error(Step.MODEL, model_missing(exam.model, names, cloud=exam.base_url.is_cloud))


async def check_loaded(exam: Examination) -> Finding | None:
    """Whether the model is in memory, with which window, and how much of it on a GPU; nothing to say of the cloud."""
    if not exam.model or exam.base_url.is_cloud:
        return None
    reply = await _reply(exam, RUNNING)
    if reply is None or reply.status != 200:
        return Finding(step=Step.LOADED, ok=True, sentence="The server does not say which models are in memory.")
    running = running_model(reply.body, exam.model)
    if running is None:
        sentence = f"{exam.model} is not in memory: the next request loads it first, which may take minutes."
        return Finding(step=Step.LOADED, ok=True, sentence=sentence)
    return Finding(step=Step.LOADED, ok=True, sentence=f"{exam.model} is in memory{_window(running)}{_share(running)}.")


async def _seen(exam: Examination, routes: tuple[str, ...]) -> dict[str, HttpReply]:
    replies = await asyncio.gather(*(_reply(exam, route) for route in routes))
    return {route: reply for route, reply in zip(routes, replies, strict=True) if reply is not None}


async def _reply(exam: Examination, route: str) -> HttpReply | None:
    """A reply that may be missing."""
    try:
        return await exam.ask(route)
    except ServerError:
        return None


def _refused(reply: HttpReply, route: str) -> Finding:
    error = failure_from_reply(reply.status, reply.body, content_type=reply.content_type, route=route, headers=reply.headers)
    return Finding.of_error(Step.KEY if error.family is Family.AUTHORIZATION else Step.HTTP, error)


def _way(reply: HttpReply) -> str:
    """Who passed the answer on, where that is known."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    named = proxy_named_in(headers.get("via", "")) or proxy_named_in(headers.get("server", ""))
    return f", through {named}" if named else ", through a proxy" if "via" in headers else ""


def _listed(reply: HttpReply) -> list[Mapping[str, Any]]:
    """The models in a reply of `/api/tags`."""
    return listed_models(reply.body) if reply.status == 200 else []


def _counted(count: int) -> str:
    return "It has 1 model." if count == 1 else f"It has {count:,} models."


async def _line(exam: Examination, model: Mapping[str, Any]) -> str:
    """One model of the list; before 0.30 the list lacks capabilities and window, and the model's own description has them."""
    name = printable_name(str(model.get("name")))
    info = model_info(codec.dumps(model), model=name, cloud_host=exam.base_url.is_cloud)
    if info.capabilities is None or info.context_length is None:
        try:
            reply = await exam.ask(SHOW, "POST", {"model": name})
            info = model_info(reply.body, model=name, cloud_host=exam.base_url.is_cloud) if reply.status == 200 else info
        except ServerError:
            return f"{name}: no description"
    return f"{name}: {_described(info)}"


ABILITIES = ("completion", "tools", "thinking", "vision", "embedding", "insert", "audio")


def _described(info: ModelInfo) -> str:
    """Abilities and window, as far as they are known."""
    able = [name for name in ABILITIES if getattr(info, name)]
    window = f"window up to {info.context_length:,} tokens" if info.context_length else "window unknown"
    preset = f", preset to {info.num_ctx:,}" if info.num_ctx else ""
    return f"{', '.join(able) or 'abilities unknown'}; {window}{preset}"


def _window(running: RunningModel) -> str:
    return f" with a window of {running.window:,} tokens" if running.window else ""


def _share(running: RunningModel) -> str:
    return "" if running.gpu_percent is None else f", {running.gpu_percent} % of it on a GPU"

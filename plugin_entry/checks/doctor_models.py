"""The doctor's checks of models: which there are, and one model in particular.

The server is known to be Ollama. Each check gives one finding, or None where there is nothing to say. Nothing here loads a model or
generates a word.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from plugin_entry.checks.probing import Examination, answers_to
from translator.diagnosis.conclusion import Finding, Layer
from translator.diagnosis.model_kinds import ME, model_missing, models_missing
from translator.diagnosis.running import RunningModel, listed_models, listed_names, running_model, window_in_force
from translator.diagnosis.server_kinds import NO_ROUTE, TAGS, VERSION
from translator.diagnosis.unanswered import models_withheld, remedy_for, withheld
from translator.errors import ServerError
from translator.failures.build import failure_from_reply
from translator.failures.quoting import printable_name
from translator.request.context import SERVERS_WINDOW, ModelWindow, plan_context
from translator.response.capabilities import ModelInfo, listed_info, model_info
from translator.shapes.exchange import HttpReply
from translator.versions import LLAMA_SERVER, ServerVersion

SHOW, RUNNING = "/api/show", "/api/ps"
WINDOWS = {"auto": None, "server": SERVERS_WINDOW}
"""Settings of the context size that stand for a number which depends on the server."""

MODELS_SHOWN = 30


async def check_models(exam: Examination) -> Finding | None:
    """Which models there are, what they can do, and their largest window. With one model to examine, a missing list is no trouble."""
    answers = await answers_to(exam, (TAGS,))
    answer, missing = answers[TAGS], models_withheld(answers, exam.server.place)
    if missing is not None and not exam.model:
        return Finding.of_error(Layer.MODELS, missing)
    if missing is not None:
        sentence = f"Its list of models is missing, as {withheld(TAGS, answer)}."
        return Finding(step=Layer.MODELS, ok=True, sentence=sentence, remedy=remedy_for(answer))
    listed = listed_models(answer.body) if isinstance(answer, HttpReply) else []
    if not listed:
        return Finding.of_error(Layer.MODELS, models_missing())
    lines = await asyncio.gather(*(_line(exam, model) for model in listed[:MODELS_SHOWN]))
    more = [f"and {len(listed) - MODELS_SHOWN} more"] if len(listed) > MODELS_SHOWN else []
    return Finding(step=Layer.MODELS, ok=True, sentence=_counted(len(listed)), details=(*lines, *more))


async def check_model(exam: Examination) -> Finding | None:
    """Whether the model is there, what it can do, and its window."""
    if not exam.model:
        return None
    try:
        reply = await exam.ask(SHOW, "POST", {"model": exam.model})
        if reply.status == 200:
            info = model_info(reply.body, model=exam.model, cloud_host=exam.base_url.is_cloud)
            refusal = await _not_signed_in(exam) if info.remote and not exam.base_url.is_cloud else None
            return refusal or Finding(step=Layer.MODEL, ok=True, sentence=f"{exam.model}: {_described(info)}.")
        failure = failure_from_reply(reply.status, reply.body, model=exam.model, route=SHOW, headers=reply.headers)
    except ServerError as error:
        return Finding.of_error(Layer.MODEL, error)
    if failure.code != "model_missing":
        return Finding.of_error(Layer.MODEL, failure)
    answer = (await answers_to(exam, (TAGS,)))[TAGS]
    names = listed_names(answer.body) if isinstance(answer, HttpReply) else []
    return Finding.of_error(Layer.MODEL, model_missing(exam.model, names, cloud=exam.base_url.is_cloud))


async def _not_signed_in(exam: Examination) -> Finding | None:
    """A server describes a model in the cloud from what it keeps of it, and answers with it only while it is signed in (since 0.12.1)."""
    reply = await exam.ask(ME, "POST")
    if reply.status < 400 or reply.status in NO_ROUTE:
        return None
    if reply.status >= 500:
        sentence = f"{exam.model} runs in Ollama's cloud, and the server cannot say whether it is signed in there, or does not reach it."
        remedy = "Let its machine reach https://ollama.com, and run `ollama signin` there."
        return Finding(step=Layer.MODEL, ok=False, sentence=sentence, remedy=remedy)
    refused = failure_from_reply(reply.status, reply.body, model=exam.model, route=ME, headers=reply.headers)
    return Finding.of_error(Layer.MODEL, refused)


async def check_loaded(exam: Examination) -> Finding | None:
    """Whether the server runs the model, with which window, and how much of it on a GPU; nothing to say of the cloud's models."""
    if not exam.model or (info := await _info(exam)).remote:
        return None
    answer = (await answers_to(exam, (RUNNING,)))[RUNNING]
    if not isinstance(answer, HttpReply) or answer.status != 200:
        return Finding(step=Layer.LOADED, ok=True, is_note=True, sentence="The server does not say which models are running.")
    running = running_model(answer.body, exam.model)
    if running is None:
        sentence = f"{exam.model} is not running: the next request loads it first, which may take minutes."
        return Finding(step=Layer.LOADED, ok=True, is_note=True, sentence=sentence)
    sentence = f"The server lists {exam.model} as running{_window(running)}{_share(running, info.version)}."
    window = ModelWindow(maximum=info.context_length, num_ctx=info.num_ctx, running=running.window)
    plans = {name: plan_context(setting, window, version=info.version) for name, setting in WINDOWS.items()}
    details = (f'With the context size "{name}": {window_in_force(plan, running)}' for name, plan in plans.items())
    return Finding(step=Layer.LOADED, ok=True, sentence=sentence, details=tuple(details))


async def _info(exam: Examination) -> ModelInfo:
    cloud_host = exam.base_url.is_cloud
    version = (await answers_to(exam, (VERSION,)))[VERSION]
    try:
        reply = await exam.ask(SHOW, "POST", {"model": exam.model})
        said = version.body if isinstance(version, HttpReply) else None
        return model_info(reply.body, said, model=exam.model, cloud_host=cloud_host)
    except ServerError:
        return ModelInfo(remote=cloud_host)


def _counted(count: int) -> str:
    return "It has 1 model." if count == 1 else f"It has {count:,} models."


async def _line(exam: Examination, model: Mapping[str, Any]) -> str:
    """One model of the list; before 0.30 the list lacks capabilities and window, and the model's own description has them."""
    name = printable_name(str(model.get("name")))
    info = listed_info(model, name, cloud_host=exam.base_url.is_cloud)
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


def _share(running: RunningModel, version: ServerVersion) -> str:
    """Since 0.30 a model that is not split counts as all on the GPU, also on a machine without one (0.33.0-rc2-real `ps-after`)."""
    if running.gpu_percent is None or (running.gpu_percent == 100 and version >= LLAMA_SERVER):
        return ""
    return f", {running.gpu_percent} % of it on a GPU"

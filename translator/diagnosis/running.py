"""What `/api/ps` and `/api/tags` list: the models that run, the models installed.

A reply that is no such list gives nothing: whoever asks has a better error to tell already. A running model need not be loaded yet: the
server lists it from the moment it begins to load it (server/sched.go, load; server/routes.go, PsHandler), and does not say when it has
finished.
"""

from collections.abc import Mapping
from typing import Any

import attrs

from translator import codec
from translator.errors import Problem, ServerError
from translator.request.context import ContextPlan
from translator.response.capabilities import is_cloud_name
from translator.shapes.exchange import HttpReply

OK = 200
MOST_NAMES, LONGEST_NAME = 2000, 350
"""Bounds for lists of servers that mean harm: comparing names takes time that others wait for."""


@attrs.frozen(slots=True)
class RunningModel:
    """A model that is loaded, or is being loaded.

    `window` in tokens, None before 0.10.0 (0.9.6 `ps`); `gpu_percent` of its bytes, None where sizes are missing.
    """

    window: int | None = None
    gpu_percent: int | None = None


def listed_models(body: bytes) -> list[Mapping[str, Any]]:
    """The entries of a list of models as the server gave them; empty for anything else."""
    models = codec.read_object(body).get("models")
    return [model for model in models if isinstance(model, dict)] if isinstance(models, list) else []


def listed_names(body: bytes) -> list[str]:
    """Names of a list of models, as the server writes them. What is too long for a name is none."""
    names = (str(model["name"]) for model in listed_models(body)[:MOST_NAMES] if model.get("name"))
    return [name for name in names if len(name) <= LONGEST_NAME]


def running_model(body: bytes, name: str) -> RunningModel | None:
    """What `/api/ps` says of the model `name`; None when it is not in the list."""
    found = next((model for model in listed_models(body) if _is_named(model, name)), None)
    return None if found is None else RunningModel(_count(found.get("context_length")), _gpu_percent(found))


def is_contested(plan: ContextPlan, running: RunningModel | None) -> bool:
    """Whether the model runs with another window than Dify will ask for, so that the server loads it again for each client."""
    loaded = running and running.window
    return bool(loaded and plan.num_ctx and loaded != plan.num_ctx)


def window_in_force(plan: ContextPlan, running: RunningModel | None) -> str:
    """Which window Dify works with, and whether another client's load stands against it."""
    loaded = running and running.window
    if plan.num_ctx is None:
        known = f"{plan.size:,} tokens" if loaded else f"of which Dify assumes {plan.size:,} tokens until the model is loaded"
        return f"Dify works with the server's own window, {known}."
    asked = f"Dify asks for a window of {plan.num_ctx:,} tokens"
    if not loaded or not is_contested(plan, running):
        return f"{asked}."
    return (
        f"{asked}, and the model is running with {'only ' if loaded < plan.num_ctx else ''}{loaded:,}: another client wants another size, "
        'and the server loads the model again for each of them. Set the context size to "server", or the same number everywhere.'
    )


def explained_silence(error: ServerError, name: str, reply: HttpReply | None) -> ServerError:
    """A time limit for the first byte, with what `/api/ps` said right after it; `reply` is None when that got no answer either.

    Models in the cloud are never in that list, which says nothing of them.
    """
    if reply is None:
        sentence = "Asked which models are running, it did not answer either: the server itself hangs or is overloaded."
    elif reply.status != OK or is_cloud_name(name):
        return error
    elif running_model(reply.body, name) is None:
        sentence = f"{_listed(name, 'does not have')}: it was still being loaded or waited for that, and giving up ended it."
    else:
        sentence = f"{_listed(name, 'has')}: it is loading, the request waited in the queue, or its prompt was being read."
    problem = error.problem
    return ServerError(Problem(code=problem.code, family=problem.family, cause=f"{problem.cause} {sentence}", remedy=problem.remedy))


def _listed(name: str, has: str) -> str:
    return f'The server {has} the model "{name}" in its list of running models'


def _is_named(model: Mapping[str, Any], name: str) -> bool:
    """The server adds `:latest` to a name without a tag."""
    full = name if ":" in name.rpartition("/")[2] else f"{name}:latest"
    return str(model.get("name")).lower() == full.lower()


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _gpu_percent(model: Mapping[str, Any]) -> int | None:
    size, on_gpu = model.get("size"), model.get("size_vram")
    if not isinstance(size, int) or not isinstance(on_gpu, int) or size <= 0:
        return None
    return min(on_gpu, size) * 100 // size

"""Shortens the start: late imports, a fast YAML parser, a garbage collector that runs less often.

Dify waits for the first heartbeat, and importing our own code would be a sixth of the wait. So it is imported once the process is idle, or
by the first request that needs it. A module that is missing is an error in the log at once, and in every answer.
"""

import gc
import linecache
import logging
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import gevent
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeServerUnavailableError


def fast_yaml(yaml: Any) -> SimpleNamespace:
    """As much of the module `yaml` as the SDK's loader uses, with libyaml's parser: the declarations take 20 ms to read and not 190."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return SimpleNamespace(YAMLError=yaml.YAMLError, safe_load=partial(yaml.load, Loader=loader))


WHILE_SERVING = (10_000, 20, 50)
"""A request makes thousands of small objects that reference counting frees; looking for cycles every 700 took a tenth of the time."""


def collect_and_freeze() -> None:
    """Frees what imports left behind, so that the next ones use its memory. What is left is never collected."""
    linecache.clearcache()  # attrs keeps the source of all methods it makes there, for tracebacks
    gc.collect()
    gc.freeze()


def collect_rarely() -> None:
    """Collects once; from now on only newer objects are collected, less often than by Python's default."""
    collect_and_freeze()
    gc.set_threshold(*WHILE_SERVING)


logger = logging.getLogger(__name__)

PACKAGE = "plugin_entry"

PARTS: dict[str, type[Exception]] = {
    "dify.errors": InvokeServerUnavailableError,
    "serving.chat": InvokeServerUnavailableError,
    "serving.schema": InvokeServerUnavailableError,
    "checks.credentials": CredentialsValidateFailedError,
    "serving.embedding": InvokeServerUnavailableError,
    "serving.rerank": InvokeServerUnavailableError,
    "checks.provider": CredentialsValidateFailedError,
}
"""Modules that are imported late, in the order of the warm-up, and the error when that fails: of these classes Dify shows the text."""

ONLY_WHEN_NEEDED = frozenset({"checks.credentials", "checks.provider"})
"""Not imported by the warm-up: forms are checked once in the life of a model, and the doctor behind the checks has 20 modules."""


class LateModule:
    """A stand-in for a module of PARTS. Its first use imports the module, and raises the error of PARTS when that fails."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        found = getattr(_imported(self._part), name)
        setattr(self, name, found)  # from now on found without this method
        return found


LIBRARIES = ("aiohttp", "attrs", "cattrs", "orjson")


def import_libraries() -> None:
    """Imports what the parts need of others, before the first heartbeat: the packages that `sdk_import` leaves out would take longer.

    What is missing is told by the first part that needs it.
    """
    for name in LIBRARIES:
        with suppress(ImportError):
            import_module(name)


def modules(*parts: str) -> tuple[LateModule, ...]:
    """Stand-ins, in the order of the names."""
    return tuple(LateModule(part) for part in parts)


def _imported(part: str) -> Any:
    name = f"{PACKAGE}.{part}"
    if name not in sys.modules:
        collect_and_freeze()
    try:
        return import_module(name)
    except Exception as error:
        raise PARTS[part](_incomplete(error)) from error


def _incomplete(error: Exception) -> str:
    return f"The Ollama plugin is not installed completely ({type(error).__name__}: {error}). Remove it in Dify and install it again."


def warm_up() -> None:
    """Imports all parts, one whenever the process has nothing else to do. Never fails."""
    try:
        for part in PARTS:
            gevent.idle()
            if part not in ONLY_WHEN_NEEDED:
                _imported(part)
    except Exception as error:
        logger.exception("requests will fail: %s", error)  # noqa: TRY401  # the SDK's log lines leave the traceback out
    gevent.idle()
    collect_rarely()

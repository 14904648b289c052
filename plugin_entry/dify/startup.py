"""Imports what the first heartbeat does not need after it. Dify waits for that heartbeat, and the translator with its libraries would be a
third of the wait.

Enters: names of modules. Leaves: stand-ins that import on first use, and a greenlet that imports everything once the process is idle, so
that the first request finds it there. An installation that is not complete shows in the log at once, and in every answer.
"""

import logging
import sys
from importlib import import_module
from typing import Any

import gevent
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeServerUnavailableError

from plugin_entry.dify import garbage
from plugin_entry.dify.late_authorities import authorities_later

logger = logging.getLogger(__name__)

PACKAGE = "plugin_entry"

PARTS: dict[str, type[Exception]] = {
    "dify.errors": InvokeServerUnavailableError,
    "serving.language_model": InvokeServerUnavailableError,
    "serving.direct_answer": InvokeServerUnavailableError,
    "serving.schema": InvokeServerUnavailableError,
    "checks.credentials": CredentialsValidateFailedError,
    "serving.embedding": InvokeServerUnavailableError,
    "serving.rerank": InvokeServerUnavailableError,
    "checks.provider": CredentialsValidateFailedError,
}
"""In the order of the warm-up, and as what Dify shall see a part that cannot be imported: of these classes it shows the text as it is."""

ONLY_WHEN_NEEDED = frozenset({"checks.credentials", "checks.provider"})
"""Forms are checked once in the life of a model. The doctor that explains what is wrong with one would be 20 modules in every process."""


class LateModule:
    """Stands for a module of PARTS. Its first use imports the module, and raises what PARTS says when that fails."""

    def __init__(self, part: str) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        found = getattr(_imported(self._part), name)
        setattr(self, name, found)  # from now on found without this method
        return found


def modules(*parts: str) -> tuple[LateModule, ...]:
    """Stand-ins, in the order of the names."""
    return tuple(LateModule(part) for part in parts)


def _imported(part: str) -> Any:
    name = f"{PACKAGE}.{part}"
    if name not in sys.modules:
        garbage.tidy()
    try:
        with authorities_later():
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
    garbage.settle()

"""What shortens the start: late imports, a fast YAML parser, a garbage collector that looks less often.

Dify waits for the first heartbeat, and the translator with its libraries would be a third of the wait. So they are imported once the
process is idle, or by the first request that needs them. An installation that is not complete shows in the log at once, and in every
answer.
"""

import gc
import linecache
import logging
import sys
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


def tidy() -> None:
    """Between imports: frees what the last ones left behind, so that the next ones use its memory; what is left is never looked at again.
    attrs keeps the source of all methods it makes, for tracebacks that show one line of them.
    """
    linecache.clearcache()
    gc.collect()
    gc.freeze()


def settle() -> None:
    """Looks once, and from now on only at what is made from now on, less often than Python does by itself."""
    tidy()
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
        tidy()
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
    settle()

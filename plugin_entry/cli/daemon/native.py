"""Parts of the standard library as they were before gevent, where gevent has patched the process.

Enters: names. Leaves: the real thing. The reader of the plugin's output must go on while the rest of the process blocks,
which a greenlet cannot.
"""

import importlib
import sys
from collections.abc import Callable
from typing import Any


def native(module: str, name: str) -> Any:
    """The original `module.name`. Looks for gevent without importing it."""
    monkey = sys.modules.get("gevent.monkey")
    return getattr(importlib.import_module(module), name) if monkey is None else monkey.get_original(module, name)


def start_thread(run: Callable[[], None]) -> None:
    """Runs a function in an OS thread of its own."""
    native("_thread", "start_new_thread")(run, ())


def close_descriptor(descriptor: int) -> None:
    """Closes at once: gevent's own `os.close` waits for its loop, and until then a pipe does not end."""
    native("os", "close")(descriptor)

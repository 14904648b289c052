"""Imports Dify's SDK without three packages that nothing here calls: a fifth of its time, and 9 of 80 MB of an idle process.

`flask` is the SDK's server in serverless mode, `requests` the client of its models for OpenAI's API, `httpx` that of its calls back to
Dify in the other modes. While the SDK is imported, empty modules stand in their place; afterwards nothing is replaced any more. Whoever
then uses what the SDK has kept of a stand-in (`httpx.get`) gets the package itself, imported at that moment.
"""

import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

SDK = "dify_plugin"
UNUSED = ("flask", "httpx", "requests")
METHOD, LOCAL = "INSTALL_METHOD", "local"
"""The variable by which Dify says how it talks to a plugin, and its value for a plugin that the daemon starts."""


class StandIn(ModuleType):
    """A package that is imported when it is used.

    While it stands in `sys.modules`, each of its names is a class, as the SDK names some in annotations; called, it calls what the package
    has under that name.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is not self:
            return getattr(import_module(self.__name__), name)
        return type(name, (), {"__new__": lambda _, *arguments, **named: getattr(import_module(self.__name__), name)(*arguments, **named)})


def import_sdk() -> None:
    """Imports `dify_plugin`, which patches the process for gevent; without `UNUSED` where the daemon runs the plugin.

    An SDK that cannot be imported so (it may do more with these packages than SDK 0.9.0 to 0.10.2) is imported as it is.
    """
    stand_ins = {name: StandIn(name) for name in UNUSED if name not in sys.modules} if os.environ.get(METHOD) == LOCAL else {}
    sys.modules.update(stand_ins)
    try:
        import_module(SDK)
    except Exception:
        if not stand_ins:
            raise
        for name in [each for each in sys.modules if each.partition(".")[0] == SDK]:
            del sys.modules[name]
    finally:
        for name in stand_ins:
            del sys.modules[name]
    import_module(SDK)

"""The plugin with other constants: `python -m tests.stdio.plugin_with_constants dify.shutdown.GRACE_S=1 ...`.

It behaves the same, sooner or later than it would. What the constants are in truth is for the tests to say.
"""

import importlib
import runpy
import sys

import dify_plugin

assert dify_plugin, "its import patches the process, as it does in the plugin"


def hurry(setting: str) -> None:
    """Sets one constant. Raises AttributeError when there is none of that name."""
    place, _, seconds = setting.partition("=")
    name, _, constant = place.rpartition(".")
    module = importlib.import_module(f"plugin_entry.{name}")
    getattr(module, constant)
    setattr(module, constant, float(seconds))


def plugin_with(**settings: float) -> tuple[str, ...]:
    """The command of such a process; `dify__shutdown__GRACE_S=1.0` stands for `dify.shutdown.GRACE_S=1.0`."""
    return (
        sys.executable,
        "-m",
        "tests.stdio.plugin_with_constants",
        *(f"{place.replace('__', '.')}={seconds}" for place, seconds in settings.items()),
    )


if __name__ == "__main__":
    for each in sys.argv[1:]:
        hurry(each)
    runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)

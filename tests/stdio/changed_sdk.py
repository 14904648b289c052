"""The plugin over an SDK that has changed: `python -m tests.stdio.changed_sdk PATCH ...`.

For each patch that is named (a row of `plugin_entry/dify/sdk_patches.py`) the first name it relies on takes other parameters, and does what
it did. Then this is the plugin.
"""

import runpy
import sys
from typing import Any

import dify_plugin

from plugin_entry.dify.sdk_patches import PATCHES, assign, resolve

assert dify_plugin, "its import patches the process, as it does in the plugin"


def change(path: str) -> None:
    """Gives what stands at a name other parameters."""
    before = resolve(path)
    if isinstance(before, type):

        class Changed(before):  # type: ignore[misc, valid-type]  # whatever class it is
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)

        assign(path, Changed)
    else:

        def changed(*arguments: Any, **named: Any) -> Any:
            return before(*arguments, **named)

        assign(path, changed)


def changed(*patches: str) -> tuple[str, ...]:
    """The command of such a process."""
    return (sys.executable, "-m", "tests.stdio.changed_sdk", *patches)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        change(next(iter(PATCHES[each].relies_on)))
    runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)

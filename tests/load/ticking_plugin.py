"""The plugin with a greenlet that ticks, and tells on the standard error how late its ticks were: `python -m tests.load.ticking_plugin`.

A tick is late when something kept the thread, which all requests share. `late_s` reads what was told.
"""

import os
import runpy
import sys
import time

import dify_plugin
import gevent

from plugin_entry.cli.daemon import PluginProcess

TICK_S = 0.003
TOLD_S = 0.01
"""Less is what any machine does."""
COMMAND = (sys.executable, "-m", "tests.load.ticking_plugin")
MARK = "late"

assert dify_plugin, "its import patches the process, as it does in the plugin"


def tick() -> None:
    """Ticks for ever."""
    last = time.monotonic()
    while True:
        gevent.sleep(TICK_S)
        now = time.monotonic()
        if now - last - TICK_S > TOLD_S:
            os.write(2, f"{MARK} {now - last - TICK_S:.4f} {now:.4f}\n".encode())
        last = time.monotonic()


def late_s(plugin: PluginProcess, since: float) -> float:
    """By how much the latest tick was late, in seconds; `since` is a reading of `time.monotonic`."""
    told = (row.split() for row in plugin.stderr.splitlines() if row.startswith(f"{MARK} "))
    return max((float(late) for _, late, when in told if float(when) >= since), default=0.0)


if __name__ == "__main__":
    gevent.spawn(tick)
    runpy.run_module("plugin_entry.main", run_name="__main__", alter_sys=True)

"""How long the largest requests keep everybody else waiting: `uv run python -m tests.load.delays` prints a table.

Enters: rows of `extremes`. Leaves: by how much the latest tick of the plugin's ticking greenlet was late while it worked on each, the best
of some tries, and the same of a plugin that had nothing to do meanwhile: that is what the machine alone adds.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import gevent

from plugin_entry.cli.daemon import Frame, PluginProcess
from tests.load.extremes import EXTREMES, chat, extreme_server
from tests.load.ticking_plugin import COMMAND, late_s
from tests.servers.stalling_server import aside
from tests.stdio.daemon_requests import Data, as_daemon_sends

SETTLED_S = 0.1
"""A tick that was kept waiting at the very end is told by then."""
WITHIN_S = 120.0


@attrs.frozen(kw_only=True)
class Delay:
    """Seconds by which ticks were late at most, of the plugin and of the idle one, and how the request ended."""

    late_s: float
    idle_s: float
    took_s: float
    error: str


@attrs.frozen
class Bench:
    """A plugin at work, an idle one, and credentials for the server of `extremes`."""

    plugin: PluginProcess
    idle: PluginProcess
    saved_as: Mapping[str, Any]

    def delay(self, data: Data) -> Delay:
        """Sends one request."""
        began = time.monotonic()
        frames = aside(lambda: list(self.plugin.invoke(data, WITHIN_S)))
        took = time.monotonic() - began
        gevent.sleep(SETTLED_S)
        return Delay(late_s=late_s(self.plugin, began), idle_s=late_s(self.idle, began), took_s=took, error=error_of(frames))

    def best(self, name: str, good_s: float, tries: int) -> Delay:
        """The best of some tries at a row; the first good one is enough."""
        data = as_daemon_sends(EXTREMES[name](self.saved_as))
        delays: list[Delay] = []
        while len(delays) < tries and not (delays and delays[-1].late_s < good_s):
            delays.append(self.delay(data))
        return min(delays, key=lambda delay: delay.late_s)


def error_of(frames: list[Frame]) -> str:
    """The error that a user reads, "" for none."""
    return next((str(frame.data["message"]) for frame in frames if frame.kind == "error"), "")


@contextmanager
def bench() -> Iterator[Bench]:
    """Starts everything; the first request, which is slower, is done."""
    with extreme_server() as saved_as, PluginProcess(command=COMMAND) as plugin, PluginProcess(command=COMMAND) as idle:
        ready = Bench(plugin, idle, saved_as)
        ready.delay(as_daemon_sends(chat(saved_as)))
        yield ready


def main(tries: int = 3) -> None:
    """Prints the table, in milliseconds."""
    print(f"{'request':50} late  idle   took")
    with bench() as ready:
        for name in EXTREMES:
            found = ready.best(name, 0.0, tries)
            print(f"{name:50} {1000 * found.late_s:4.0f}  {1000 * found.idle_s:4.0f} {found.took_s:6.2f} s  {found.error[:60]}")


if __name__ == "__main__":
    main()

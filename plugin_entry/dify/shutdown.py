"""Ends the process in order, after a signal or at the end of its input.

A signal (SIGTERM, SIGINT, SIGHUP) gives running answers five seconds. Then they end with an error that says why, and the connections to
their servers are closed, so that Ollama stops generating. A second signal ends the process at once. When only the input ends, running
answers are finished as long as their output is read: `dify` drives plugins that way (one request, then the end of the input). The exit code
is 0.
"""

import logging
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import attrs
import gevent

from plugin_entry.dify.executor import GreenletExecutor
from plugin_entry.dify.output import FrameOutput
from plugin_entry.dify.requests import LineReader

logger = logging.getLogger(__name__)

GRACE_S = 5.0
"""For answers that are under way when a signal comes."""
CLOSING_S = 1.0
"""For each further step: ending what is left, and handing out its last frames."""
SETTLE_S = 0.1
"""Requests that were read just before have begun by then."""
LOOK_S = 0.02

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
SIGNAL_EXIT_CODE = 128
"""Added to the number of a signal in the exit code of a process that it ended."""


CHAT_MODULE = "plugin_entry.serving.chat"

_signal_watchers: list[Any] = []
"""Watchers of signals, which watch as long as somebody holds them."""


class Requests(Protocol):
    """The requests that run."""

    @property
    def running(self) -> int: ...

    def kill(self) -> None: ...


def leave(code: int) -> None:
    """Ends the process without waiting for threads: one of them waits for input that will not come."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


@attrs.define(slots=True, kw_only=True, eq=False)
class Shutdown:
    """Once per process. `refuse` makes new requests fail; `give_up` makes the exchanges with servers fail."""

    requests: Requests
    refuse: Callable[[], object]
    give_up: Callable[[], object]
    output: FrameOutput | None = None
    leave: Callable[[int], object] = leave
    _deadline: float = attrs.field(default=math.inf, init=False)
    _signals: int = attrs.field(default=0, init=False)
    _ending: Any = attrs.field(default=None, init=False)

    def on_signal(self, number: int) -> None:
        """The first signal starts the end of the process; the second one ends it at once."""
        self._signals += 1
        if self._signals > 1:
            self.leave(SIGNAL_EXIT_CODE + number)
        self.refuse()
        self.begin(GRACE_S)

    def begin(self, grace_s: float = math.inf) -> None:
        """Starts the end, or hastens it."""
        self._deadline = min(self._deadline, time.monotonic() + grace_s)
        if self._ending is None:
            self._ending = gevent.spawn(self._end)

    def _end(self) -> None:
        try:
            gevent.sleep(SETTLE_S)
            self._wait_for_requests(lambda: self._deadline)
            self._end_requests()
            if self.output is not None:
                self.output.drain(CLOSING_S)
        except Exception as error:  # noqa: BLE001  # the process ends in any case
            logger.error("the plugin did not end in order (%s)", type(error).__name__)  # noqa: TRY400  # its text may hold secrets
        finally:
            self.leave(0)

    def _end_requests(self) -> None:
        if not self.requests.running:
            return
        self.give_up()
        soon = time.monotonic() + CLOSING_S
        self._wait_for_requests(lambda: soon)
        self.requests.kill()
        later = time.monotonic() + CLOSING_S
        self._wait_for_requests(lambda: later)

    def _wait_for_requests(self, deadline: Callable[[], float]) -> None:
        while self.requests.running and time.monotonic() < deadline() and (self.output is None or self.output.has_reader()):
            gevent.sleep(LOOK_S)


def install(plugin: Any, output: FrameOutput | None) -> None:
    """Makes this process end in order, if its requests run in our executor. `output` is where frames leave, if it is ours."""
    executor = plugin.executer
    if not isinstance(executor, GreenletExecutor):
        return

    def refuse() -> None:
        executor.refuses = True

    shutdown = Shutdown(requests=executor, refuse=refuse, give_up=end_exchanges, output=output)
    if output is not None:
        output.on_lost = shutdown.begin
    _signal_watchers.extend(gevent.signal_handler(number, shutdown.on_signal, number) for number in SIGNALS)
    if isinstance(plugin.request_reader, LineReader):
        plugin.request_reader.on_end = shutdown.begin


def end_exchanges() -> None:
    """Makes all exchanges with servers fail, if there ever was one: what they need is imported late."""
    runtime = sys.modules.get(CHAT_MODULE)
    if runtime is not None:
        from plugin_entry.network.error_rows import own_failure

        runtime.BRIDGE.give_up(own_failure("plugin_stopping"))

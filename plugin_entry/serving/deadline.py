"""The time limit of a whole answer, counted from the start of its request.

It ends before Dify's own limit, which would throw the answer away. An answer that is being streamed ends well with what was
said, if anything was (`ReplyStream.time_is_up`). Before the stream, and for replies that are read as a whole, the end is an error.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import gevent

from plugin_entry.network.bridge import OpenReply
from translator.errors import ServerError
from translator.failures.build import time_is_up


def call_later(seconds: float, do: Callable[[], object]) -> Callable[[], object]:
    """Calls `do` in the hub after some seconds; it must not wait there. Gives a function that cancels the call."""
    timer = gevent.get_hub().loop.timer(seconds)
    timer.start(do)
    cancel: Callable[[], object] = timer.close
    return cancel


@attrs.frozen(slots=True)
class Deadline:
    """When a request has to end. `seconds` 0: never."""

    seconds: float
    model: str
    clock: Callable[[], float] = time.monotonic
    _began: float = attrs.field(default=attrs.Factory(lambda self: self.clock(), takes_self=True), init=False)

    @property
    def error(self) -> ServerError:
        """The error when there is no answer by then."""
        return time_is_up(self.seconds, self.model)

    @contextmanager
    def around_waiting(self) -> Iterator[None]:
        """Around what may wait. Raises ServerError when the time is up."""
        if not self.seconds:
            yield
            return
        timeout = gevent.Timeout(self._left_s)
        try:
            with timeout:
                yield
        except gevent.Timeout as raised:
            if raised is not timeout:
                raise
            raise self.error from None

    @contextmanager
    def around_reading(self, reply: OpenReply) -> Iterator[None]:
        """Around the reading of a reply, which ends with `error` when the time is up; never while its reader is at work elsewhere."""
        if not self.seconds:
            yield
            return
        cancel = call_later(self._left_s, lambda: reply.stop(self.error))
        try:
            yield
        finally:
            cancel()

    @property
    def _left_s(self) -> float:
        return max(0.0, self._began + self.seconds - self.clock())

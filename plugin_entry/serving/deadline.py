"""The time limit of a whole answer, counted from the begin of its request.

It comes before Dify's own, which would throw the answer away. Until a reply is open, and for replies that are read as a whole, it is an
error; a reply that is open ends at it with what was said (`ReplyStream.time_is_up`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import gevent

from plugin_entry.network.bridge import OpenReply
from translator.errors import ServerError
from translator.failures.build import time_is_up


def later(seconds: float, do: Callable[[], object]) -> Callable[[], object]:
    """Does something in the hub, where nothing may wait. Gives what cancels it."""
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
    _began: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_began", self.clock())

    @property
    def error(self) -> ServerError:
        """What is told when there is no answer by then."""
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
        cancel = later(self._left_s, lambda: reply.stop(self.error))
        try:
            yield
        finally:
            cancel()

    @property
    def _left_s(self) -> float:
        return max(0.0, self._began + self.seconds - self.clock())

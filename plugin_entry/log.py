"""One line per request, for whoever runs Dify: which server was asked for what, how long it took, how it ended.

The line is JSON at level DEBUG; remarks are at level WARNING. Nothing a user wrote, no argument, no key and no file comes here. The
only text is a model's name, a server's scheme, host and port, and the code of an error.
"""

import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
import orjson


def error_place(error: BaseException) -> str:
    """Such as "KeyError in answering.py:101"."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else type(error).__name__


logger = logging.getLogger(__name__)


@attrs.define(slots=True, eq=False)
class RequestLog:
    """One request from its begin to its end; `facts` are added on the way. Times in milliseconds."""

    kind: str
    model: str
    place: str
    facts: dict[str, object] = attrs.field(factory=dict)
    clock: Callable[[], float] = time.monotonic
    _started: float = attrs.field(init=False, default=attrs.Factory(lambda self: self.clock(), takes_self=True))

    @property
    def elapsed_ms(self) -> float:
        """Since the begin."""
        return round((self.clock() - self._started) * 1000, 1)

    def remark(self, sentence: str, level: int = logging.WARNING) -> None:
        """Says what should be looked at although the request went well; at INFO what is as it should be."""
        logger.log(level, "%s at %s: %s", self.model, self.place, sentence)

    def end(self, outcome: str) -> None:
        """Writes the line; `outcome` is "ok", "left" for a reader who left, or the code of an error."""
        if logger.isEnabledFor(logging.DEBUG):
            line = {"request": self.kind, "model": self.model, "server": self.place, "outcome": outcome, "ms": self.elapsed_ms}
            logger.debug("%s", orjson.dumps(line | self.facts).decode())


@contextmanager
def logged(kind: str, model: str, place: str, **facts: object) -> Iterator[RequestLog]:
    """A request from begin to end of a block; an error that leaves it is the outcome."""
    log = RequestLog(kind, model, place, dict(facts))
    try:
        yield log
    except BaseException as error:
        log.end(outcome_of(error))
        raise
    log.end("ok")


def outcome_of(error: BaseException) -> str:
    """The code of an error of ours, the class of any other."""
    from translator.errors import TranslatorError  # not before the first heartbeat, which needs `error_place` alone

    return error.code if isinstance(error, TranslatorError) else type(error).__name__

"""Ends requests whose callers have left: asks Dify's daemon which sessions are still read.

One greenlet asks about all sessions in one batch of lines; it ends when no request runs. `liveness.py` decides what the answers mean. Only
for a local plugin: in serverless mode a backwards invocation would end the answer.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import gevent
import orjson

from plugin_entry.dify.liveness import Liveness, Question
from plugin_entry.dify.output import FrameOutput

logger = logging.getLogger(__name__)

SWITCH = "DIFY_OLLAMA_ASK_CALLERS"
"""Environment variable; with "off" the daemon is not asked, and a request runs to its end even if its caller has left."""
LOOK_S = 0.25
EMPTY_DELTA = {"message": {"content": ""}}
"""An empty piece of an answer. Simple hosts take whatever a session sends for a piece of its answer; the daemon does not look at it
(internal/core/io_tunnel/backwards_invocation/task.go).
"""
BATCH = 4096
"""Questions that are written at once, about 200 bytes each."""

type Quit = Callable[[], object]


@attrs.define(slots=True, eq=False)
class Callers:
    """The callers of all requests that run."""

    output: FrameOutput
    clock: Callable[[], float] = time.monotonic
    _liveness: Liveness = attrs.field(factory=Liveness, init=False)
    _quits: dict[str, Quit] = attrs.field(factory=dict, init=False)
    _watch: Any = attrs.field(default=None, init=False)

    def begin(self, session_id: str, quit_request: Quit) -> None:
        """A request starts; `quit_request` ends it from another greenlet, without waiting."""
        self._quits[session_id] = quit_request
        self._liveness.begin(session_id, self.clock())
        if self._watch is None or self._watch.dead:
            self._watch = gevent.spawn(self._keep_looking)

    def end(self, session_id: str) -> None:
        """A request has ended."""
        self._quits.pop(session_id, None)
        self._liveness.end(session_id)

    def answered(self, session_id: str, data: object) -> None:
        """The data of a `backwards_response` line, of whatever session; what is no answer to a question of ours is ignored."""
        if isinstance(data, Mapping):
            number = data.get("backwards_request_id")
            if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 20:
                self._liveness.answered(session_id, int(number), self.clock())

    def close(self) -> None:
        """Stops asking."""
        self._quits.clear()
        if self._watch is not None:
            self._watch.kill()

    def _keep_looking(self) -> None:
        while self._quits:
            gevent.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Writes the questions that are due and ends the requests whose callers have left."""
        if not self.output.has_room():
            return  # a question in a full queue was not asked
        if self.output.all_read():
            self._liveness.all_read()
        questions, left = self._liveness.look(self.clock())
        for start in range(0, len(questions), BATCH):
            self.output.write(b"".join(map(line_of, questions[start : start + BATCH])))
        for session_id in left:
            logger.debug("the caller of a request has left")
            quit_request = self._quits.pop(session_id)
            self._liveness.end(session_id)
            quit_request()


def new_callers(output: FrameOutput | None) -> Callers | None:
    """None in the modes without frames on the standard output, and where the administrator switched it off."""
    return None if output is None or os.environ.get(SWITCH, "").strip().lower() == "off" else Callers(output)


def line_of(question: Question) -> bytes:
    """A backwards invocation that Dify's daemon refuses to every model: it answers, and the session goes on unharmed."""
    data = {"type": "system_summary", "backwards_request_id": str(question.number), "request": {}, "delta": EMPTY_DELTA}
    frame = {"event": "session", "session_id": question.session_id, "data": {"type": "invoke", "data": data}}
    return orjson.dumps(frame) + b"\n\n"

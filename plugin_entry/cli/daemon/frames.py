"""The plugin's standard output, line by line, sorted by what each line is: a queue of frames per session, and what belongs to none.

One thread reads the lines, another reads the frames. Where gevent has patched the process, both need the threads and queues from before.
"""

import importlib
import sys
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Literal, get_args

import attrs
import orjson

type FrameKind = Literal["stream", "error", "end"]
KINDS = get_args(FrameKind.__value__)


@attrs.frozen(slots=True, kw_only=True)
class Frame:
    """One frame of a session: `seconds` since the request was sent, `size` bytes of its line."""

    kind: FrameKind
    data: Any
    seconds: float
    size: int


def _new_queue() -> "SimpleQueue[Any]":
    made: SimpleQueue[Any] = native("queue", "SimpleQueue")()
    return made


@attrs.define(slots=True, eq=False)
class Session:
    """A request under way; `sent` is a clock reading in seconds. None among what was received: the output has ended."""

    sent: float
    received: "SimpleQueue[Frame | None]" = attrs.field(factory=_new_queue)


@attrs.define(slots=True, eq=False)
class PluginOutput:
    """Sorts lines. One thread calls `read_line` and `end`, any thread the rest."""

    manifest: Mapping[str, Any] = attrs.field(factory=dict)
    """The plugin's first line."""
    heartbeats: int = 0
    """Heartbeats so far."""
    logs: list[Any] = attrs.field(factory=list)
    """What the plugin logged for the daemon."""
    complaints: tuple[Any, ...] = ()
    """Errors that belong to no session: the SDK's answer to a request line that it cannot read."""
    stray: tuple[bytes, ...] = ()
    """Lines that Dify's daemon would not understand, or would throw away: no JSON, no known event, a session that nobody asked for or
    that has ended.
    """
    answer: Callable[[str, str], None] | None = None
    """Given the ids of a running session and of its question: answers as the daemon does, which lets no model invoke Dify."""
    questions: int = 0
    """Backwards invocations so far, of whatever session."""
    ended: bool = False
    _unread: dict[str, Session] = attrs.field(factory=dict)
    _running: dict[str, Session] = attrs.field(factory=dict)
    _left: set[str] = attrs.field(factory=set)
    _changes: "SimpleQueue[None]" = attrs.field(factory=_new_queue)

    def expect(self, session_id: str, sent: float) -> None:
        """Makes a queue for a session; to be called before its request is sent."""
        self._unread[session_id] = self._running[session_id] = Session(sent)

    def session(self, session_id: str) -> Session:
        """The session, for the one who reads it. Raises KeyError when it was not expected, or somebody reads it already."""
        return self._unread.pop(session_id)

    def leave(self, session_id: str) -> None:
        """Its caller goes away, as a person does who presses stop: further frames are dropped, and questions unanswered."""
        if self._running.pop(session_id, None) is not None:
            self._left.add(session_id)

    def wait_for_change(self, timeout_s: float) -> bool:
        """Waits until something happened that is no frame of a session. False when nothing did."""
        if self.ended:
            return False
        try:
            self._changes.get(timeout=timeout_s)
        except Empty:
            return False
        return True

    def read_line(self, line: bytes, now: float) -> None:
        """Sorts one line; blank ones separate frames."""
        if not line.strip():
            return
        try:
            message = orjson.loads(line)
        except orjson.JSONDecodeError:
            message = None
        if not (isinstance(message, dict) and self._understood(message, len(line), now)):
            self.stray += (line,)

    def end(self) -> None:
        """The output is over: wakes everybody who waits."""
        self.ended = True
        for session in list(self._running.values()):
            session.received.put(None)
        self._changes.put(None)

    def _understood(self, message: dict[str, Any], size: int, now: float) -> bool:
        match message.get("event"):
            case "session":
                return self._frame(message, size, now)
            case "heartbeat":
                self.heartbeats += 1
                self._changes.put(None)
            case "log":
                self.logs.append(message.get("data"))
            case "error":
                self.complaints += (message.get("data"),)
            case None if not self.manifest:
                self.manifest = message
            case _:
                return False
        return True

    def _frame(self, message: dict[str, Any], size: int, now: float) -> bool:
        session_id, payload = message.get("session_id"), message.get("data")
        session = self._running.get(str(session_id))
        if isinstance(payload, dict) and payload.get("type") == "invoke":
            return self._question(str(session_id), payload.get("data"))
        if not isinstance(payload, dict) or payload.get("type") not in KINDS:
            return False
        if session is None:
            return str(session_id) in self._left
        kind: FrameKind = payload["type"]
        session.received.put(Frame(kind=kind, data=payload.get("data"), seconds=now - session.sent, size=size))
        if kind == "end":
            self._running.pop(str(session_id), None)
        return True

    def _question(self, session_id: str, data: Any) -> bool:
        """The daemon answers for a session that somebody reads, and drops the line for any other."""
        is_complete = isinstance(data, dict) and {"type", "backwards_request_id"} <= data.keys() and isinstance(data.get("request"), dict)
        self.questions += 1
        self._changes.put(None)
        if is_complete and session_id in self._running and self.answer is not None:
            self.answer(session_id, str(data["backwards_request_id"]))
        return is_complete


def native(module: str, name: str) -> Any:
    """The original `module.name`. Looks for gevent without importing it."""
    monkey = sys.modules.get("gevent.monkey")
    return getattr(importlib.import_module(module), name) if monkey is None else monkey.get_original(module, name)


def start_thread(run: Callable[[], None]) -> None:
    """Runs a function in an OS thread of its own."""
    native("_thread", "start_new_thread")(run, ())


def close_descriptor(descriptor: int) -> None:
    """Closes at once: gevent's own `os.close` waits for its loop, and until then a pipe does not end."""
    native("os", "close")(descriptor)

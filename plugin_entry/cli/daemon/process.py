"""The plugin as a process, driven over its standard input and output as Dify's daemon drives it.

A thread of the operating system reads the output, so that the plugin is never held up by who reads the frames, and their times are true.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from queue import Empty
from typing import IO, Any, Self

import orjson

from plugin_entry.cli.daemon.frames import Frame, PluginOutput, Session, close_descriptor, native, start_thread

ROOT = Path(__file__).resolve().parents[3]
"""The plugin's directory, where its manifest is."""
COMMAND = (sys.executable, "-m", "plugin_entry.main")
READY_WITHIN_S = 120.0
"""As long as the daemon waits for the first heartbeat."""
READ_BYTES = 1 << 20
TAIL_CHARACTERS = 2000
PATIENCE_S = 10.0
INIT_PID = 1
INIT_HINT = " A plugin whose parent is process 1 ends itself: start this command below an init process (`docker run --init`)."


class PluginProcessError(RuntimeError):
    """The plugin did not start, died, or did not answer in time. The text holds the end of its error output."""


class PluginProcess(PluginOutput):
    """`with PluginProcess() as plugin:` starts the plugin and waits until it is ready; the end kills it.

    `environment` is added to the one of this process. `command` stands for `python -m plugin_entry.main`. The daemon answers a plugin that
    asks for Dify's services in a session that is read ("you can not invoke dify from model"); with `answers_questions` off, nothing does.
    """

    def __init__(
        self, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND, *, answers_questions: bool = True
    ) -> None:
        self._environment = {**os.environ, "INSTALL_METHOD": "local", **(environment or {})}
        self._command = command
        super().__init__(answer=self._refuse_invocation if answers_questions else None)
        self._writing = native("_thread", "allocate_lock")()
        self._reading = native("_thread", "allocate_lock")()
        self._open = False

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Starts the process and returns at once."""
        self._started = time.perf_counter()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process runs
        child_in, self._stdin = os.pipe()
        self._stdout, child_out = os.pipe()
        try:
            # a session of its own: the terminal sends Ctrl-C to all processes in its session
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter and this package
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=child_in,
                stdout=child_out,
                stderr=self._stderr,
                start_new_session=True,
            )
        except BaseException:
            close_descriptor(self._stdin)
            close_descriptor(self._stdout)
            self._stderr.close()
            raise
        finally:
            close_descriptor(child_in)
            close_descriptor(child_out)
        self._open = True
        self._reading.acquire()
        start_thread(self._read)

    def wait_until_ready(self, timeout_s: float = READY_WITHIN_S) -> float:
        """Waits for the manifest and the first heartbeat; gives the seconds since the start. Raises PluginProcessError."""
        self._wait(lambda: self.ready, timeout_s, "did not become ready")
        return time.perf_counter() - self._started

    def wait_for_heartbeat(self, timeout_s: float = PATIENCE_S) -> None:
        """Waits for the next heartbeat from now on. Raises PluginProcessError."""
        before = self.heartbeats
        self._wait(lambda: self.heartbeats > before, timeout_s, "sent no heartbeat")

    def wait_for_questions(self, count: int, timeout_s: float = PATIENCE_S) -> None:
        """Waits until the plugin has asked so often about its sessions. Raises PluginProcessError."""
        self._wait(lambda: self.questions >= count, timeout_s, f"asked less than {count} times")

    def close(self) -> None:
        """Kills the process, waits for its end and for the end of its output. Does nothing a second time."""
        if not self._open:
            return
        self._open = False
        with self._writing:
            close_descriptor(self._stdin)
        self._process.kill()
        self._process.wait()
        self._reading.acquire()
        close_descriptor(self._stdout)
        self._last_words = self._read_stderr()
        self._stderr.close()

    @property
    def ready(self) -> bool:
        """True once the manifest and a heartbeat have come."""
        return bool(self.manifest) and self.heartbeats > 0

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def stderr(self) -> str:
        """The whole error output so far."""
        return self._read_stderr() if self._open else self._last_words

    def send(self, data: Mapping[str, Any]) -> str:
        """Sends a request; gives its session id. Raises PluginProcessError when the plugin is gone."""
        session_id = uuid.uuid4().hex
        envelope = dict.fromkeys(("conversation_id", "message_id", "app_id", "endpoint_id", "context"))
        line = orjson.dumps({"session_id": session_id, **envelope, "event": "request", "data": data}) + b"\n"
        self.expect(session_id, time.perf_counter())
        self.write(line)
        return session_id

    def write(self, line: bytes) -> None:
        """Writes raw bytes to the plugin's standard input. Raises PluginProcessError when the plugin is gone."""
        view = memoryview(line)
        with self._writing:
            try:
                while view and self._open:
                    view = view[os.write(self._stdin, view) :]
            except BrokenPipeError as error:
                raise self._error("ended") from error

    def _refuse_invocation(self, session_id: str, backwards_request_id: str) -> None:
        """Two lines, word by word as a real daemon writes them. A plugin that has ended needs no answer."""
        for event, message in (("error", "you can not invoke dify from model"), ("end", "")):
            data = {"backwards_request_id": backwards_request_id, "event": event, "message": message, "data": None}
            with contextlib.suppress(PluginProcessError):
                self.write(orjson.dumps({"session_id": session_id, "event": "backwards_response", "data": data}) + b"\n")

    def frames(self, session_id: str, timeout_s: float = READY_WITHIN_S) -> Iterator[Frame]:
        """Gives the frames of a session as they come, the last one of kind `end`; `timeout_s` is for all of them together.

        Raises PluginProcessError when the plugin dies or takes longer, KeyError when nobody asked for the session. A session can be read
        once; leaving the iterator drops the rest, which does not stop the plugin, because Dify's protocol has no way to.
        """
        return self._frames(session_id, self.session(session_id), time.perf_counter() + timeout_s)

    def invoke(self, data: Mapping[str, Any], timeout_s: float = READY_WITHIN_S) -> Iterator[Frame]:
        """Sends a request and gives its frames. Raises PluginProcessError."""
        return self.frames(self.send(data), timeout_s)

    def _frames(self, session_id: str, session: Session, deadline: float) -> Iterator[Frame]:
        try:
            while True:
                received = self._next(session, deadline)
                yield received
                if received.kind == "end":
                    return
        finally:
            self.leave(session_id)

    def _next(self, session: Session, deadline: float) -> Frame:
        try:
            # an output that has ended puts its mark into the queues once; a session that came later would wait for nothing
            received = session.received.get(timeout=0 if self.ended else max(0.0, deadline - time.perf_counter()))
        except Empty:
            raise self._error("ended" if self.ended else "did not answer in time") from None
        if received is None:
            raise self._error("ended")
        return received

    def _wait(self, done: Callable[[], bool], timeout_s: float, complaint: str) -> None:
        deadline = time.perf_counter() + timeout_s
        while not done():
            left = deadline - time.perf_counter()
            if left <= 0 or not self.wait_for_change(left):
                raise self._error("ended" if self.ended else complaint)

    def _read(self) -> None:
        pending = b""
        try:
            while data := os.read(self._stdout, READ_BYTES):
                now = time.perf_counter()
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self.read_line(line, now)
            self.read_line(pending, time.perf_counter())
        finally:
            self.end()
            self._reading.release()

    def _error(self, what: str) -> PluginProcessError:
        code = ""
        if what == "ended":
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = f" with exit code {self._process.wait(PATIENCE_S)}"
        hint = INIT_HINT if os.getpid() == INIT_PID else ""
        return PluginProcessError(f"The plugin {what}{code}.{hint} End of its error output:\n{self.stderr[-TAIL_CHARACTERS:]}")

    def _read_stderr(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        return os.pread(self._stderr.fileno(), size, 0).decode("utf-8", "replace")

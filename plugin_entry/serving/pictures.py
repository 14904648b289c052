"""A second process for the few jobs whose C code keeps the whole interpreter waiting: pictures to convert, megabytes of past arguments.

Enters: the input of a job. Leaves: its result, or the refusal that the same work raises here. In a thread such work delays every stream:
decoders of pictures and parsers of JSON hold the interpreter's lock for a tenth of a second and more. The process is started with the first
job, takes one job after the other, and costs nothing before. It gets a few names of the environment, none of the daemon's secrets. A
picture that makes a decoder crash ends that process alone. Where no process can be started, the work is done here. Call it from a thread:
it waits without gevent.
"""

import atexit
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Mapping
from io import FileIO
from typing import Any

import attrs
from gevent.monkey import get_original

from plugin_entry.serving.side_process import READY, receive, send
from translator.errors import RequestError
from translator.media.images import convert
from translator.media.sniff import Media
from translator.schema.json_data import arguments_to_object
from translator.shapes.wire import SpelledObject
from translator.turn import Workshop

logger = logging.getLogger(__name__)

MANY = 1_000_000
"""Characters of arguments, in one call, from which on they are parsed over there; a thread parses fewer in 20 ms at most."""
TRIES = 2
KEPT_NAMES = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"})
"""What an interpreter and its native libraries may need of the environment, besides Python's own names."""
OF_PYTHON = "PYTHON"


class SideUnavailableError(RuntimeError):
    """No second process can be started here."""


class SideLostError(RuntimeError):
    """The second process ended in the middle of a job, twice."""


@attrs.frozen(slots=True, eq=False)
class _Running:
    pid: int
    jobs: FileIO
    results: FileIO

    def do(self, settings: Mapping[str, Any], data: bytes) -> tuple[Mapping[str, Any], bytes]:
        """Raises OSError or EOFError when it has ended."""
        send(self.jobs, settings, data)
        return receive(self.results)

    def end(self) -> None:
        """Ends it at once."""
        self.jobs.close()
        self.results.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # gevent may have been told before
            get_original("os", "waitpid")(self.pid, 0)


class Side:
    """One process at most; any thread may ask."""

    def __init__(self, command: tuple[str, ...] = (sys.executable or "", "-m", "plugin_entry.serving.side_process")) -> None:
        self._command = command
        self._running: _Running | None = None
        self._turn = get_original("_thread", "allocate_lock")()

    @property
    def pid(self) -> int | None:
        """The number of the process, if it runs."""
        return None if self._running is None else self._running.pid

    def do(self, settings: Mapping[str, Any], data: bytes) -> bytes:
        """The result of a job. Raises RequestError as the job does, SideUnavailableError or SideLostError."""
        refusal, done = self._answer(settings, data)
        if refusal:
            raise RequestError.of(refusal["code"], refusal["cause"], refusal["remedy"])
        return done

    def close(self) -> None:
        """Ends the process; the next job starts another."""
        if self._running is not None:
            self._running.end()
            self._running = None

    def _answer(self, settings: Mapping[str, Any], data: bytes) -> tuple[Mapping[str, Any], bytes]:
        with self._turn:
            for _ in range(TRIES):
                self._running = self._running or _start(self._command)
                try:
                    return self._running.do(settings, data)
                except (OSError, EOFError):
                    self.close()
        raise SideLostError


def _start(command: tuple[str, ...]) -> _Running:
    """With what gevent has not patched: its `subprocess` and `posix_spawn` watch the child in the hub of the main thread."""
    jobs_in, jobs = os.pipe()
    results, results_out = os.pipe()
    try:
        ends = [(os.POSIX_SPAWN_DUP2, jobs_in, 0), (os.POSIX_SPAWN_DUP2, results_out, 1)]
        pid = get_original("os", "posix_spawn")(command[0], command, _environment(), file_actions=ends)
    except OSError as error:
        for descriptor in (jobs, results):
            get_original("os", "close")(descriptor)
        raise SideUnavailableError(type(error).__name__) from error
    finally:
        for descriptor in (jobs_in, results_out):
            get_original("os", "close")(descriptor)
    running = _Running(pid, FileIO(jobs, "w"), FileIO(results))
    if running.results.read(1) != READY:
        running.end()
        raise SideUnavailableError("it ended before it began")
    return running


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name in KEPT_NAMES or name.startswith(OF_PYTHON)}
    return kept | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}


SIDE = Side()
atexit.register(SIDE.close)


def convert_aside(data: bytes | str, media: Media, pixel_limit: int) -> str:
    """`images.convert` over there."""
    is_base64 = isinstance(data, str)
    settings = {"job": "convert", "media": media.name, "pixel_limit": pixel_limit, "is_base64": is_base64}
    try:
        return SIDE.do(settings, data.encode("ascii") if isinstance(data, str) else data).decode("ascii")
    except SideUnavailableError as error:
        _note(error)
        return convert(data, media, pixel_limit)
    except SideLostError:
        cause = f"The image begins like {media.value}, but the program that converts it ended."
        raise RequestError.of("image-damaged", cause, "Convert it to PNG or JPEG and send it again.") from None


def arguments_aside(text: str, name: str) -> Mapping[str, Any]:
    """`arguments_to_object`, of large arguments over there."""
    if len(text) < MANY:
        return arguments_to_object(text, name)
    try:
        return SpelledObject(SIDE.do({"job": "arguments", "name": name}, text.encode("utf-8", "surrogatepass")))
    except (SideUnavailableError, SideLostError) as error:
        _note(error)
        return arguments_to_object(text, name)


def _note(error: Exception) -> None:
    logger.warning("heavy work is done in this process, other answers may stutter (%s: %s)", type(error).__name__, error)


ASIDE = Workshop(convert=convert_aside, arguments=arguments_aside)

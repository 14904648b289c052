"""Writes frames to their descriptor, in one system call per turn of the hub.

While Dify's daemon does not read, frames wait here and greenlets run on: connections are read and closed, time limits run out. When it
reads again, the streams take turns (`FairQueue`). A greenlet that has too much waiting waits itself in `write`. So memory is bounded, and
the servers feel the back pressure.
"""

import fcntl
import logging
import os
import select
import stat
import struct
import termios
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event

logger = logging.getLogger(__name__)

MOST_GATHERED = 64 * 1024
"""Bytes that may wait for the end of the turn; more would only make the first of them late."""

MOST_WAITING = 4 * 1024 * 1024
"""Bytes that may wait for the daemon before writers wait, too."""

MOST_OF_ONE_STREAM = 512 * 1024
"""Bytes of one stream that may wait; else a single flood would make everybody wait."""

LINE_LIMIT = 4 * 1024 * 1024
"""`translator.limits.FRAME_BYTES`, which says why; importing it would delay the first heartbeat, so a test keeps the two equal."""

LIBEV_WRITE = 2


class FairQueue:
    """Frames of several streams (`owner` tells them apart), taken in turn. Sizes in bytes."""

    def __init__(self) -> None:
        self._frames: dict[object, deque[bytes]] = {}
        self._sizes: dict[object, int] = {}

    def __bool__(self) -> bool:
        return bool(self._frames)

    def size_of(self, owner: object) -> int:
        """Bytes of one stream that wait."""
        return self._sizes.get(owner, 0)

    def put(self, owner: object, frame: bytes) -> None:
        """Behind the owner's other frames."""
        self._frames.setdefault(owner, deque()).append(frame)
        self._sizes[owner] = self.size_of(owner) + len(frame)

    def take(self, least: int) -> bytes:
        """One frame of each stream in turn, until there are so many bytes or no more frames."""
        taken: list[bytes] = []
        size = 0
        while self._frames and size < least:
            taken.append(self._next())
            size += len(taken[-1])
        return b"".join(taken)

    def clear(self) -> None:
        """Forgets everything."""
        self._frames.clear()
        self._sizes.clear()

    def _next(self) -> bytes:
        """A frame of the first stream, which goes to the end of the line."""
        owner = next(iter(self._frames))
        frames = self._frames.pop(owner)
        frame = frames.popleft()
        self._sizes[owner] -= len(frame)
        if frames:
            self._frames[owner] = frames
        else:
            del self._sizes[owner]
        return frame


class FrameTooLongError(RuntimeError):
    """A frame would pass the daemon's line limit."""


class FrameOutput:
    """Frames of one turn of the hub leave together, at its end. `on_lost` is called once, in the hub, when nobody reads any more.

    A blocking descriptor blocks the whole process while the daemon does not read: use `nonblocking_copy`.
    """

    def __init__(self, descriptor: int, on_lost: Callable[[], object] = lambda: None) -> None:
        self.on_lost = on_lost
        self.waiting = 0
        """Bytes that have not left."""
        self.is_lost = False
        self._descriptor = descriptor
        self._frames: list[bytes] = []
        self._queue = FairQueue()
        self._gathered = 0
        self._leaving = memoryview(b"")
        self._is_scheduled = False
        self._watcher: Any = None
        self._fewer_waiting = Event()

    def has_room(self, owner: object = None) -> bool:
        """True while `write` takes lines of this stream without waiting."""
        return self.waiting <= MOST_WAITING and self._queue.size_of(owner) <= MOST_OF_ONE_STREAM

    def write(self, data: bytes, owner: object = None) -> None:
        """Takes one whole line or more of a stream, and waits while too much waits.

        Raises FrameTooLongError before anything of it is written.
        """
        if len(data) > LINE_LIMIT:
            raise FrameTooLongError(f"a frame of {len(data)} bytes is more than Dify takes in one line")
        if (self._watcher is not None or self.waiting > MOST_WAITING) and not self.has_room(owner):
            self._wait_until(partial(self.has_room, owner))
        if self.is_lost:
            return
        self.waiting += len(data)
        if self._watcher is not None:
            self._queue.put(owner, data)
            return
        self._frames.append(data)
        self._gathered += len(data)
        if self._gathered > MOST_GATHERED:
            self._push()
        elif not self._is_scheduled:
            self._is_scheduled = True
            gevent.get_hub().loop.run_callback(self.flush)

    def offer(self, data: bytes, owner: object = None) -> bool:
        """Takes a line from somebody who must not wait; False says that there is no room for it."""
        has_room = self.has_room(owner) and len(data) <= LINE_LIMIT
        if has_room:
            self.write(data, owner)
        return has_room

    def flush(self) -> None:
        """Writes what waits, as far as the daemon has room for it. Never raises: it runs in the hub."""
        self._is_scheduled = False
        if self._watcher is None:
            self._push()

    def all_read(self) -> bool:
        """True when everything has left and the daemon has taken it out of the pipe; False where the system does not say (not Linux)."""
        if self.waiting:
            return False
        try:
            unread: int = struct.unpack("i", fcntl.ioctl(self._descriptor, termios.FIONREAD, struct.pack("i", 0)))[0]
        except OSError:
            return False
        return unread == 0

    def drain(self, within_s: float) -> bool:
        """Waits until everything has left; False when the daemon took too long, or does not read any more."""
        self.flush()
        with gevent.Timeout(within_s, False):
            self._wait_until(lambda: not self.waiting)
        return not self.waiting and not self.is_lost

    def has_reader(self) -> bool:
        """False when the other end is closed."""
        poll = monkey.get_original("select", "poll")()
        poll.register(self._descriptor, 0)
        return not self.is_lost and not any(bits & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _, bits in poll.poll(0))

    def _push(self) -> None:
        try:
            self._write_all()
        except BlockingIOError:
            self._watch()
        except OSError as error:
            self._lose(error)
        else:
            self._stop_watching()
        self._fewer_waiting.set()

    def _write_all(self) -> None:
        while self._leaving or self._frames or self._queue:
            if not self._leaving:
                self._leaving = memoryview(self._next())
            written = os.write(self._descriptor, self._leaving)
            self._leaving = self._leaving[written:]
            self.waiting -= written

    def _next(self) -> bytes:
        """The next bytes to write: what was gathered before the daemon stopped reading, then what came later."""
        if not self._frames:
            return self._queue.take(MOST_GATHERED)
        gathered = b"".join(self._frames)
        self._frames.clear()
        self._gathered = 0
        return gathered

    def _watch(self) -> None:
        if self._watcher is None:
            self._watcher = gevent.get_hub().loop.io(self._descriptor, LIBEV_WRITE)
            self._watcher.start(self._push)

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    def _lose(self, error: OSError) -> None:
        """The daemon has gone: what waits has no reader, and nothing that comes later will have one."""
        self._stop_watching()
        logger.error("frames cannot be written any more (%s)", type(error).__name__)
        self.is_lost = True
        self._frames.clear()
        self._queue.clear()
        self._leaving = memoryview(b"")
        self.waiting = 0
        self.on_lost()

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        while not is_so() and gevent.getcurrent() is not gevent.get_hub():
            self._fewer_waiting.clear()
            self._fewer_waiting.wait()


def nonblocking_copy(descriptor: int) -> int:
    """A new descriptor for the same output: for a pipe one that never blocks, where the system can open it anew (Linux).

    Setting the flag on the descriptor itself would set it for every process that shares the pipe's end.
    """
    if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        try:
            return os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            logger.debug("the standard output stays as it is")  # no /proc, or not ours to open
    return os.dup(descriptor)

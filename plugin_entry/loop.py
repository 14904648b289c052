"""One asyncio loop inside one greenlet: where aiohttp lives in a process that gevent has patched.

Enters: coroutines from any greenlet of the thread. Leaves: asyncio tasks. The SDK runs every request as a greenlet in one OS thread, and
asyncio allows one running loop per thread, so all requests share this loop; its selector is gevent's, so while it waits for sockets other
greenlets run. Compared with a loop in a thread of its own it needs no hand-over between threads and was as fast or faster
(docs/performance.md). Should the loop ever die, its tasks are reported lost and the next one starts a new loop.
"""

import asyncio
import inspect
import logging
import selectors
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import attrs
import gevent
from gevent.event import Event

from plugin_entry.pace import Pace, Rhythm
from plugin_entry.selector import HubSelector, new_selector

logger = logging.getLogger(__name__)

type OnEnd = Callable[[BaseException | None], None]
"""Told once how a task ended: None for well, else what it raised; LoopLostError when the loop died under it."""


class LoopLostError(RuntimeError):
    """The event loop ended while a task was running on it."""


@attrs.define(slots=True, eq=False)
class Job:
    """A running task, to be cancelled from any greenlet of the thread."""

    _loop: asyncio.AbstractEventLoop
    _task: asyncio.Task[None]
    _wake: Callable[[], object]

    def cancel(self) -> None:
        """Asks the task to end; no effect on one that has ended."""
        if not self._task.done() and not self._loop.is_closed():
            self._task.cancel()
            self._wake()

    def cancel_after(self, seconds: float) -> None:
        """Lets the task end by itself for a while, then cancels it."""
        if not self._task.done() and not self._loop.is_closed():
            timer = self._loop.call_later(seconds, self._task.cancel)
            self._task.add_done_callback(lambda _: timer.cancel())
            self._wake()


class LoopGreenlet:
    """Starts on first use."""

    def __init__(self) -> None:
        self.pace = Pace()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._selector: selectors.BaseSelector | None = None
        self._greenlet: Any = None
        self._running: dict[asyncio.Task[None], OnEnd] = {}

    def run(self, coroutine: Coroutine[Any, Any, None], on_end: OnEnd) -> Job:
        """Runs a coroutine on the loop and returns at once. Raises LoopLostError when no loop can be started."""
        try:
            loop = self._loop or self._start()
        except LoopLostError:
            coroutine.close()
            raise
        task = loop.create_task(coroutine)
        self._running[task] = on_end
        task.add_done_callback(self._ended)
        wake = self._waker(loop)
        wake()
        return Job(loop, task, wake)

    def set_rhythm(self, fd: int, rhythm: Rhythm) -> None:
        """Says when a descriptor is to be looked at from now on; without effect where the selector knows no rhythms."""
        if isinstance(self._selector, HubSelector):
            self._selector.set_rhythm(fd, rhythm)

    def stop(self) -> None:
        """Cancels the tasks and ends the loop. The next task starts a new one."""
        if self._loop is not None:
            winding_down = self._loop.create_task(self._wind_down(self._loop))
            self._waker(self._loop)()
            self._greenlet.join()
            del winding_down

    async def _wind_down(self, loop: asyncio.AbstractEventLoop) -> None:
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # connections that were just given up are closed in the next turn
        loop.stop()

    def _start(self) -> asyncio.AbstractEventLoop:
        self._selector = new_selector(lambda: self.pace.rest_s)
        started = Event()
        loop = asyncio.SelectorEventLoop(self._selector)
        loop.call_soon(started.set)
        self._loop = loop
        self._greenlet = gevent.spawn(loop.run_forever)
        self._greenlet.link(self._lost)
        self._greenlet.link(lambda _: started.set())
        started.wait()
        if loop.is_closed():
            raise LoopLostError
        return loop

    def _ended(self, task: asyncio.Task[None]) -> None:
        on_end = self._running.pop(task, None)
        if on_end is not None:
            on_end(ConnectionAbortedError("the request was given up") if task.cancelled() else task.exception())

    def _lost(self, greenlet: gevent.Greenlet) -> None:
        if greenlet.exception is not None:
            logger.error("the event loop ended (%s); a new one starts with the next request", type(greenlet.exception).__name__)
        lost, self._running = self._running, {}
        if self._loop is not None:
            self._loop.close()
            self._loop = None
        for task, on_end in lost.items():
            _forget(task)
            on_end(LoopLostError())

    def _waker(self, loop: asyncio.AbstractEventLoop) -> Callable[[], object]:
        """What makes the loop look at things scheduled from another greenlet; otherwise it would sleep on until a socket speaks."""
        if isinstance(self._selector, HubSelector):
            return self._selector.wake
        return partial(loop.call_soon_threadsafe, _nothing)


def _forget(task: asyncio.Task[None]) -> None:
    """A coroutine that never began would complain about it."""
    coroutine = task.get_coro()
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        coroutine.close()


def _nothing() -> None:
    """What the loop runs when it is only to be woken."""

"""Runs one asyncio event loop inside one greenlet, for aiohttp in a process that gevent has patched.

The SDK runs every request as a greenlet in one OS thread, and asyncio allows one running loop per thread, so all requests share this
loop. While it waits for sockets other greenlets run. Compared with a loop in a thread of its own it needs no hand-over between threads
and was as fast or faster (docs/performance.md). Should the loop die, its tasks are told so, the servers' connections are closed, and
the next task starts a new loop.
"""

import asyncio
import inspect
import logging
import os
import selectors
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import attrs
import gevent
from gevent.event import Event

from plugin_entry.log import error_place
from plugin_entry.network.selector import HubSelector, Pace, new_selector

logger = logging.getLogger(__name__)

type OnEnd = Callable[[BaseException | None], None]
"""Told once how a task ended: None for well, else what it raised; LoopLostError when the loop died under it."""


class LoopLostError(RuntimeError):
    """The event loop ended, or met an error of the plugin's own, while a task was running on it."""


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

    @property
    def current(self) -> asyncio.AbstractEventLoop | None:
        """The loop that runs."""
        return self._loop

    def run(self, coroutine: Coroutine[Any, Any, None], on_end: OnEnd) -> Job:
        """Runs a coroutine on the loop and returns at once. Raises LoopLostError or OSError when no loop can be started."""
        try:
            loop = self._loop or self._start()
        except BaseException:
            coroutine.close()
            raise
        task = loop.create_task(coroutine)
        self._running[task] = on_end
        task.add_done_callback(self._ended)
        self.wake()
        return Job(loop, task, self.wake)

    def give_up(self, error: Exception) -> None:
        """Ends all tasks; each is told that it ended by `error`."""
        given_up, self._running = self._running, {}
        for task, on_end in given_up.items():
            task.cancel()
            on_end(error)
        self.wake()

    def wake(self) -> None:
        """Makes the loop look at what was scheduled from another greenlet; otherwise it would sleep on until a socket speaks."""
        if isinstance(self._selector, HubSelector):
            self._selector.wake()
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(lambda: None)

    def stop(self) -> None:
        """Cancels the tasks and ends the loop. The next task starts a new one."""
        if self._loop is not None:
            winding_down = self._loop.create_task(self._wind_down(self._loop))
            self.wake()
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
        if isinstance(self._selector, HubSelector):
            self.pace.set_rest = self._selector.set_rest
        started = Event()
        loop = asyncio.SelectorEventLoop(self._selector)
        loop.set_exception_handler(self._log_uncaught)
        loop.call_soon(started.set)
        self._loop = loop
        self._greenlet = gevent.spawn(self._run_loop, loop)
        self._greenlet.link(lambda _: self._lost(loop))
        self._greenlet.link(lambda _: started.set())
        started.wait()
        if loop.is_closed():
            raise LoopLostError
        return loop

    def _run_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
        except BaseException as error:  # noqa: BLE001  # an exit that some callback raises is not the end of the process
            place = error_place(error)
            logger.error("the event loop ended (%s); the next request starts a new one", place)  # noqa: TRY400  # its text may hold secrets

    def _ended(self, task: asyncio.Task[None]) -> None:
        on_end = self._running.pop(task, None)
        if on_end is not None:
            on_end(_outcome(task))

    def _log_uncaught(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Logs an exception that nobody caught, by name only: asyncio's own text holds arguments, hence prompts and answers."""
        del loop
        error = context.get("exception")
        if error is None:
            logger.debug("the event loop complains about something that was not closed")
        else:
            logger.error("the event loop met an error of its own (%s)", error_place(error))

    def _lost(self, loop: asyncio.AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        lost, self._running = self._running, {}
        self._loop = None
        for task, on_end in lost.items():
            _close_unstarted(task)
            on_end(_outcome(task) if task.done() else LoopLostError())
        if self._selector is not None:
            _shut_connections(self._selector)
        with suppress(Exception):  # a selector that is broken may fail here once more; nobody uses it again
            loop.close()


def _outcome(task: asyncio.Task[None]) -> Exception | None:
    try:
        error = task.exception()
    except asyncio.CancelledError:  # the task forgets it when it is asked: it would keep all frames of the task until a cycle is looked for
        return ConnectionAbortedError("the request was given up")
    return error if error is None or isinstance(error, Exception) else LoopLostError(type(error).__name__)


def _shut_connections(selector: selectors.BaseSelector) -> None:
    """Ends the connections of a loop that died, so that servers stop generating; their objects are freed some time later."""
    for key in list((selector.get_map() or {}).values()):
        with suppress(OSError), socket.socket(fileno=os.dup(key.fd)) as connection:
            connection.shutdown(socket.SHUT_RDWR)


def _close_unstarted(task: asyncio.Task[None]) -> None:
    """Closes a coroutine that never began, which would warn about it."""
    coroutine = task.get_coro()
    if inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:
        coroutine.close()

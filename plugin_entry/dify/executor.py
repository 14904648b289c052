"""Runs requests in greenlets that can be counted and ended; stands in for the SDK's pool of threads."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import gevent
from gevent.pool import Group

from plugin_entry.dify.slots import Slots

logger = logging.getLogger(__name__)


PER_WORKER = 8
"""Slots for each worker that the SDK would have: a request that waits in a greenlet costs a twentieth of what a thread does."""


class CallerLeft(gevent.GreenletExit):  # type: ignore[misc]  # gevent has no types
    """Ends a request whose caller has left; no error is sent."""


class GreenletExecutor:
    """As much of an executor as the SDK uses. Every call starts at once; `slots` bounds how many requests may go on.

    While `refuses` is set, requests that have not begun fail: the process is about to end.
    """

    def __init__(self, max_workers: int) -> None:
        self.refuses = False
        self.slots = Slots(PER_WORKER * max_workers)
        self._pool = Group()

    @property
    def running(self) -> int:
        """Requests that have not ended."""
        return len(self._pool)

    def kill(self) -> None:
        """Ends all requests where they are; does not wait for them."""
        self._pool.kill(block=False)

    def start(self, function: Callable[..., Any], /, *args: Any) -> None:
        """Starts a call that reports its own errors. Never raises, as no further request would be read."""
        self._spawn(_run_and_log, function, args)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Starts a call and returns at once; the future holds its result or its error.

        Never raises: the SDK would read no further request.
        """
        future: Future[Any] = Future()
        failure = self._spawn(_run_into, future, function, args, kwargs)
        if failure is not None:
            future.set_exception(failure)
        return future

    def _spawn(self, run: Callable[..., None], *args: Any) -> Exception | None:
        """Gives why nothing was started; it is in the log, too."""
        try:
            self._pool.spawn(run, *args)
        except Exception as error:  # noqa: BLE001  # given back
            logger.error("a request could not be started (%s)", type(error).__name__)  # noqa: TRY400  # its text may hold secrets
            return error
        return None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for the calls that run."""
        del cancel_futures  # none is ever waiting
        if wait:
            self._pool.join()


def _run_and_log(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        function(*args)
    except CallerLeft:
        logger.debug("a request was ended: its caller has left")
    except BaseException as error:  # noqa: BLE001  # an exit of a request is not one of the process
        logger.warning("a request ended without a word (%s)", type(error).__name__)


def _run_into(future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001  # the future hands it to whoever asks; an exit of a request is not one of the process
        future.set_exception(error)

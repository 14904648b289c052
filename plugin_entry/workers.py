"""Runs each request of the SDK in a greenlet that starts by itself.

Enters: the calls the SDK submits, one per request. Leaves: greenlets. The SDK uses a pool of (patched) threads, and starting one of them
waits until it runs: two turns of the hub per request. In a busy process that lets requests that were read long ago start one by one, tens
of milliseconds apart, behind all streams that already talk.
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from dify_plugin.core.server import io_server
from gevent.pool import Pool


class GreenletExecutor:
    """As much of an executor as the SDK uses; with `max_workers` requests running the next one waits for the end of another."""

    def __init__(self, max_workers: int) -> None:
        self._pool = Pool(max_workers)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Starts a call and returns at once; the future holds its result or its error."""
        future: Future[Any] = Future()
        self._pool.spawn(_run, future, function, args, kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Waits for the calls that run."""
        del cancel_futures  # none is ever waiting
        if wait:
            self._pool.join()


def _run(future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  # the future hands it to whoever asks
        future.set_exception(error)


def install() -> None:
    """Makes the SDK use greenlets. Must come before `Plugin(...)`."""
    vars(io_server)["ThreadPoolExecutor"] = GreenletExecutor

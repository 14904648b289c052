"""Runs each request of the SDK in a greenlet that starts by itself, and makes sure that each ends with a message Dify can show.

Enters: the calls the SDK submits, one per request. Leaves: greenlets. The SDK uses a pool of (patched) threads, and starting one of them
waits until it runs: two turns of the hub per request. In a busy process that lets requests that were read long ago start one by one, tens
of milliseconds apart, behind all streams that already talk.

The SDK reports every `Exception` of a request, most of them as a page of JSON; what is none (the exit of a greenlet, of the process) it
lets pass without a word, and Dify's user waits ten minutes for the end of the answer.
"""

import logging
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from typing import TYPE_CHECKING, Any

import gevent
from dify_plugin import Plugin
from dify_plugin.core.server import io_server
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeServerUnavailableError
from gevent.pool import Pool

from plugin_entry.dify import startup

if TYPE_CHECKING:
    from plugin_entry.dify import errors
else:
    (errors,) = startup.modules("dify.errors")

logger = logging.getLogger(__name__)

ENDED = "The plugin is being stopped or restarted, so this answer was ended. Try again in a moment."
EXECUTE = "_execute_request"
"""The SDK's method that does the work of one request."""


class CallerLeft(gevent.GreenletExit):  # type: ignore[misc]  # gevent has no types
    """Nobody waits for this request any more, so nothing needs to be said."""


class GreenletExecutor:
    """As much of an executor as the SDK uses; with `max_workers` requests running the next one waits for the end of another."""

    def __init__(self, max_workers: int) -> None:
        self._pool = Pool(max_workers)

    @property
    def running(self) -> int:
        """Requests that have not ended."""
        return len(self._pool)

    def kill(self) -> None:
        """Ends all requests where they are; does not wait for them."""
        self._pool.kill(block=False)

    def start(self, function: Callable[..., Any], /, *args: Any) -> None:
        """Starts a call that reports its own errors; waits while too many run. Never raises, as no further request would be read."""
        self._spawn(_contained, function, args)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Starts a call and returns at once; the future holds its result or its error.

        Never raises: the SDK would read no further request.
        """
        future: Future[Any] = Future()
        failure = self._spawn(_run, future, function, args, kwargs)
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


def _contained(function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        function(*args)
    except BaseException as error:  # noqa: BLE001  # an exit of a request is not one of the process
        logger.warning("a request ended without a word (%s)", type(error).__name__)


def _run(future: Future[Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(*args, **kwargs))
    except BaseException as error:  # noqa: BLE001  # the future hands it to whoever asks; an exit of a request is not one of the process
        future.set_exception(error)


def worded(execute: Callable[..., None]) -> Callable[..., None]:
    """Makes the work of a request end well or in an error whose text Dify shows."""

    @wraps(execute)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            execute(*args, **kwargs)
        except (CallerLeft, CredentialsValidateFailedError):
            raise
        except Exception as error:
            traceback.clear_frames(error.__traceback__)  # an answer that could not be handed on would hold its connection through them
            told = errors.to_invoke_error(error)
            if told is error:
                raise  # an error that is its own cause would never be freed
            raise told from None  # the SDK sends and logs the causes, too, whatever they quote
        except BaseException as error:  # noqa: BLE001  # it is told instead
            logger.warning("a request was ended (%s)", type(error).__name__)
            raise InvokeServerUnavailableError(ENDED) from None

    return run


def install() -> None:
    """Makes the SDK use greenlets. Must come before `Plugin(...)`."""
    vars(io_server)["ThreadPoolExecutor"] = GreenletExecutor
    setattr(Plugin, EXECUTE, worded(getattr(Plugin, EXECUTE)))

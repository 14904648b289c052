"""Turns our errors into the SDK's five classes, the only ones whose text Dify shows as it is."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps

from dify_plugin.errors.model import (
    InvokeAuthorizationError,
    InvokeBadRequestError,
    InvokeConnectionError,
    InvokeError,
    InvokeRateLimitError,
    InvokeServerUnavailableError,
)

from plugin_entry.log import error_place
from plugin_entry.network.error_rows import NOT_CONNECTED
from translator.errors import Family, Problem, TranslatorError

logger = logging.getLogger(__name__)

CLASSES: dict[Family, type[InvokeError]] = {
    Family.CONNECTION: InvokeConnectionError,
    Family.UNAVAILABLE: InvokeServerUnavailableError,
    Family.RATE_LIMIT: InvokeRateLimitError,
    Family.AUTHORIZATION: InvokeAuthorizationError,
    Family.BAD_REQUEST: InvokeBadRequestError,
}

MAPPING: dict[type[InvokeError], list[type[Exception]]] = {kind: [kind] for kind in CLASSES.values()}
"""For `_invoke_error_mapping`: a class that is not among the values would be degraded to plain InvokeError, whose text Dify buries in
JSON.
"""


def to_invoke_error(error: Exception) -> InvokeError:
    """Gives the SDK error with one clear text. Never fails, whatever comes in."""
    if isinstance(error, InvokeError):
        return error
    if isinstance(error, TranslatorError):
        return CLASSES[error.family](_shown(error.problem))
    logger.error("the plugin met an error of its own (%s)", error_place(error))
    return InvokeServerUnavailableError(
        f"The Ollama plugin failed unexpectedly ({type(error).__name__}). "
        "Try again; if it happens again, report it with the plugin's version."
    )


def _shown(problem: Problem) -> str:
    """Cause and remedy; the cause alone where nothing answers. How to set up a server is for the form and the doctor, not for a chat."""
    return problem.cause if problem.code in NOT_CONNECTED else problem.message


def readable[**P, R](call: Callable[P, R]) -> Callable[P, R]:
    """Makes a call raise nothing but the five classes."""

    @wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # told as one of the five
            raise to_invoke_error(error) from None  # the SDK sends and logs the causes, too, whatever they quote

    return guarded


@contextmanager
def bad_parameters() -> Iterator[None]:
    """Around the SDK's own check of parameters, which runs outside its translation of errors: a plain ValueError would reach the user as
    JSON.
    """
    try:
        yield
    except ValueError as error:
        raise InvokeBadRequestError(f"{error} Change it in the model parameters of the app.") from None

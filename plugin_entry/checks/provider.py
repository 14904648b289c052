"""Checks the server and the key that a person saves for the whole provider, without naming a model.

The check passes when a server of Ollama answers there and takes the key; else it raises one error of one sentence. Nothing is loaded. A
version that a proxy hides is no reason to refuse: the server then counts as the newest.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from plugin_entry.checks.credentials import BUDGET_S, Saved, check_cloud_key, run_check
from plugin_entry.network.bridge import Started
from plugin_entry.network.client import Call
from plugin_entry.network.server import Server, server_of, settings_of
from plugin_entry.serving.chat import BRIDGE
from translator.diagnosis.server_kinds import FURTHER_ROUTES, TAGS, VERSION
from translator.diagnosis.unanswered import Outcome, is_open_who, models_withheld, refusal_in, why_unusable
from translator.errors import ServerError

ANSWER_S = 4.0
"""Seconds for the list of models, which waits while a server starts, and for the version."""
FURTHER_S = 1.0
"""Seconds for the routes that tell who else it is."""


def check_server(saved: Mapping[str, Any]) -> None:
    """URL and key. Raises CredentialsValidateFailedError."""
    run_check(_check_server, "", saved, BUDGET_S)


def _check_server(_: str, saved: Saved) -> None:
    """Every version lists its models without loading anything (`tags`), and tells its version, which a proxy may hide."""
    credentials = settings_of(saved)
    server = server_of(credentials)
    if server.base_url.is_cloud:
        answers = _answers(server, (TAGS,), ANSWER_S)
        _raise(refusal_in(answers) or models_withheld(answers, server.place))
        check_cloud_key(server, credentials)
        return
    answers = _answers(server, (TAGS, VERSION), ANSWER_S)
    if is_open_who(answers):
        answers |= _answers(server, FURTHER_ROUTES, FURTHER_S)
    _raise(why_unusable(answers, server.place) or models_withheld(answers, server.place))


def _raise(error: ServerError | None) -> None:
    if error is not None:
        raise error


def _answers(server: Server, routes: Sequence[str], limit_s: float) -> dict[str, Outcome]:
    """The reply or the error of each route, asked at the same time."""
    quick = server.with_limits(first_byte=limit_s, between_chunks=limit_s)
    started = {route: BRIDGE.start(Call(server=quick, method="GET", url=server.base_url.url_for(route))) for route in routes}
    try:
        return {route: _answer(asked) for route, asked in started.items()}
    finally:
        for asked in started.values():
            asked.cancel()


def _answer(asked: Started) -> Outcome:
    try:
        return asked.whole()
    except ServerError as error:
        return error

"""Checks the server and the key that a person saves for the whole provider, without naming a model.

Enters: the values of the provider's form. Leaves: nothing when a server of Ollama answers there and takes the key; else one error of one or
two sentences. Nothing is loaded.
"""

from collections.abc import Mapping
from typing import Any, cast

from plugin_entry.checking import BUDGET_S, Saved, check_cloud_key, checked
from plugin_entry.connect import server_of, settings_of
from plugin_entry.runtime import BRIDGE
from plugin_entry.server import Server
from plugin_entry.transport import Call
from translator import codec
from translator.errors import Family, ServerError
from translator.response.failures import failure_from_reply

ROUTE = "/api/tags"
"""Every version answers it without loading anything (`tags`), and a proxy in front of the server asks for its key here, too."""
OK = 200


def check_server(saved: Mapping[str, Any]) -> None:
    """URL and key. Raises CredentialsValidateFailedError."""
    checked(_check_server, "", cast("Saved", saved), BUDGET_S)


def _check_server(_: str, saved: Saved) -> None:
    credentials = settings_of(saved)
    server = server_of(credentials)
    _require_ollama(server)
    if server.base_url.is_cloud:
        check_cloud_key(server, credentials)


def _require_ollama(server: Server) -> None:
    reply = BRIDGE.fetch(Call(server=server, method="GET", url=server.base_url.url_for(ROUTE)))
    if reply.status != OK:
        raise failure_from_reply(reply.status, reply.body, content_type=reply.content_type, route=ROUTE, headers=reply.headers)
    if not _lists_models(reply.body):
        raise ServerError.of(
            "not_ollama",
            f"Something answers at {server.place}, but it is not an Ollama server: its list of models cannot be read.",
            "Check the base URL. For a rerank service, give its address to the rerank model instead.",
            family=Family.BAD_REQUEST,
        )


def _lists_models(body: bytes) -> bool:
    try:
        listed = codec.loads(body)
    except codec.DecodeError:
        return False
    return isinstance(listed, dict) and "models" in listed

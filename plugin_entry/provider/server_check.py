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
from translator.response.failures import failure_from_reply
from translator.server_kinds import NO_ROUTE, TAGS, VERSION, has_tags, is_ollama, kind_of, not_ollama
from translator.shapes.exchange import HttpReply


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
    """The cloud is known by its name, and every version of the rest answers both without loading anything (`version`, `tags`)."""
    is_cloud = server.base_url.is_cloud
    seen = {route: _asked(server, route) for route in ((TAGS,) if is_cloud else (TAGS, VERSION))}
    if not (has_tags(seen) if is_cloud else is_ollama(seen)):
        raise not_ollama(kind_of(seen), server.place)


def _asked(server: Server, route: str) -> HttpReply:
    """The answer, which may be that there is no such route. Raises ServerError for any other refusal, such as that of the key."""
    reply = BRIDGE.fetch(Call(server=server, method="GET", url=server.base_url.url_for(route)))
    if reply.status >= 400 and reply.status not in NO_ROUTE:
        raise failure_from_reply(reply.status, reply.body, content_type=reply.content_type, route=route, headers=reply.headers)
    return reply

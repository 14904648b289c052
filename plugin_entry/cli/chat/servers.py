"""Which server and which model the commands talk to: from the options, `OLLAMA_HOST`, and what the server says of its models.

The few questions that go to the server directly are asked here; everything else goes through the plugin.
"""

import argparse
import asyncio
import os
from collections.abc import Iterator
from typing import Any

import attrs

from plugin_entry.checks.doctor import diagnose
from plugin_entry.checks.probing import fetch
from plugin_entry.cli.commands import ArgumentError, CommandError
from plugin_entry.cli.options import API_KEY_OPTION, HOST_VARIABLE, secret_in
from plugin_entry.cli.screen import Screen
from plugin_entry.network.client import Call
from plugin_entry.network.connections import new_session
from plugin_entry.network.names import NameLookups
from plugin_entry.network.server import Server, server_of, settings_of
from translator import codec
from translator.errors import RequestError, TranslatorError
from translator.failures.build import failure_from_reply
from translator.response.capabilities import model_info
from translator.shapes.exchange import HttpReply

DEFAULT_BASE_URL = "http://127.0.0.1:11434"
CONNECT_S, ANSWER_S, DOCTOR_S = 5.0, 10.0, 30.0
OK = 200


@attrs.frozen(slots=True, kw_only=True)
class Target:
    """A model on a server. `credentials` hold the key and are not shown."""

    credentials: dict[str, Any] = attrs.field(repr=False)
    model: str
    place: str


def target_of(options: argparse.Namespace, screen: Screen) -> Target:
    """Asks the server for its models. Raises CommandError when it is away, refuses, or has no model that can chat."""
    url = options.base_url or os.environ.get(HOST_VARIABLE) or DEFAULT_BASE_URL
    credentials = {"base_url": url, "api_key": secret_in(API_KEY_OPTION, options.api_key_env)}
    try:
        server = server_of(settings_of(credentials))
    except RequestError as error:
        if options.base_url:
            raise ArgumentError("--base-url", str(error)) from error
        raise CommandError(str(error)) from error
    with screen.waiting(f"Asking {server.place} for its models"):
        try:
            names = _names(_ask(server, "/api/tags"))
            model = options.model or next(_chatting(server, names), None)
        except (TranslatorError, CommandError) as error:
            raise CommandError(_what_the_doctor_says(server) or str(error)) from error
    if model is None:
        raise CommandError(
            f"None of the {len(names)} models of the server at {server.place} says that it can chat. "
            "Name one with --model, or pull one there, such as `ollama pull qwen3:4b`."
        )
    return Target(credentials=credentials, model=model, place=server.place)


def _what_the_doctor_says(server: Server) -> str:
    """The sentence for what is wrong with a server; "" when the doctor finds nothing wrong."""
    diagnosis = asyncio.run(diagnose(server, budget_s=DOCTOR_S))
    return diagnosis.sentence if diagnosis.exit_code else ""


def _names(reply: HttpReply) -> list[str]:
    try:
        return [str(model["name"]) for model in codec.loads(reply.body)["models"]]
    except (codec.DecodeError, KeyError, TypeError) as error:
        raise CommandError("The server's list of models cannot be read: it is not an Ollama server. Check the base URL.") from error


def _chatting(server: Server, names: list[str]) -> Iterator[str]:
    """The models that say so; one that cannot be described is passed over, naming it with `--model` still works."""
    for name in names:
        reply = asyncio.run(_fetch(server, "POST", "/api/show", {"model": name}))
        if reply.status != OK:
            continue
        info = model_info(reply.body, model=name)
        if info.completion is not False and info.embedding is not True:
            yield name


def _ask(server: Server, route: str) -> HttpReply:
    """Raises ServerError for anything but a good answer."""
    reply = asyncio.run(_fetch(server, "GET", route, None))
    if reply.status != OK:
        raise failure_from_reply(reply.status, reply.body, model="", route=route, headers=reply.headers)
    return reply


async def _fetch(server: Server, method: str, route: str, body: object) -> HttpReply:
    quick = server.with_limits(connect=CONNECT_S, first_byte=0.0)
    call = Call(server=quick, method=method, url=server.base_url.url_for(route), body=None if body is None else codec.dumps(body))
    async with new_session(NameLookups(), keep=False) as session:
        return await fetch(session, call, ANSWER_S)

"""Which server and which model the commands talk to: from the options, `OLLAMA_HOST`, and what the server says of its models.

The few questions that go to the server directly are asked here; everything else goes through the plugin.
"""

import argparse
import asyncio
import os
from typing import Any

import attrs

from plugin_entry.checks.doctor import diagnose
from plugin_entry.checks.probing import Examination, ProbeLimits, Surroundings
from plugin_entry.cli.commands import ArgumentError, CommandError
from plugin_entry.cli.options import API_KEY_OPTION, HOST_VARIABLE, secret_in
from plugin_entry.cli.screen import Screen
from plugin_entry.network.connections import new_session
from plugin_entry.network.names import NameLookups
from plugin_entry.network.server import Server, server_of, settings_of
from translator import codec
from translator.errors import RequestError, TranslatorError
from translator.failures.build import failure_from_reply
from translator.response.capabilities import model_info
from translator.shapes.exchange import HttpReply

DEFAULT_BASE_URL = "http://127.0.0.1:11434"
DOCTOR_S = 30.0
TAGS = "/api/tags"
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
            count, model = asyncio.run(_chosen(server, options.model))
        except (TranslatorError, CommandError) as error:
            raise CommandError(_what_the_doctor_says(server) or str(error)) from error
    if model is None:
        raise CommandError(
            f"None of the {count} models of the server at {server.place} says that it can chat. "
            "Name one with --model, or pull one there, such as `ollama pull qwen3:4b`."
        )
    return Target(credentials=credentials, model=model, place=server.place)


def _what_the_doctor_says(server: Server) -> str:
    """The sentence for what is wrong with a server; "" when the doctor finds nothing wrong."""
    diagnosis = asyncio.run(diagnose(server, budget_s=DOCTOR_S))
    return diagnosis.sentence if diagnosis.exit_code else ""


async def _chosen(server: Server, model: str | None) -> tuple[int, str | None]:
    """How many models there are, and the one that was named, or else the first that says it can chat. Raises ServerError, CommandError.

    A model that cannot be described is passed over; naming it with `--model` still works.
    """
    async with new_session(NameLookups(), keep=False) as session:
        exam = Examination(server=server, model="", surroundings=Surroundings(), limits=ProbeLimits(), session=session)
        names = _names(await exam.ask(TAGS))
        if model:
            return len(names), model
        for name in names:
            reply = await exam.ask("/api/show", "POST", {"model": name})
            info = model_info(reply.body, model=name) if reply.status == OK else None
            if info and info.completion is not False and info.embedding is not True:
                return len(names), name
    return len(names), None


def _names(reply: HttpReply) -> list[str]:
    if reply.status != OK:
        raise failure_from_reply(reply.status, reply.body, model="", route=TAGS, headers=reply.headers)
    try:
        return [str(model["name"]) for model in codec.loads(reply.body)["models"]]
    except (codec.DecodeError, KeyError, TypeError) as error:
        raise CommandError("The server's list of models cannot be read: it is not an Ollama server. Check the base URL.") from error

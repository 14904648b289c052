"""Asks one server the doctor's small questions, each once and within a short time limit.

The questions carry the user's headers and go through the user's proxy, exactly like the requests they stand for; an address that is only a
guess gets neither.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import attrs

from plugin_entry.network.client import Call, answered, body_within, headers_of, reply_too_large
from plugin_entry.network.errors import CONNECTING, Phase, describe_transport_error
from plugin_entry.network.proxies import proxy_between, with_own_proxy, with_proxy_named
from plugin_entry.network.server import Server
from translator import codec
from translator.diagnosis.containers import MARKS, container_word, default_gateway
from translator.diagnosis.unanswered import Outcome
from translator.errors import ServerError
from translator.settings.base_url import BaseUrl
from translator.shapes.exchange import HttpReply

PROXY_VARIABLES = frozenset({"http_proxy", "https_proxy", "all_proxy"})


@attrs.frozen(slots=True, kw_only=True)
class Surroundings:
    """Where the plugin runs. `container` is the kind of container, "" for none; `gateway` an IPv4 address."""

    container: str = ""
    gateway: str | None = None
    names_proxy: bool = False


def read_surroundings(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Surroundings:
    """Reads the surroundings of this process; what cannot be read counts as absent."""
    return Surroundings(
        container=container_word([name for name in MARKS if (root / name).exists()], _text(root / "proc/1/cgroup"), environment),
        gateway=default_gateway(_text(root / "proc/net/route")),
        names_proxy=any(value.strip() for name, value in environment.items() if name.lower() in PROXY_VARIABLES),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@attrs.frozen(slots=True, kw_only=True)
class ProbeLimits:
    """Seconds for a connection, for a whole answer, and for an address that is only a guess."""

    connect: float = 5.0
    answer: float = 10.0
    guess: float = 1.5


@attrs.define(slots=True, kw_only=True, eq=False)
class Examination:
    """One server and what was asked so far. `model` is "" when no model is examined."""

    server: Server
    model: str
    surroundings: Surroundings
    limits: ProbeLimits
    session: aiohttp.ClientSession
    _asked: dict[tuple[str, str], asyncio.Task[HttpReply]] = attrs.field(factory=dict, init=False)

    @property
    def base_url(self) -> BaseUrl:
        return self.server.base_url

    @property
    def has_key(self) -> bool:
        return any(name.lower() == "authorization" for name, _ in self.server.headers)

    async def ask(self, route: str, method: str = "GET", body: object = None) -> HttpReply:
        """The reply to a question; the same question is asked once. Raises ServerError."""
        data = None if body is None else codec.dumps(body)
        key = (route, (data or b"").decode())
        if key not in self._asked:
            server = self.server.with_limits(connect=self.limits.connect, first_byte=0.0)  # `answer` limits the whole reply
            call = Call(server=server, method=method, url=self.base_url.url_for(route), body=data)
            self._asked[key] = asyncio.ensure_future(fetch(self.session, call, self.limits.answer))
        return await self._asked[key]

    async def ask_elsewhere(self, url: str, route: str) -> HttpReply:
        """The reply of an address that is only a guess: without a key, without proxy. Raises ServerError."""
        seconds = self.limits.guess
        guess = attrs.evolve(self.server, headers=(), proxy=None).with_limits(connect=seconds, first_byte=0.0)
        return await fetch(self.session, Call(server=guess, method="GET", url=f"{url}{route}"), seconds)

    def give_up(self) -> None:
        """Ends the questions that are still open."""
        for task in self._asked.values():
            task.cancel()


async def answers_to(exam: Examination, routes: Sequence[str]) -> dict[str, Outcome]:
    """The reply or the error of each route, in their order."""
    return dict(zip(routes, await asyncio.gather(*(_answer(exam, route) for route in routes)), strict=True))


async def _answer(exam: Examination, route: str) -> Outcome:
    try:
        return await exam.ask(route)
    except ServerError as error:
        return error


async def fetch(session: aiohttp.ClientSession, call: Call, answer_s: float) -> HttpReply:
    """The whole reply within so many seconds. Raises ServerError."""
    try:
        async with asyncio.timeout(answer_s), answered(session, call) as response:
            body = await body_within(response, call.reply_bytes)
            if body is None:
                raise reply_too_large(call)
            return HttpReply(status=response.status, headers=with_own_proxy(headers_of(response), call.server), body=body)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failure = describe_transport_error(
            error,
            call.server.place,
            phase=Phase.BODY if isinstance(error, aiohttp.ClientPayloadError) else Phase.FIRST_BYTE,
            limit_seconds=call.server.limits.connect if isinstance(error, CONNECTING) else answer_s,
        )
        raise with_proxy_named(failure, proxy_between(call.server)) from error

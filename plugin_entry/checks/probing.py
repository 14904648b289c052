"""One server under examination: small questions, each asked once, with an answer soon or not at all.

The questions carry the person's headers and go through the person's proxy, exactly like the requests they stand for; an address that is
only a guess gets neither.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
import attrs

from plugin_entry.network.client import Call, answered, headers_of, reply_too_large
from plugin_entry.network.errors import CONNECTING, Phase, describe_transport_error
from plugin_entry.network.proxies import naming, proxy_between, with_own_proxy
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
    """`container` is the kind of container, "" for none; `gateway` an IPv4 address."""

    container: str = ""
    gateway: str | None = None
    names_proxy: bool = False


def look_around(root: Path = Path("/"), environment: Mapping[str, str] = os.environ) -> Surroundings:
    """Reads what the system says; what cannot be read says nothing."""
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


PIECE = 64 * 1024


@attrs.frozen(slots=True, kw_only=True)
class Patience:
    """Seconds for a connection, for an answer, and for an address that is only a guess."""

    connect: float = 5.0
    answer: float = 10.0
    guess: float = 1.5


@attrs.define(slots=True, kw_only=True, eq=False)
class Examination:
    """`model` is "" when none is to be looked at."""

    server: Server
    model: str
    surroundings: Surroundings
    patience: Patience
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
            call = Call(server=_patient(self.server, self.patience.connect), method=method, url=self.base_url.url_for(route), body=data)
            self._asked[key] = asyncio.ensure_future(fetch(self.session, call, self.patience.answer))
        return await self._asked[key]

    async def ask_elsewhere(self, url: str, route: str) -> HttpReply:
        """The reply of an address that is only a guess: without a key, without proxy. Raises ServerError."""
        guess = _patient(attrs.evolve(self.server, headers=(), proxy=None), self.patience.guess)
        return await fetch(self.session, Call(server=guess, method="GET", url=f"{url}{route}"), self.patience.guess)

    def give_up(self) -> None:
        """Ends the questions that are still open."""
        for task in self._asked.values():
            task.cancel()


def _patient(server: Server, connect_s: float) -> Server:
    """The whole reply has a time limit of its own."""
    return attrs.evolve(server, limits=attrs.evolve(server.limits, connect=connect_s, first_byte=0.0))


async def answers_to(exam: Examination, routes: Sequence[str]) -> dict[str, Outcome]:
    """What comes back for each of the routes, in their order; the error where nothing does."""
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
            headers = with_own_proxy(headers_of(response), call.server)
            return HttpReply(status=response.status, headers=headers, body=await _body(response, call))
    except (aiohttp.ClientError, OSError, ValueError) as error:
        failure = describe_transport_error(
            error,
            call.server.place,
            phase=Phase.BODY if isinstance(error, aiohttp.ClientPayloadError) else Phase.FIRST_BYTE,
            limit_seconds=call.server.limits.connect if isinstance(error, CONNECTING) else answer_s,
        )
        raise naming(failure, proxy_between(call.server)) from error


async def _body(response: aiohttp.ClientResponse, call: Call) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data := await response.content.read(PIECE):
        size += len(data)
        parts.append(data)
        if size > call.reply_bytes:
            raise reply_too_large(call)
    return b"".join(parts)

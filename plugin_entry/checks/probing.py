"""One server under examination: small questions, each asked once, with an answer soon or not at all.

Enters: a server, a model name, a session. Leaves: whole replies, or a ServerError. The questions carry the person's headers and go through
the person's proxy, exactly like the requests they stand for; an address that is only a guess gets neither.
"""

import asyncio
import os
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import attrs

from plugin_entry.network.errors import Phase, ProxyTimeoutError, describe_transport_error, named, proxy_between, with_passage
from plugin_entry.network.redirects import REDIRECTS, next_url
from plugin_entry.network.server import Server
from translator import codec
from translator.diagnosis.containers import MARKS, container_word, default_gateway
from translator.diagnosis.unanswered import Outcome
from translator.errors import Family, ServerError
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


BODY_LIMIT = 8 * 1024 * 1024
"""Bytes; the list of a thousand models has half a million."""
PIECE = 64 * 1024
AT_ONCE = 16
"""Questions under way; the list of models may bring one for each."""


@attrs.frozen(slots=True, kw_only=True)
class Patience:
    """Seconds for a connection, for an answer, and for an address that is only a guess."""

    connect: float = 5.0
    answer: float = 10.0
    guess: float = 1.5


@attrs.frozen(slots=True, kw_only=True)
class Question:
    """One request; the body is JSON."""

    server: Server
    method: str = "GET"
    url: str
    body: bytes | None = None


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
            question = Question(server=self.server, method=method, url=self.base_url.url_for(route), body=data)
            self._asked[key] = asyncio.ensure_future(fetch(self.session, question, self.patience.connect, self.patience.answer))
        return await self._asked[key]

    async def ask_elsewhere(self, url: str, route: str) -> HttpReply:
        """The reply of an address that is only a guess: without a key, without proxy. Raises ServerError."""
        guess = attrs.evolve(self.server, headers=(), proxy=None)
        return await fetch(self.session, Question(server=guess, url=f"{url}{route}"), self.patience.guess, self.patience.guess)

    def give_up(self) -> None:
        """Ends the questions that are still open."""
        for task in self._asked.values():
            task.cancel()


async def answers_to(exam: Examination, routes: Sequence[str]) -> dict[str, Outcome]:
    """What comes back for each of the routes, in their order; the error where nothing does."""
    return dict(zip(routes, await asyncio.gather(*(_answer(exam, route) for route in routes)), strict=True))


async def _answer(exam: Examination, route: str) -> Outcome:
    try:
        return await exam.ask(route)
    except ServerError as error:
        return error


def new_session() -> aiohttp.ClientSession:
    """A session for one examination: no cookies, and proxies only as the server's settings say. Must be called on its loop."""
    connector = aiohttp.TCPConnector(limit=AT_ONCE, force_close=True)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False)


async def fetch(session: aiohttp.ClientSession, question: Question, connect_s: float, answer_s: float) -> HttpReply:
    """The whole reply, after redirects that stay at the same place. Raises ServerError."""
    followed = 0
    while True:
        reply = await _told(_fetch_once(session, question, connect_s), question, connect_s, answer_s)
        if reply.status not in REDIRECTS:
            return reply
        target = next_url(question.url, question.server.place, reply.status, _location(reply), followed=followed)
        if isinstance(target, ServerError):
            raise target
        question, followed = attrs.evolve(question, url=target), followed + 1


async def _told(work: Coroutine[Any, Any, HttpReply], question: Question, connect_s: float, answer_s: float) -> HttpReply:
    """What the work gives within its time; its failure as a ServerError."""
    try:
        async with asyncio.timeout(answer_s):
            return await work
    except (aiohttp.ClientError, OSError, ValueError) as error:
        is_connecting, proxy = isinstance(error, aiohttp.ConnectionTimeoutError), question.server.proxy
        failure = describe_transport_error(
            ProxyTimeoutError() if is_connecting and proxy else error,
            question.server.place,
            phase=Phase.BODY if isinstance(error, aiohttp.ClientPayloadError) else Phase.FIRST_BYTE,
            limit_seconds=connect_s if is_connecting else answer_s,
        )
        raise named(failure, proxy_between(question.server)) from error


async def _fetch_once(session: aiohttp.ClientSession, question: Question, connect_s: float) -> HttpReply:
    async with session.request(
        question.method,
        question.url,
        data=question.body,
        headers=dict(question.server.headers),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
        proxy=question.server.proxy,
        ssl=question.server.tls,
        allow_redirects=False,
    ) as response:
        headers = with_passage(dict(response.headers), question.server)
        return HttpReply(status=response.status, headers=headers, body=await _body(response, question.server))


async def _body(response: aiohttp.ClientResponse, server: Server) -> bytes:
    parts: list[bytes] = []
    size = 0
    while data := await response.content.read(PIECE):
        size += len(data)
        parts.append(data)
        if size > BODY_LIMIT:
            raise ServerError.of(
                "reply_too_large",
                f"The reply of {server.place} to a small question is larger than {BODY_LIMIT:,} bytes.",
                "Check that the base URL leads to an Ollama server.",
                family=Family.UNAVAILABLE,
            )
    return b"".join(parts)


def _location(reply: HttpReply) -> str:
    return next((value for name, value in reply.headers.items() if name.lower() == "location"), "")

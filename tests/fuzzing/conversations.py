"""Whole conversations: several callers at once, a server that sends what it likes, callers who leave, and limits that run out.

Each conversation has one server on this machine, with kept connections, and some callers of two tenants. All that the server says to a
request bears the request's own name, so an answer tells whom it was meant for. What must hold: an answer holds nothing but its own words,
and it is whole, or it ends in an error. Bytes, delays, and who leaves when come from a seeded generator.

HTTP/1.1 does not say which request a reply belongs to. Where a server sends a reply that nobody asked for (UNASKED) while the next request
is on its way, no client can tell it from the answer. Then callers of the tenant whose connection it was may be told each other's words, and
nobody else may.
"""

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import attrs
import gevent
from dify_plugin.errors.model import InvokeError
from gevent.pool import Pool

from plugin_entry.serving import chat
from tests.fuzzing.mutations import cut, damaged
from tests.plugin_entry.serving.sdk_requests import embed
from tests.sdk_chunks import as_models
from tests.servers.loopback import END, HEAD, Visit, serving
from translator.shapes.dify import Message, Role
from translator.turn import Ask

AT_ONCE = 8
MOST_CALLERS = 6
MOST_WORDS = 6
LIMIT_S = "0.15"
"""Of those who are in a hurry; a server that holds an answer holds it longer."""
HELD_S = 0.4
HANGS_AFTER_S = 60.0
KNOWN: Mapping[str, Any] = {
    "/api/show": {"capabilities": ["completion", "embedding"], "model_info": {"general.architecture": "x", "x.context_length": 8192}},
    "/api/version": {"version": "0.33.0"},
    "/api/ps": {"models": []},
}
"""What is told about the server and its models."""


class StrayAnswerError(AssertionError):
    """A caller was told something that was not meant for it, or less than all without an error."""


@attrs.frozen(slots=True, kw_only=True)
class Caller:
    """What one caller does: `leaves_after` so many pieces of the answer, None to stay."""

    name: str
    """Eight digits, which no damage turns into those of another."""
    words: int
    kind: str
    tenant: str
    waits_s: float
    hurries: bool
    leaves_after: int | None

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.pieces)

    @property
    def vector(self) -> list[float]:
        """What stands for the answer where texts are embedded."""
        return [int(self.name) / 1e9, 1.0]

    @property
    def pieces(self) -> list[str]:
        return [f"{self.name}.{word} " for word in range(self.words)]


@attrs.frozen(slots=True)
class Heard:
    """What a caller was told. `left` when it did not stay to the end."""

    text: str
    error: str = ""
    left: bool = False


@attrs.define
class Figures:
    """What was done. `strays`: answers that were another's of the same tenant, after a server had sent a reply that nobody asked for."""

    conversations: int = 0
    calls: int = 0
    whole: int = 0
    errors: int = 0
    left: int = 0
    strays: int = 0

    def add(self, other: "Figures") -> None:
        for name in attrs.fields_dict(Figures):
            setattr(self, name, getattr(self, name) + getattr(other, name))


# --- what the server does ----------------------------------------------------------------------------------------------------------


def lines_of(caller: Caller) -> list[bytes]:
    """A good answer to a caller, line by line."""
    key = "response" if caller.kind == "completion" else "message"
    said = [piece if key == "response" else {"role": "assistant", "content": piece} for piece in caller.pieces]
    last = {key: "" if key == "response" else {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 3}
    documents = [*({"model": "m", key: each, "done": False} for each in said), last]
    return [json.dumps(document).encode() + b"\n" for document in documents]


def body_of(caller: Caller) -> list[bytes]:
    if caller.kind == "embed":
        return [json.dumps({"embeddings": [caller.vector], "prompt_eval_count": 3}).encode()]
    return lines_of(caller)


def good(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """The whole answer, cut as a network cuts."""
    visit.send(HEAD)
    for piece in cut(b"".join(lines), chance):
        visit.chunk(piece)
        if not chance.randrange(8):
            gevent.sleep(0)
    visit.send(END)


def with_length(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """The same in one piece."""
    visit.send(reply_of(lines))


def hinted(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """With words before the answer that HTTP allows."""
    visit.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * chance.randrange(1, 3))
    good(visit, lines, chance)


def held(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """Some of it, and the rest late or never."""
    begins = chance.randrange(len(lines))
    visit.send(HEAD)
    for line in lines[:begins]:
        visit.chunk(line)
    gevent.sleep(HELD_S)
    for line in lines[begins:]:
        visit.chunk(line)
    visit.send(END)


def broken_off(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """Ends the connection somewhere."""
    data = HEAD + b"".join(b"%x\r\n%b\r\n" % (len(line), line) for line in lines)
    visit.send(data[: chance.randrange(len(data))])
    raise ConnectionAbortedError


def too_short(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """Says that it will be longer than it is."""
    body = b"".join(lines)
    visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body) + 9, body))
    raise ConnectionAbortedError


def scrambled(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """Lines that are damaged, of this answer alone."""
    good(visit, [damaged(line, chance, lines) + b"\n" if not chance.randrange(3) else line for line in lines], chance)


def noise(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """What is no HTTP."""
    visit.send(chance.randbytes(chance.randrange(1, 200)))
    raise ConnectionAbortedError


def refusing(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """A refusal; after some of them the request is sent again."""
    status = chance.choice((b"400 Bad Request", b"404 Not Found", b"500 Oops", b"503 Busy", b"429 Many"))
    visit.whole(json.dumps({"error": "no"}).encode(), status)


NOBODY = Caller(name="00000000", words=2, kind="chat", tenant="", waits_s=0.0, hurries=False, leaves_after=None)
TENANTS = {"a": attrs.evolve(NOBODY, name="00000001", tenant="a"), "b": attrs.evolve(NOBODY, name="00000002", tenant="b")}
"""Whose name is in the replies of each tenant's connections that nobody asked for."""


def stray_of(visit: Visit, chance: Random) -> bytes:
    """A whole good reply that nobody asked for."""
    kind = chance.choice(("chat", "completion", "embed"))
    return reply_of(body_of(attrs.evolve(TENANTS[tenant_of(visit)], kind=kind)))


def tenant_of(visit: Visit) -> str:
    return visit.path.split("/")[1]


def one_too_many(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """A good answer, and behind it a whole further one that nobody asked for."""
    visit.send(reply_of(lines) + stray_of(visit, chance))


def one_later(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """The same, with the further one some time later, when the next request may be under way.

    Without TCP_NODELAY the kernel would hold it back until the next request confirms what came before.
    """
    visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    visit.send(reply_of(lines))
    gevent.sleep(chance.choice((0.0, 0.002, 0.02)))
    visit.send(stray_of(visit, chance))


def behind(visit: Visit, lines: Sequence[bytes], chance: Random) -> None:
    """A reply that cannot be read, and the answer after it."""
    visit.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    visit.send(reply_of([b"{]\n"]))
    gevent.sleep(chance.choice((0.0, 0.002, 0.02)))
    visit.send(reply_of(lines))


def reply_of(lines: Sequence[bytes]) -> bytes:
    body = b"".join(lines)
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


GOOD = (good, good, with_length, hinted)
UNASKED = frozenset({one_later, behind})
BAD = (held, broken_off, too_short, scrambled, noise, refusing, one_too_many, one_later, behind)


# --- what the callers do -----------------------------------------------------------------------------------------------------------


def call(caller: Caller, url: str) -> Heard:
    """One request from the plugin's side of the SDK to its end."""
    saved: dict[str, Any] = {"base_url": f"{url}/{caller.tenant}", "api_key": caller.tenant}
    if caller.hurries:
        saved |= {"first_byte_timeout": LIMIT_S, "chunk_timeout": LIMIT_S}
    gevent.sleep(caller.waits_s)
    told: list[str] = []
    try:
        if caller.kind == "embed":
            return Heard("".join(str(vector) for vector in embed(saved, [caller.name]).embeddings))
        ask = Ask(model="m", messages=(Message(role=Role.USER, content=caller.name),))
        if caller.kind == "completion":
            saved["mode"] = "completion"
        if caller.kind == "blocking":
            return Heard(str(chat.answer(ask, saved).message.content))
        chunks = chat.stream(ask, saved)
        for count, chunk in enumerate(as_models(chunks)):
            told.append(str(chunk.delta.message.content))
            if caller.leaves_after == count:
                chunks.close()
                return Heard("".join(told), left=True)
    except InvokeError as error:
        return Heard("".join(told), error=type(error).__name__)
    return Heard("".join(told))


def callers_of(chance: Random) -> list[Caller]:
    """Those of one conversation."""
    return [
        Caller(
            name=f"{chance.randrange(10**7, 10**8)}",
            words=chance.randrange(1, MOST_WORDS),
            kind=chance.choice(("chat", "chat", "blocking", "completion", "embed")),
            tenant=chance.choice(tuple(TENANTS)),
            waits_s=chance.choice((0.0, 0.0, 0.002, 0.01, 0.05)),
            hurries=not chance.randrange(3),
            leaves_after=chance.randrange(3) if not chance.randrange(4) else None,
        )
        for _ in range(chance.randrange(1, MOST_CALLERS + 1))
    ]


type Way = Callable[[Visit, Sequence[bytes], Random], None]


def converse(callers: Sequence[Caller], chance: Random) -> tuple[list[Heard], Mapping[str, list[Way]]]:
    """Plays a conversation; gives what each caller was told, and in which ways the server answered each, by name."""
    ways: dict[str, list[Way]] = {caller.name: [] for caller in callers}
    by_name = {caller.name: caller for caller in callers}

    def answer(visit: Visit) -> None:
        told = next((told for route, told in KNOWN.items() if visit.path.endswith(route)), None)
        if told is not None:
            visit.whole(json.dumps(told).encode())
            return
        way, name = chance.choice(GOOD if chance.randrange(2) else BAD), name_in(visit.body)
        ways[name].append(way)
        way(visit, body_of(by_name[name]), chance)

    with serving(answer) as server:
        talking = [gevent.spawn(call, caller, f"http://127.0.0.1:{server.port}") for caller in callers]
        killed = talking[chance.randrange(len(talking))] if not chance.randrange(4) else None
        if killed is not None:
            gevent.spawn_later(chance.choice((0.0, 0.003, 0.02)), killed.kill, block=False)
        gevent.joinall(talking, timeout=HANGS_AFTER_S)
    return [_heard(each) for each in talking], ways


def _heard(talk: gevent.Greenlet) -> Heard:
    if not talk.dead:
        raise StrayAnswerError("a caller was never answered")
    if talk.exception is not None:
        raise StrayAnswerError(f"an error of no class that Dify shows: {talk.exception!r}") from talk.exception
    return talk.value if isinstance(talk.value, Heard) else Heard("", left=True)


def name_in(body: bytes) -> str:
    """Whose request this is."""
    asked = json.loads(body)
    words = asked.get("prompt") or asked.get("input") or asked["messages"][-1]["content"]
    return str(words[0] if isinstance(words, list) else words)


# --- what must hold ----------------------------------------------------------------------------------------------------------------


def check(caller: Caller, heard: Heard, callers: Sequence[Caller], ways: Mapping[str, Sequence[Way]]) -> bool:
    """Whether a caller was told the words of another of its tenant, as their server may have willed it. Raises StrayAnswerError."""
    own_ways = ways.get(caller.name, ())
    others = [other for other in (*callers, *TENANTS.values()) if other is not caller and _holds(heard.text, other)]
    is_willed = any(UNASKED.intersection(ways.get(other.name, ())) for other in callers if other.tenant == caller.tenant)
    if any(other.tenant != caller.tenant or not is_willed for other in others):
        raise StrayAnswerError(f"{caller} was told the words of another: {heard.text!r}; the server was {_names(own_ways)}")
    wanted = str(caller.vector) if caller.kind == "embed" else caller.text
    if not (heard.text == wanted or heard.error or heard.left or others or scrambled in own_ways):
        raise StrayAnswerError(f"{caller} was told {heard.text!r} and no error; the server was {_names(own_ways)}")
    return bool(others)


def _holds(text: str, caller: Caller) -> bool:
    return caller.name in text or str(caller.vector) in text


def _names(ways: Sequence[Way]) -> str:
    return ", ".join(way.__name__ for way in ways) or "not asked"


def converse_and_check(place: str) -> Figures:
    """One conversation, which its place in a run settles. Raises StrayAnswerError with what is needed to see it again."""
    chance = Random(place)
    callers = callers_of(chance)
    figures = Figures(conversations=1)
    try:
        found, ways = converse(callers, chance)
        for caller, heard in zip(callers, found, strict=True):
            strays = check(caller, heard, callers, ways)
            whole = not heard.error and not heard.left
            figures.add(Figures(calls=1, errors=bool(heard.error), left=heard.left, whole=whole, strays=strays))
    except StrayAnswerError as error:
        raise StrayAnswerError(f"seed and conversation {place}: {error}") from error
    return figures


def fuzz_conversations(count: int, seed: int, start: int = 0) -> Figures:
    """Plays so many conversations, some at a time. Raises StrayAnswerError with the first that goes wrong."""
    figures = Figures()
    places = [f"{seed}/{number}" for number in range(start, start + count)]
    for each in Pool(AT_ONCE).imap_unordered(converse_and_check, places):
        figures.add(each)
    return figures

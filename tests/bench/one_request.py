"""Where the CPU of one request goes, stage by stage in the whole way: a real connection, and everything else but the two pipes.

Beside each stage stands what it cannot be better than. Then a burst over stdio: many requests at once, each with an answer of one token.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import orjson
from dify_plugin import LargeLanguageModel
from dify_plugin.errors.model import InvokeBadRequestError
from gevent import monkey

from plugin_entry.dify.frames import text_chunk
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.network.bridge import Bridge, OpenReply
from plugin_entry.network.client import Call
from tests.bench.bare import BODY_END, READ, request
from tests.bench.cost import best_us
from tests.bench.host import BARE, OURS, PLAIN, Host, chat, load_server
from tests.bench.plain_plugin.models.llm import PlainLanguageModel
from tests.bench.replies import TEXT
from tests.bench.report import BOUND, Line, Size
from tests.bench.route import PLUGIN, Nowhere, SilentBridge, execute, frames_to_nowhere, request_line, requests_of, way

ONE, WARM = "text:1:0", 5
READ_LINE, VALIDATED, PLANNED = "dify: line to request", "SDK: checks and the way to the model", "serving: plan and body"
ANSWERED, FRAMED = "network: request sent, head read", "network to dify: body to first frame"
ENDED = "the rest: last frame, end, clean-up"
BESIDE = {
    READ_LINE: "orjson alone",
    VALIDATED: "the SDK with a model that does nothing",
    PLANNED: "orjson writes the body",
    ANSWERED: "a socket that sends it and is read to the end",
    FRAMED: "orjson reads a line and writes a frame",
    ENDED: "the same twice",
}
"""The stages, and what each of them cannot be better than."""
BURST_GOAL = 0.29


class Marks:
    """The CPU clock of this process at the end of each stage of the request that runs, in nanoseconds. The first time counts."""

    at: ClassVar[dict[str, int]] = {}

    @classmethod
    def mark(cls, stage: str) -> None:
        """A stage ends."""
        cls.at.setdefault(stage, time.process_time_ns())

    @classmethod
    def us(cls) -> dict[str, float]:
        """Microseconds of each stage that ended, in their order."""
        return {stage: (end - before) / 1e3 for (_, before), (stage, end) in pairwise(cls.at.items())}


class MarkedBridge(Bridge):
    """Marks before and after the request is sent."""

    def open(self, call: Call) -> OpenReply:
        """As Bridge does."""
        Marks.mark(PLANNED)
        reply = super().open(call)
        Marks.mark(ANSWERED)
        return reply


class MarkedModel(OllamaLargeLanguageModel):
    """Ours."""

    def _invoke(self, *arguments: Any, **more: Any) -> Any:
        Marks.mark(VALIDATED)
        return super()._invoke(*arguments, **more)


class SilentModel(PlainLanguageModel):
    """One that says nothing: what the SDK takes to get there."""

    def _invoke(self, *_: object, **more: object) -> Any:
        Marks.mark(VALIDATED)
        return iter(())


class MarkedNowhere(Nowhere):
    """Marks the first frame."""

    def write(self, data: bytes, owner: object = None) -> None:
        """Forgets it."""
        Marks.mark(FRAMED)
        super().write(data, owner)


def staged(line: bytes, times: int, model: LargeLanguageModel) -> dict[str, float]:
    """Medians of each stage, one request after the other. The first ones open connections and ask about the model: they are left out."""
    found: list[dict[str, float]] = []
    with PLUGIN.answered_by(model), frames_to_nowhere(MarkedNowhere()):
        for _ in range(WARM + times):
            Marks.at.clear()
            Marks.mark("")
            (request,) = requests_of(line, 1)
            Marks.mark(READ_LINE)
            execute(request)
            Marks.mark(ENDED)
            found.append(Marks.us())
    return {stage: statistics.median(each[stage] for each in found[WARM:]) for stage in found[-1]}


def stages(size: Size) -> list[Line]:
    """One short request, and one with a conversation and tools."""
    with load_server() as port:
        return [
            *_staged_lines(request_line(port=port), "", port, size.requests),
            *_staged_lines(request_line(turns=20, tools=3, port=port), ", 20 turns and 3 tools", port, size.requests),
        ]


def _staged_lines(line: bytes, name: str, port: int, times: int) -> list[Line]:
    bridge, silent = MarkedBridge(), SilentBridge()
    with way(bridge):
        ours = staged(line, times, MarkedModel([]))
    bridge.close()
    with way(silent), suppress(InvokeBadRequestError):
        execute(*requests_of(line, 1))
    bounds = _bounds(line, silent.body, port, times)
    rows = [
        Line(
            what=f"{stage}{name}",
            ours=us,
            unit="us/request",
            beside={BOUND: bounds[stage]},
            more=f"{us / sum(ours.values()):.0%}; {BESIDE[stage]}",
        )
        for stage, us in ours.items()
    ]
    return [*rows, Line(what=f"all of it{name}", ours=sum(ours.values()), unit="us", beside={BOUND: sum(bounds.values())})]


def _bounds(line: bytes, body: bytes, port: int, times: int) -> dict[str, float]:
    """By stage, as BESIDE says."""
    plain, frame = orjson.loads(body), text_chunk("m", 0, "The")

    def line_to_frame() -> None:
        orjson.loads(TEXT[0])
        orjson.dumps({"event": "session", "session_id": "s", "data": {"type": "stream", "data": frame}})

    with _connected(port) as ask:
        sent = statistics.median(best_us(ask, 1) for _ in range(times))
    once = best_us(line_to_frame, times)
    return {
        READ_LINE: best_us(partial(orjson.loads, line), times),
        VALIDATED: staged(line, times, SilentModel([]))[VALIDATED],
        PLANNED: best_us(partial(orjson.dumps, plain), times),
        ANSWERED: sent,
        FRAMED: once,
        ENDED: 2 * once,
    }


@contextmanager
def _connected(port: int) -> Iterator[Callable[[], None]]:
    """Asks over one connection that is kept, and waits for the whole answer; not patched by gevent."""
    sock = monkey.get_original("socket", "socket")()
    sock.connect(("127.0.0.1", port))
    asked = request(ONE, port)

    def ask() -> None:
        sock.sendall(asked)
        tail = b""
        while not tail.endswith(BODY_END):
            tail = tail[-len(BODY_END) :] + sock.recv(READ)

    try:
        yield ask
    finally:
        sock.close()


def burst(size: Size) -> list[Line]:
    """CPU of the whole process per request, in turn with the others; the first round, which opens connections, is left out."""
    rounds: list[dict[str, float]] = []
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours, Host(BARE) as bare:
        hosts = (plain, ours, bare)
        for host in hosts:
            host.wait_until_idle()
            host.ask(chat(ONE, port))
        for _ in range(size.rounds + 1):
            rounds.append({host.name: _burst_us(host, port, size.requests) for host in hosts})
    us = {host.name: statistics.median(found[host.name] for found in rounds[1:]) for host in hosts}
    what, mine = f"{size.requests} requests at once, medians of {size.rounds} rounds", us.pop(OURS.name)
    return [Line(what=what, ours=mine, unit="us each", beside=us, goal=f"{BURST_GOAL} x {PLAIN.name}")]


def _burst_us(host: Host, port: int, requests: int) -> float:
    cpu = host.cpu_s
    replies = host.ask_all([chat(ONE, port) for _ in range(requests)])
    used = host.cpu_s - cpu
    if errors := [reply.error for reply in replies if reply.error]:
        raise SystemExit(f"{host.name}: {len(errors)} of {requests} requests failed: {errors[0]}")
    return used / requests * 1e6

"""Where the CPU of one request goes, stage by stage in the whole way: a real connection, and everything else but the two pipes.

Beside each stage stands what it cannot be better than. Then a burst over stdio: many requests at once, each with an answer of one token.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from dify_plugin import LargeLanguageModel
from gevent import monkey

from plugin_entry.dify.objects import text_chunk
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.network.bridge import Bridge, OpenReply
from plugin_entry.network.client import Call
from tests.bench.bare import BODY_END, READ, body_of, request
from tests.bench.cost import best_us
from tests.bench.host import BARE, OURS, PLAIN, Host, chat, load_server
from tests.bench.plain_plugin.models.llm import PlainLanguageModel
from tests.bench.replies import TEXT
from tests.bench.report import BOUND, Line, Size
from tests.bench.route import PLUGIN, Nowhere, execute, frames_to_nowhere, request_line, requests_of, way

ONE = "text:1:0"
READ_LINE, VALIDATED, PLANNED, ANSWERED, FRAMED, ENDED = STAGES = (
    "dify: line to request",
    "SDK: checks and the way to the model",
    "serving: plan and body",
    "network: request sent, head read",
    "translator and dify: first frame",
    "the rest: last frame, end, clean-up",
)
BURST_GOAL = 0.29


class Marks:
    """The CPU clock of this process at the end of each stage of one request, in nanoseconds. The first time counts."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {"": time.process_time_ns()}

    def mark(self, stage: str) -> None:
        """A stage ends."""
        self.at.setdefault(stage, time.process_time_ns())

    def us(self) -> dict[str, float]:
        """Microseconds of each stage that ended, in their order."""
        ends = list(self.at.values())
        return {stage: (end - before) / 1e3 for (stage, end), before in zip(list(self.at.items())[1:], ends, strict=False)}


class Marked:
    """Stands for the marks of the request that runs."""

    marks = Marks()


class MarkedBridge(Bridge):
    """Marks before and after the request is sent."""

    def open(self, call: Call) -> OpenReply:
        """As Bridge does."""
        Marked.marks.mark(PLANNED)
        reply = super().open(call)
        Marked.marks.mark(ANSWERED)
        return reply


class MarkedModel(OllamaLargeLanguageModel):
    """Ours."""

    def _invoke(self, *arguments: Any, **more: Any) -> Any:
        Marked.marks.mark(VALIDATED)
        return super()._invoke(*arguments, **more)


class SilentModel(PlainLanguageModel):
    """One that says nothing: what the SDK takes to get there."""

    def _invoke(self, *_: object, **more: object) -> Any:
        Marked.marks.mark(VALIDATED)
        return iter(())


class MarkedNowhere(Nowhere):
    """Marks the first frame."""

    def write(self, data: bytes, owner: object = None) -> None:
        """Forgets it."""
        Marked.marks.mark(FRAMED)
        super().write(data, owner)


def staged(line: bytes, times: int, model: LargeLanguageModel) -> dict[str, float]:
    """Medians of each stage, one request after the other; the first ones, which open connections and ask about the model, are left out."""
    found: list[dict[str, float]] = []
    with PLUGIN.answered_by(model), frames_to_nowhere(MarkedNowhere()):
        for _ in range(times + WARM):
            Marked.marks = marks = Marks()
            (request,) = requests_of(line, 1)
            marks.mark(READ_LINE)
            execute(request)
            marks.mark(ENDED)
            found.append(marks.us())
    return {stage: statistics.median(each[stage] for each in found[WARM:]) for stage in found[-1]}


WARM = 5


def stages(size: Size) -> list[Line]:
    """One short request, and one with a conversation and tools."""
    with load_server() as port:
        bounds = _bounds(port, size.requests)
        lines = []
        for name, line in (("", request_line(port=port)), (", 20 turns and 3 tools", request_line(turns=20, tools=3, port=port))):
            bridge = MarkedBridge()
            with way(bridge):
                ours = staged(line, size.requests, MarkedModel([]))
            bridge.close()
            sdk = staged(line, size.requests, SilentModel([]))
            beside = bounds | {READ_LINE: best_us(lambda line=line: orjson.loads(line), size.requests), VALIDATED: sdk[VALIDATED]}
            lines += _lines(ours, beside, name)
    return lines


def _lines(ours: dict[str, float], bounds: dict[str, float], name: str) -> list[Line]:
    whole = sum(ours.values())
    rows = [
        Line(what=f"{stage}{name}", ours=us, unit="us/request", beside={BOUND: bounds[stage]}, more=f"{us / whole:.0%}; {BESIDE[stage]}")
        for stage, us in ours.items()
    ]
    return [*rows, Line(what=f"all of it{name}", ours=whole, unit="us", beside={BOUND: sum(bounds[stage] for stage in ours)})]


BESIDE = {
    READ_LINE: "orjson alone",
    VALIDATED: "the SDK with a model that does nothing",
    PLANNED: "orjson writes the body",
    ANSWERED: "a socket that sends it and is read once",
    FRAMED: "orjson reads a line and writes a frame",
    ENDED: "the same twice",
}


def _bounds(port: int, times: int) -> dict[str, float]:
    """What does not depend on the request's size, or hardly."""
    body, frame = json.loads(body_of(ONE)), text_chunk("m", 0, "The")

    def line_to_frame() -> None:
        orjson.loads(TEXT[0])
        orjson.dumps({"event": "session", "session_id": "s", "data": {"type": "stream", "data": frame}})

    with _connected(port) as ask:
        sent = statistics.median(best_us(ask, 1) for _ in range(times))
    once = best_us(line_to_frame, times)
    return {PLANNED: best_us(lambda: orjson.dumps(body), times), ANSWERED: sent, FRAMED: once, ENDED: 2 * once}


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
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours, Host(BARE) as bare:
        found: dict[str, list[float]] = {host.name: [] for host in (plain, ours, bare)}
        for host in (plain, ours, bare):
            host.wait_until_idle()
            host.ask(chat(ONE, port))
        for _ in range(size.rounds + 1):
            for host in (plain, ours, bare):
                found[host.name].append(_burst_us(host, port, size.requests))
    us = {name: statistics.median(each[1:]) for name, each in found.items()}
    return [
        Line(
            what=f"{size.requests} requests at once",
            ours=us.pop(OURS.name),
            unit="us each",
            beside=us,
            goal=f"{BURST_GOAL} x {PLAIN.name}",
            more=f"medians of {size.rounds} rounds",
        )
    ]


def _burst_us(host: Host, port: int, requests: int) -> float:
    cpu = host.cpu_s
    replies = host.ask_all([chat(ONE, port) for _ in range(requests)])
    used = host.cpu_s - cpu
    if errors := [reply.error for reply in replies if reply.error]:
        raise SystemExit(f"{host.name}: {len(errors)} of {requests} requests failed: {errors[0]}")
    return used / requests * 1e6

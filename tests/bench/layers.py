"""Each room alone, in this process: microseconds of CPU per token, and the memory it takes on the way."""

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

import attrs
import orjson
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter

from plugin_entry import frames
from plugin_entry.bridge import Bridge
from plugin_entry.sdk_chunks import chunks_to_sdk
from tests.bench.load_server import CALL, WORDS, line, said
from tests.bench.report import Line, Size
from tests.loopback import END, HEAD, Visit, serving
from translator.response.chunks import Chunk, chunks_with_thinking
from translator.response.decode import line_to_events
from translator.response.lines import LineSplitter
from translator.response.machine import Machine
from translator.response.stream import ReplyStream
from translator.shapes.events import Delta, Event, WireEvent

READ = 64 * 1024
YOUNG = 1
"""The generations in which the objects of a job are."""
LAST = line("", done=True, done_reason="stop", prompt_eval_count=26, eval_count=282)

type Job = Callable[[], int]
"""Gives how many things came out of it: lines, events, deltas or frames."""


@attrs.frozen(kw_only=True)
class Cost:
    """Of one job. `peak_kb` is the most memory it held at once, `left` the blocks it left behind per 1,000 tokens."""

    us_per_token: float
    us_per_output: float
    peak_kb: float
    left: float


def measured(job: Job, tokens: int, repeats: int) -> Cost:
    """The best of a few runs, and one more that looks at memory and is not timed."""
    best, outputs = float("inf"), 1
    for _ in range(repeats):
        began = time.process_time()
        outputs = job()
        best = min(best, time.process_time() - began)
    gc.collect(YOUNG)
    before = sys.getallocatedblocks()
    job()
    gc.collect(YOUNG)
    left = sys.getallocatedblocks() - before
    tracemalloc.start()
    job()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    micros = best * 1e6
    return Cost(us_per_token=micros / tokens, us_per_output=micros / max(outputs, 1), peak_kb=peak / 1e3, left=left / tokens * 1e3)


def new_stream() -> ReplyStream:
    """A reply like the plugin's; ids are never the same twice."""
    numbers = count()
    return ReplyStream(model="m", new_id=lambda: f"call_new_{next(numbers)}", estimate_prompt=lambda: 1)


def lines(tokens: int) -> list[bytes]:
    """Reply lines of one token each."""
    return [line(WORDS[number % len(WORDS)]) for number in range(tokens)]


def thinking_lines(tokens: int) -> list[bytes]:
    """Nine tokens of ten are thinking."""
    return [said({"thinking": WORDS[number % len(WORDS)]}) for number in range(tokens * 9 // 10)] + lines(tokens - tokens * 9 // 10)


def tool_lines(tokens: int) -> list[bytes]:
    """Every line calls a tool."""
    return [said({"tool_calls": [CALL]}) for _ in range(tokens)]


def feed(parts: Iterable[bytes]) -> int:
    """A whole reply through the translator; gives the number of deltas."""
    stream = new_stream()
    return sum(len(stream.feed(part)) for part in parts)


def framing(data: bytes) -> int:
    """Bytes to lines."""
    return len(LineSplitter().feed(data))


def json_alone(rows: list[bytes]) -> int:
    """What no decoder can avoid."""
    for row in rows:
        orjson.loads(row)
    return len(rows)


def decoding(rows: list[bytes]) -> int:
    """Lines to events."""
    return sum(len(tuple(line_to_events(row, number, "m"))) for number, row in enumerate(rows))


def machine(events: list[WireEvent]) -> int:
    """Events to deltas."""
    walker = Machine(model="m", new_id=lambda: "id", estimate_prompt=lambda: 1)
    for event in events:
        walker.feed(event)
    return len(walker.out.take())


class Nowhere:
    """Takes frames and keeps none."""

    def write(self, data: bytes) -> None:
        """Forgets it."""

    def offer(self, data: bytes) -> bool:
        """Forgets it, too."""
        return True


class PlainWriter(StdioResponseWriter):
    """The SDK's own writer, without the writing."""

    def write(self, data: str) -> None:
        """Forgets it."""


@contextmanager
def frames_to_nowhere() -> Iterator[None]:
    """The frame writer of the plugin, without its descriptor."""
    before = vars(frames.FrameWriter).get("output")
    frames.FrameWriter.output = Nowhere()  # type: ignore[assignment]  # as much of an output as the writer uses
    try:
        yield
    finally:
        if before is None:
            del frames.FrameWriter.output
        else:
            frames.FrameWriter.output = before


def framed(writer: StdioResponseWriter, chunks: Iterable[Chunk]) -> int:
    """Chunks to frames, as the SDK drives it."""
    written = 0
    for chunk in chunks_to_sdk("m", iter(chunks), 0.0):
        writer.session_message("session", writer.stream_object(chunk))
        written += 1
    return written


def whole_reply(parts: Iterable[bytes]) -> int:
    """Reply lines to frames: translator, chunks and writer; gives the number of frames."""

    def deltas() -> Iterator[Delta]:
        stream = new_stream()
        for part in parts:
            yield from stream.feed(part)
        yield from stream.end()

    return framed(frames.FrameWriter(), chunks_with_thinking(deltas()))


def bridged(bridge: Bridge, data: bytes) -> int:
    """Bytes of a real connection to a greenlet; the sending greenlet's share is in the figure."""

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        for part in cut(data):
            visit.chunk(part)
        visit.send(END)

    with serving(answer) as server:
        return len(bridge.open(server.call()).body()) // READ + 1


def cut(data: bytes) -> list[bytes]:
    """As a busy process reads it."""
    return [data[at : at + READ] for at in range(0, len(data), READ)]


def jobs(tokens: int, bridge: Bridge) -> dict[str, Job]:
    """Every layer, from the wire to the frame."""
    texts = lines(tokens)
    data = b"".join(texts)
    events = [WireEvent(Event.TEXT, WORDS[number % len(WORDS)]) for number in range(tokens)]
    chunks = [Chunk(WORDS[number % len(WORDS)]) for number in range(tokens)]
    return {
        "bridge, 64 KiB a read": partial(bridged, bridge, data),
        "framing": partial(framing, data),
        "JSON alone (for comparison)": partial(json_alone, texts),
        "decoding": partial(decoding, texts),
        "state machine": partial(machine, events),
        "translator, 64 KiB a read": partial(feed, cut(data)),
        "translator, a token a read": partial(feed, texts),
        FLOOR: partial(framed, PlainWriter(), chunks),
        "chunks and frames, a token each": partial(framed, frames.FrameWriter(), chunks),
        "wire to frames, text": partial(whole_reply, [*texts, LAST]),
        "wire to frames, nine tenths thinking": partial(whole_reply, [*thinking_lines(tokens), LAST]),
        "wire to frames, a tool call a line": partial(whole_reply, [*tool_lines(tokens), LAST]),
    }


FLOOR = "the SDK's writer alone (floor)"


def layers(size: Size) -> list[Line]:
    """All layers, beside the SDK's own writer."""
    bridge = Bridge()
    try:
        with frames_to_nowhere():
            costs = {name: measured(job, size.tokens, size.repeats) for name, job in jobs(size.tokens, bridge).items()}
    finally:
        bridge.close()
    floor = costs[FLOOR].us_per_token
    return [_line(name, cost, floor) for name, cost in costs.items()]


def _line(name: str, cost: Cost, floor: float) -> Line:
    more = f"{cost.us_per_output:.2f} us per output, {cost.peak_kb:,.0f} kB at most, {cost.left:.1f} blocks left per 1,000 tokens"
    compared: dict[str, Any] = {} if name == FLOOR else {"beside": floor, "beside_name": "floor"}
    return Line(what=name, ours=cost.us_per_token, unit="us/token", more=more, **compared)

"""Each room alone, in this process: microseconds of CPU per token or per request, and the memory it takes on the way."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import count

import attrs
import orjson
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter

from plugin_entry.dify import frames
from plugin_entry.dify.objects import chunk_to_sdk
from plugin_entry.network.bridge import Bridge
from tests.bench.cost import Cost, Job, measured
from tests.bench.load_server import WORDS
from tests.bench.replies import LAST, READ, cut, lines, thinking_lines, tool_lines
from tests.bench.report import Line, Size
from tests.bench.route import ScriptedBridge, SilentBridge, frames_to_nowhere, plan, request_line, requests_of, serve, way
from tests.servers.loopback import END, HEAD, Visit, serving
from translator.response.chunks import Chunk, deltas_to_chunks
from translator.response.decode import line_to_events
from translator.response.lines import LineSplitter
from translator.response.machine import Machine
from translator.response.stream import ReplyStream
from translator.shapes.dify import ToolCall
from translator.shapes.events import Event, TextDelta, WireEvent

FLOOR = "the SDK's writer alone (floor)"
A_CALL = Chunk(tool_calls=(ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}'),))


@attrs.frozen(kw_only=True)
class Layer:
    """A job, for so many tokens or requests, and what it needs around it."""

    job: Job
    per: str = "token"
    many: int
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def new_stream() -> ReplyStream:
    """A reply like the plugin's; ids are never the same twice."""
    numbers = count()
    return ReplyStream(model="m", new_id=lambda: f"call_new_{next(numbers)}", estimate_prompt=lambda: 1)


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


def chunking(deltas: list[TextDelta]) -> int:
    """Deltas to Dify's chunks."""
    return sum(1 for _ in deltas_to_chunks(deltas))


class PlainWriter(StdioResponseWriter):
    """The SDK's own writer, without the writing."""

    def write(self, data: str) -> None:
        """Forgets it."""


def framed(writer: StdioResponseWriter, chunks: Iterable[Chunk]) -> int:
    """Chunks to frames, as the SDK drives it."""
    written = 0
    for index, chunk in enumerate(chunks):
        writer.session_message("session", writer.stream_object(chunk_to_sdk("m", index, chunk, 0.0)))
        written += 1
    return written


def bridged(bridge: Bridge, reads: list[bytes]) -> int:
    """Bytes of a real connection to a greenlet; the sending greenlet's share is in the figure."""

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        for part in reads:
            visit.chunk(part)
        visit.send(END)

    with serving(answer) as server:
        return len(bridge.open(server.call()).body()) // READ + 1


def planned(line: bytes, requests: int) -> int:
    """Request lines to the bodies of requests."""
    plan(requests_of(line, requests))
    return requests


def answered(requests: int) -> int:
    """Request lines to the last frames of answers, whose lines are here already; gives the number of frames."""
    with frames_to_nowhere() as nowhere:
        serve(requests_of(request_line(), requests))
    return nowhere.taken


def whole(parts: Sequence[bytes], tokens: int) -> Layer:
    """The plugin's own way of one answer, a line a read."""
    return Layer(job=partial(answered, 1), many=tokens, around=partial(way, ScriptedBridge([*parts, LAST])))


def layers_of(size: Size, bridge: Bridge) -> dict[str, Layer]:
    """Every room, from the request line to the last frame."""
    texts = lines(size.tokens)
    events = [WireEvent(Event.TEXT, WORDS[number % len(WORDS)]) for number in range(size.tokens)]
    said = [WORDS[number % len(WORDS)] for number in range(size.tokens)]
    chunks = [Chunk(text) for text in said]

    def asked(line: bytes) -> Layer:
        return Layer(job=partial(planned, line, size.requests), per="request", many=size.requests, around=partial(way, SilentBridge()))

    def of_tokens(job: Callable[..., int], *arguments: object) -> Layer:
        return Layer(job=partial(job, *arguments), many=size.tokens)

    return {
        "request: JSON line to body": asked(request_line()),
        "the same, 20 turns and 3 tools": asked(request_line(turns=20, tools=3)),
        "request and an answer of one token": Layer(
            job=partial(answered, size.requests), per="request", many=size.requests, around=partial(way, ScriptedBridge([*lines(1), LAST]))
        ),
        "bridge, 64 KiB a read": of_tokens(bridged, bridge, cut(texts)),
        "bridge, a token a read": of_tokens(bridged, bridge, texts),
        "framing": of_tokens(framing, b"".join(texts)),
        "JSON alone (for comparison)": of_tokens(json_alone, texts),
        "decoding": of_tokens(decoding, texts),
        "state machine": of_tokens(machine, events),
        "translator, 64 KiB a read": of_tokens(feed, cut(texts)),
        "translator, a token a read": of_tokens(feed, texts),
        "chunks": of_tokens(chunking, [TextDelta(text) for text in said]),
        FLOOR: of_tokens(framed, PlainWriter(), chunks),
        "frames of text": of_tokens(framed, frames.FrameWriter(), chunks),
        "frames of tool calls": of_tokens(framed, frames.FrameWriter(), [A_CALL] * size.tokens),
        "request line to frames, text": whole(texts, size.tokens),
        "the same, nine tenths thinking": whole(thinking_lines(size.tokens), size.tokens),
        "the same, a tool call a line": whole(tool_lines(size.tokens), size.tokens),
    }


def layers(size: Size) -> list[Line]:
    """All layers, beside the SDK's own writer."""
    bridge = Bridge()
    try:
        with frames_to_nowhere():
            costs = {name: (layer, _cost(layer, size.repeats)) for name, layer in layers_of(size, bridge).items()}
    finally:
        bridge.close()
    floor = costs[FLOOR][1].us_per_token
    return [_line(name, layer, cost, floor) for name, (layer, cost) in costs.items()]


def _cost(layer: Layer, repeats: int) -> Cost:
    with layer.around():
        return measured(layer.job, layer.many, repeats)


def _line(name: str, layer: Layer, cost: Cost, floor: float) -> Line:
    is_compared = layer.per == "token" and name != FLOOR
    return Line(what=name, ours=cost.us_per_token, unit=f"us/{layer.per}", beside={"floor": floor} if is_compared else {}, more=cost.more)

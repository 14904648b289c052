"""Each room alone, in this process, beside what it cannot be better than: CPU per token, and the memory it takes on the way.

The bounds are measured in the same run: a socket that is only read, orjson alone, one `write` per frame. Beside the whole way stands what
the SDK takes for ready chunks, alone with its own writer (floor) and with a writer that only dumps.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, cast

import attrs
import gevent
import orjson
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from gevent import socket

from plugin_entry.dify.frames import FrameWriter
from plugin_entry.dify.objects import SdkChunk, chunk_to_sdk, text_chunk
from plugin_entry.dify.output import FrameOutput
from plugin_entry.network.bridge import Bridge
from plugin_entry.serving import chat
from tests.bench.bare import BODY_END
from tests.bench.bare import READ as BARE_READ
from tests.bench.cost import Job, measured
from tests.bench.load_server import WORDS
from tests.bench.parsers import MOST_CALLS, feed
from tests.bench.plain_plugin.models.llm import PlainLanguageModel
from tests.bench.replies import LAST, READ, cut, lines, thinking_lines, tool_lines
from tests.bench.report import BOUND, Line, Size
from tests.bench.route import PLUGIN, ScriptedBridge, frames_to_nowhere, request_line, requests_of, serve, way
from tests.servers.loopback import END, HEAD, Visit, serving
from translator.response.chunks import Chunk
from translator.shapes.dify import Message, Role
from translator.turn import Ask

FLOOR = "floor"
SDK = "SDK's way"
READER, JSON = "a socket that is only read", "orjson alone"
WHOLE = "request line to frames: "


@attrs.frozen(kw_only=True)
class Layer:
    """A job for so many tokens, its bound with a name, and what both need around them."""

    job: Job
    bound: Job
    many: int
    beside: str = ""
    per: str = "token"
    around: Callable[[], AbstractContextManager[object]] = nullcontext


def json_alone(rows: Sequence[bytes]) -> int:
    """What no decoder can avoid."""
    for row in rows:
        orjson.loads(row)
    return len(rows)


def bridged(bridge: Bridge, reads: Sequence[bytes]) -> int:
    """Bytes of a connection to a greenlet; the sending greenlet's share is in the figure, and in its bound."""
    with serving(partial(_send, reads)) as server:
        return len(bridge.open(server.call()).body()) // READ + 1


def read_alone(reads: Sequence[bytes]) -> int:
    """The same connection, whose bytes nobody looks at."""
    with serving(partial(_send, reads)) as server, socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\n\r\n")
        received = 1
        while not sock.recv(BARE_READ).endswith(BODY_END):
            received += 1
        return received


def _send(reads: Sequence[bytes], visit: Visit) -> None:
    visit.send(HEAD)
    for part in reads[:-1]:
        visit.chunk(part)
    visit.send(b"%x\r\n%b\r\n%b" % (len(reads[-1]), reads[-1], END))


def chunked() -> int:
    """An answer whose reads are here already, to the objects that the SDK is handed."""
    ask = Ask(model="m", messages=(Message(role=Role.USER, content="Why is the sky blue?"),))
    return sum(1 for _ in chat.stream(ask, json.loads(request_line())["data"]["credentials"]))


def fed() -> int:
    """The same answer, and only the translator reads it."""
    reply = chat.CHAT.bridge.open(cast("Any", None))
    return feed(reply.bursts())


def framed(writer: StdioResponseWriter, objects: Sequence[SdkChunk]) -> int:
    """The SDK's objects to frames, as the SDK drives it."""
    for each in objects:
        writer.session_message("session", writer.stream_object(each))
    return len(objects)


def dumped(objects: Sequence[SdkChunk]) -> int:
    """The least that makes frames of them."""
    for each in objects:
        orjson.dumps({"event": "session", "session_id": "session", "data": {"type": "stream", "data": each}})
    return len(objects)


def written(write: Callable[[bytes], object], frames: Sequence[bytes]) -> int:
    """One frame in each turn of the hub, so that no two leave together."""
    for frame in frames:
        write(frame)
        gevent.sleep(0)
    return len(frames)


def answered(requests: int) -> int:
    """Request lines to the last frames of answers, whose lines are here already; gives the number of frames."""
    with frames_to_nowhere() as nowhere:
        serve(requests_of(request_line(), requests))
    return nowhere.taken


class PlainWriter(StdioResponseWriter):
    """The SDK's own writer, without the writing."""

    def write(self, data: str) -> None:
        """Forgets it."""


class DumpingWriter(PlainWriter):
    """A writer that dumps once and does nothing else."""

    def put(self, event: Any, session_id: str | None = None, data: Any = None) -> None:
        """Forgets it."""
        orjson.dumps({"event": event.value, "session_id": session_id, "data": data})

    def stream_object(self, data: Any) -> Any:
        """As it is."""
        return {"type": "stream", "data": data}


class ReadyModel(PlainLanguageModel):
    """Has all its chunks before it is asked, and gives one in each turn of the hub."""

    def __init__(self, objects: Sequence[SdkChunk]) -> None:
        super().__init__([])
        self._objects = objects

    def _invoke(self, *_: object, **more: object) -> Any:
        for each in self._objects:
            gevent.sleep(0)
            yield each


def relayed(objects: Sequence[SdkChunk]) -> int:
    """The SDK's share of an answer: its generators, and a dump per chunk."""
    (request,) = requests_of(request_line(), 1)
    with PLUGIN.answered_by(ReadyModel(objects)):
        PLUGIN._execute_request(request.session_id, request.data, request.reader, DumpingWriter())
    return len(objects)


@contextmanager
def no_output() -> Iterator[int]:
    """A descriptor that takes everything."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def layers_of(size: Size, bridge: Bridge, descriptor: int) -> dict[str, Layer]:
    """Every room, in the order in which a token passes them, and then all of them together."""
    rows = {"text": lines(size.tokens), "thinking": thinking_lines(size.tokens), "tool calls": tool_lines(min(size.tokens, MOST_CALLS))}
    objects = [text_chunk("m", number, WORDS[number % len(WORDS)]) for number in range(size.tokens)]
    frames = [orjson.dumps(each) + b"\n\n" for each in objects]

    def layer(job: Job, bound: Job, beside: str, row: Sequence[bytes] = rows["text"], **more: Any) -> Layer:
        return Layer(job=job, bound=bound, beside=beside, many=len(row), **more)

    def whole(row: Sequence[bytes], **more: Any) -> Layer:
        around = partial(way, ScriptedBridge([*row, LAST]))
        return layer(partial(answered, 1), partial(relayed, objects[: len(row)]), "", row, around=around, **more)

    reads, output = {"64 KiB a read": cut(rows["text"]), "a token a read": rows["text"]}, FrameOutput(descriptor)
    calls = {"text": {}, "thinking": {}, "tool calls": {"per": "call"}}
    return (
        {f"network: {name}": layer(partial(bridged, bridge, parts), partial(read_alone, parts), READER) for name, parts in reads.items()}
        | {"translator: text, 64 KiB a read": layer(partial(feed, cut(rows["text"])), partial(json_alone, rows["text"]), JSON)}
        | {
            f"translator: {kind}, a token a read": layer(partial(feed, row), partial(json_alone, row), JSON, row, **calls[kind])
            for kind, row in rows.items()
        }
        | {
            "serving: reads to the SDK's objects": layer(
                chunked, fed, "the translator alone", around=partial(way, ScriptedBridge([*rows["text"], LAST]))
            ),
            "dify: objects to frames": layer(partial(framed, FrameWriter(), objects), partial(dumped, objects), JSON),
            "dify: frames out": layer(
                partial(written, output.write, frames), partial(written, partial(os.write, descriptor), frames), "one write per frame"
            ),
        }
        | {f"{WHOLE}{kind}": whole(row, **calls[kind]) for kind, row in rows.items()}
    )


def layers(size: Size) -> list[Line]:
    """All layers; beside the whole stands the SDK's own writer, too."""
    chunks = [chunk_to_sdk("m", number, Chunk(WORDS[number % len(WORDS)]), 0.0) for number in range(size.tokens)]
    floor = measured(partial(framed, PlainWriter(), chunks), size.tokens, size.repeats).us_per_token
    bridge = Bridge()
    try:
        with no_output() as descriptor, frames_to_nowhere():
            return [_line(name, layer, size.repeats, floor) for name, layer in layers_of(size, bridge, descriptor).items()]
    finally:
        bridge.close()


def _line(name: str, layer: Layer, repeats: int, floor: float) -> Line:
    with layer.around():
        ours, bound = (measured(job, layer.many, repeats) for job in (layer.job, layer.bound))
    beside = {SDK: bound.us_per_token, FLOOR: floor} if name.startswith(WHOLE) else {BOUND: bound.us_per_token}
    more = f"{ours.peak_kb:,.0f} kB at most, {ours.left:.1f} blocks left per 1,000"
    return Line(what=name, ours=ours.us_per_token, unit=f"us/{layer.per}", beside=beside, more=f"{more}; {layer.beside}".rstrip("; "))

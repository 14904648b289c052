"""Each room alone, in this process, beside what it cannot be better than: microseconds of CPU per token.

The bounds are measured in the same run: a socket that is only read, orjson alone, one `write` per frame. Beside the whole way stands what
the SDK takes for ready chunks, alone with its own writer (floor) and with a writer that only dumps.
"""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, cast

import attrs
import gevent
import orjson
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from gevent import socket

from plugin_entry.dify.frames import ChunkDump, FrameWriter, text_chunk
from plugin_entry.dify.objects import chunk_to_sdk
from plugin_entry.dify.output import FrameOutput
from plugin_entry.network.bridge import Bridge
from plugin_entry.serving import chat
from tests.bench.bare import BODY_END
from tests.bench.bare import READ as BARE_READ
from tests.bench.cost import Job, best_us
from tests.bench.load_server import WORDS
from tests.bench.parsers import MOST_CALLS, feed
from tests.bench.plain_plugin.models.llm import PlainLanguageModel
from tests.bench.replies import LAST, READ, cut, lines, thinking_lines, tool_lines
from tests.bench.report import BOUND, Line, Size
from tests.bench.route import PLUGIN, ScriptedBridge, execute, frames_to_nowhere, request_line, requests_of, way
from tests.servers.loopback import END, HEAD, Visit, serving
from translator.response.chunks import Chunk
from translator.shapes.dify import Message, Role
from translator.turn import Ask

FLOOR, SDK, JSON = "floor", "SDK's way", "orjson alone"


@attrs.frozen(kw_only=True)
class Layer:
    """A job for so many tokens, its bound with a name, and what both need around them."""

    job: Job
    bound: Job
    many: int
    beside: str
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


def framed(writer: StdioResponseWriter, objects: Sequence[ChunkDump]) -> int:
    """The SDK's objects to frames, as the SDK drives it."""
    for each in objects:
        writer.session_message("session", writer.stream_object(each))
    return len(objects)


def dumped(objects: Sequence[ChunkDump]) -> int:
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
        for request in requests_of(request_line(), requests):
            execute(request)
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

    objects: Sequence[ChunkDump] = ()

    def _invoke(self, *_: object, **more: object) -> Any:
        for each in self.objects:
            gevent.sleep(0)
            yield each


def relayed(objects: Sequence[ChunkDump]) -> int:
    """The SDK's share of an answer: its generators, and a dump per chunk."""
    (request,) = requests_of(request_line(), 1)
    model = ReadyModel([])
    model.objects = objects
    with PLUGIN.answered_by(model):
        PLUGIN._execute_request(request.session_id, request.data, request.reader, DumpingWriter())
    return len(objects)


def layers_of(size: Size, bridge: Bridge, descriptor: int) -> dict[str, Layer]:
    """Every room, in the order in which a token passes them, and then all of them together."""
    text, thinking, calls = lines(size.tokens), thinking_lines(size.tokens), tool_lines(min(size.tokens, MOST_CALLS))
    objects = [text_chunk("m", number, WORDS[number % len(WORDS)]) for number in range(size.tokens)]
    frames = [orjson.dumps(each) + b"\n\n" for each in objects]

    def layer(job: Job, bound: Job, beside: str, **more: Any) -> Layer:
        return Layer(job=job, bound=bound, beside=beside, **{"many": size.tokens} | more)

    def network(reads: Sequence[bytes]) -> Layer:
        return layer(partial(bridged, bridge, reads), partial(read_alone, reads), "a socket that is only read")

    def translator(rows: Sequence[bytes], reads: Sequence[bytes], per: str = "token") -> Layer:
        return layer(partial(feed, reads), partial(json_alone, rows), JSON, many=len(rows), per=per)

    def behind(rows: Sequence[bytes]) -> Callable[[], AbstractContextManager[object]]:
        return partial(way, ScriptedBridge([*rows, LAST]))

    def whole(rows: Sequence[bytes], per: str = "token") -> Layer:
        return layer(partial(answered, 1), partial(relayed, objects[: len(rows)]), SDK, many=len(rows), per=per, around=behind(rows))

    return {
        "network: 64 KiB a read": network(cut(text)),
        "network: a token a read": network(text),
        "translator: text, 64 KiB a read": translator(text, cut(text)),
        "translator: text, a token a read": translator(text, text),
        "translator: thinking, a token a read": translator(thinking, thinking),
        "translator: tool calls, a call a read": translator(calls, calls, "call"),
        "serving: reads to the SDK's objects": layer(
            chunked, fed, "the translator alone", around=partial(way, ScriptedBridge([*text, LAST]))
        ),
        "dify: objects to frames": layer(partial(framed, FrameWriter(), objects), partial(dumped, objects), JSON),
        "dify: frames out": layer(
            partial(written, FrameOutput(descriptor).write, frames),
            partial(written, partial(os.write, descriptor), frames),
            "one write per frame",
        ),
        "request line to frames: text": whole(text),
        "request line to frames: thinking": whole(thinking),
        "request line to frames: tool calls": whole(calls, "call"),
    }


def layers(size: Size) -> list[Line]:
    """All layers; beside the whole way stands the SDK's own writer, too."""
    chunks = [chunk_to_sdk("m", number, Chunk(WORDS[number % len(WORDS)]), 0.0) for number in range(size.tokens)]
    floor = best_us(partial(framed, PlainWriter(), chunks), size.repeats) / size.tokens
    bridge, descriptor = Bridge(), os.open(os.devnull, os.O_WRONLY)
    try:
        with frames_to_nowhere():
            return [_line(name, layer, size.repeats, floor) for name, layer in layers_of(size, bridge, descriptor).items()]
    finally:
        os.close(descriptor)
        bridge.close()


def _line(name: str, layer: Layer, repeats: int, floor: float) -> Line:
    with layer.around():
        ours, bound = (best_us(job, repeats) / layer.many for job in (layer.job, layer.bound))
    if layer.beside == SDK:
        return Line(what=name, ours=ours, unit=f"us/{layer.per}", beside={SDK: bound, FLOOR: floor})
    return Line(what=name, ours=ours, unit=f"us/{layer.per}", beside={BOUND: bound}, more=layer.beside)

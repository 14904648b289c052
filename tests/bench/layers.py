"""Each room alone, in this process: microseconds of CPU per token, and how they grow with the length of the answer."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import attrs
import orjson
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter

from plugin_entry import frames
from plugin_entry.bridge import Bridge
from plugin_entry.sdk_chunks import chunks_to_sdk
from tests.bench.load_server import WORDS, line
from tests.loopback import END, HEAD, Visit, serving
from translator.response.chunks import Chunk
from translator.response.decode import line_to_events
from translator.response.lines import LineSplitter
from translator.response.machine import Machine
from translator.response.stream import ReplyStream
from translator.shapes.events import Event, WireEvent

TOKENS = 10_000
LENGTHS = (100, 1_000, 10_000, 100_000)
REPEATS = 3
READ = 64 * 1024


@attrs.frozen
class Row:
    """One line of the table."""

    layer: str
    us_per_token: float


def new_stream() -> ReplyStream:
    """A reply like the plugin's."""
    return ReplyStream(model="m", new_id=lambda: "id", estimate_prompt=lambda: 1)


def measured(work: Callable[[], None], tokens: int) -> float:
    """Microseconds of CPU per token, the best of a few runs."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / tokens * 1e6


def lines(count: int) -> list[bytes]:
    """Reply lines of one token each."""
    return [line(WORDS[number % len(WORDS)]) for number in range(count)]


def feed(parts: list[bytes]) -> None:
    """A whole reply through the translator."""
    stream = new_stream()
    for part in parts:
        stream.feed(part)


def framing(data: bytes) -> None:
    """Bytes to lines."""
    LineSplitter().feed(data)


def json_alone(rows: list[bytes]) -> None:
    """What no decoder can avoid."""
    for row in rows:
        orjson.loads(row)


def decoding(rows: list[bytes]) -> None:
    """Lines to events."""
    for number, row in enumerate(rows):
        line_to_events(row, number, "m")


def machine(events: list[WireEvent]) -> None:
    """Events to deltas."""
    walker = Machine(model="m", new_id=lambda: "id", estimate_prompt=lambda: 1)
    for event in events:
        walker.feed(event)
    walker.out.take()


def chunks(count: int) -> Iterator[Chunk]:
    """Chunks of one token each."""
    return (Chunk(WORDS[number % len(WORDS)]) for number in range(count))


class Nowhere:
    """Takes frames and keeps none."""

    def write(self, data: bytes) -> None:
        """Forgets it."""


class PlainWriter(StdioResponseWriter):
    """The SDK's own writer, without the writing."""

    def write(self, data: str) -> None:
        """Forgets it."""


def framed(writer: StdioResponseWriter, count: int) -> None:
    """Chunks to frames, as the SDK drives it."""
    for chunk in chunks_to_sdk("m", chunks(count), 0.0):
        writer.session_message("session", writer.stream_object(chunk))


def bridged(bridge: Bridge, data: bytes) -> None:
    """Bytes of a real connection to a greenlet; the sending greenlet's share is in the figure."""

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        for at in range(0, len(data), READ):
            visit.chunk(data[at : at + READ])
        visit.send(END)

    with serving(answer) as server:
        bridge.open(server.call()).body()


def rows() -> list[Row]:
    """All layers."""
    texts = lines(TOKENS)
    data = b"".join(texts)
    events = [WireEvent(Event.TEXT, WORDS[number % len(WORDS)]) for number in range(TOKENS)]
    frames.FrameWriter.output = Nowhere()  # type: ignore[assignment]  # as much of an output as the writer uses
    bridge = Bridge()
    parts = [data[at : at + READ] for at in range(0, len(data), READ)]
    work: dict[str, Callable[[], None]] = {
        "framing": partial(framing, data),
        "JSON alone (for comparison)": partial(json_alone, texts),
        "decoding": partial(decoding, texts),
        "state machine": partial(machine, events),
        "translator, 64 KiB a read": partial(feed, parts),
        "translator, a token a read": partial(feed, texts),
        "chunks and frames, a token each": partial(framed, frames.FrameWriter(), TOKENS),
        "the same by the SDK's writer (floor)": partial(framed, PlainWriter(), TOKENS),
        "bridge, 64 KiB a read": partial(bridged, bridge, data),
    }
    table = [Row(name, measured(job, TOKENS)) for name, job in work.items()]
    bridge.close()
    return table


def growth() -> list[Row]:
    """The translator for short and long answers: the cost per token must not grow."""
    return [Row(f"{count:,} tokens", measured(partial(feed, lines(count)), count)) for count in LENGTHS]


def main() -> None:
    """Prints both tables."""
    print("CPU per token, one layer alone (us)")
    for row in rows():
        print(f"  {row.layer:40} {row.us_per_token:8.2f}")
    print("Growth with the length of the answer: translator, a token a read (us per token)")
    for row in growth():
        print(f"  {row.layer:40} {row.us_per_token:8.2f}", flush=True)


if __name__ == "__main__":
    main()

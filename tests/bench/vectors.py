"""Embeddings over stdio, as Dify asks for them: so many texts at a time as the schema says.

The bound is a process that does nothing else: it gets the same replies from a pipe, reads them once with orjson, looks at each number once,
and writes the frames to a pipe.
"""

import fcntl
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson

from plugin_entry.cli.daemon.process import ROOT
from tests.bench.cost import best_us
from tests.bench.host import OURS, PEAK, Host, embedding, load_server, memory_mb, schema
from tests.bench.load_server import VECTORS, vectors_reply
from tests.bench.report import Line, Size

REPEATS = 5
MB = 1024 * 1024
TIME_GOAL, MEMORY_GOAL = 1.3, 1.5
ALONE = "orjson alone"


def vectors(size: Size) -> list[Line]:
    """CPU, time, and the most memory over idle, for each number of texts."""
    with load_server() as port:
        return [line for texts, dimensions in size.vectors for line in _lines(port, texts, dimensions, size.rounds)]


def _lines(port: int, texts: int, dimensions: int, rounds: int) -> list[Line]:
    model = f"{VECTORS}{dimensions}"
    words = [f"passage number {number} about the history of the number {number}" for number in range(texts)]
    with Host(OURS) as ours:
        ours.wait_until_idle()
        properties = ours.ask(schema("text-embedding", model, port)).last["model_schema"]["model_properties"]
        batch = min(texts, int(properties["max_chunks"]))
        asked = [embedding(model, words[at : at + batch], port) for at in range(0, texts, batch)]
        idle = ours.memory_mb
        ours.forget_peak()
        ours.ask(asked[0])  # the server prepares a reply when it is first asked for it
        peak = ours.peak_mb - idle
        ours.ask(asked[-1])
        cpus, walls = zip(*(_round(ours, asked) for _ in range(rounds)), strict=True)
    bodies = {count: vectors_reply(count, dimensions) for count in {len(data["texts"]) for data in asked}}
    alone = {count: _alone(body) for count, body in bodies.items()}
    what, reply = f"{texts:,} vectors of {dimensions:,}", len(bodies[batch]) / MB
    return [
        Line(
            what=f"{what}: CPU",
            ours=min(cpus),
            unit="s",
            beside={ALONE: sum(alone[len(data["texts"])]["cpu_s"] for data in asked)},
            goal=f"{TIME_GOAL} x {ALONE}",
            more=f"{min(walls):.2f} s in {len(asked)} requests of {batch} at most",
        ),
        Line(
            what=f"{what}: memory of the first request",
            ours=peak,
            unit="MB",
            beside={ALONE: alone[batch]["peak_mb"], "the reply": reply},
            goal=f"{MEMORY_GOAL} x the reply",
        ),
    ]


def _round(ours: Host, asked: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """CPU and time of all requests, one after the other."""
    cpu, began = ours.cpu_s, time.perf_counter()
    for data in asked:
        ours.ask(data)
    return ours.cpu_s - cpu, time.perf_counter() - began


def _alone(body: bytes) -> dict[str, float]:
    """The bound for one reply, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.vectors", str(len(body))]
    written = subprocess.run(command, cwd=ROOT, input=body * (REPEATS + 1), stdout=subprocess.PIPE, check=True).stdout
    found: dict[str, float] = json.loads(written.splitlines()[-1])
    return found


def framed(body: bytes) -> bytes:
    """Reads a reply, looks at each number, and gives the frame."""
    found = orjson.loads(body)["embeddings"]
    if not all(all(map(math.isfinite, vector)) for vector in found):
        raise ValueError("a vector is no vector")
    return orjson.dumps({"event": "session", "session_id": "s", "data": {"type": "stream", "data": {"embeddings": found}}}) + b"\n"


def once(length: int) -> None:
    """One reply of so many bytes, from the standard input to the standard output."""
    frame = memoryview(framed(sys.stdin.buffer.read(length)))
    while frame:
        frame = frame[os.write(1, frame) :]


def main() -> None:
    """Says in a last line what `once` takes: the CPU of the best of a few times, and the memory of the first."""
    for end in (0, 1):
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, MB)
    job, before = partial(once, int(sys.argv[1])), memory_mb("self", PEAK)
    job()
    peak = memory_mb("self", PEAK) - before
    print(json.dumps({"cpu_s": best_us(job, REPEATS) / 1e6, "peak_mb": peak}))


if __name__ == "__main__":
    main()

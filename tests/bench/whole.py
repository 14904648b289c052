"""The whole plugin over stdio, beside the plain one in the same run."""

import statistics
import time
from contextlib import ExitStack

import attrs

from tests.bench.host import OURS, PLAIN, Host, Reply, chat, embedding, load_server, schema
from tests.bench.report import Line, Size

USUAL_BATCH = 32
"""Texts in a request, when the plugin does not say how many it takes."""


def start(size: Size) -> list[Line]:
    """Start to first heartbeat, the two plugins in turn."""
    walls: dict[str, list[float]] = {OURS.name: [], PLAIN.name: []}
    cpus: dict[str, list[float]] = {OURS.name: [], PLAIN.name: []}
    for _ in range(size.starts):
        for kind in (PLAIN, OURS):
            with Host(kind) as host:
                walls[kind.name].append(host.start_s)
                cpus[kind.name].append(host.start_cpu_s)
    return [
        Line(what=what, ours=_middle(of[OURS.name]), beside=_middle(of[PLAIN.name]), unit="s", beside_name=PLAIN.name, goal=goal)
        for what, of, goal in (("to the first heartbeat", walls, "1.15"), ("CPU until then", cpus, ""))
    ]


def memory(size: Size) -> list[Line]:
    """Idle after a first answer, and while many streams talk; beside it the idle plain plugin."""
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours:
        for host in (plain, ours):
            host.ask(chat("text:5:1", port))
            host.wait_until_idle()
        idle = plain.memory_mb
        lines = [_memory_line("idle", ours.memory_mb, idle, "1.15")]
        for streams in size.crowds:
            with ours.watched() as looks:
                paced(ours, port, streams, size.load_tokens, 50)
            lines.append(_memory_line(f"{streams:,} streams x 20 tokens/s, at most", max(looks), idle, "2"))
        ours.wait_until_idle()
        return [*lines, _memory_line("idle again", ours.memory_mb, idle, "")]


def _memory_line(what: str, ours: float, idle: float, goal: str) -> Line:
    return Line(what=what, ours=ours, unit="MB", beside=idle, beside_name="plain, idle:", goal=goal)


def speed(size: Size) -> list[Line]:
    """One stream: text that waits, thinking, tool calls; the first chunk; what is added per token; embeddings."""
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours:
        for host in (plain, ours):
            host.wait_until_idle()
            host.ask(chat("text:5:1", port))
        floor = flood(plain, f"floor:{size.flood}", size.flood, port)
        waiting = flood(plain, f"text:{size.flood}:0", size.flood, port)
        lines = []
        for kind in ("text", "think", "tools"):
            tokens = size.flood if kind != "tools" else size.flood // 100
            found = flood(ours, f"{kind}:{tokens}:0", tokens, port)
            lines.append(_flood_line(kind, found, floor))
            if kind == "text":
                lines.append(_speed_line(found, waiting))
        return [*lines, *_latency(plain, ours, port, size), _embeddings(ours, port, size)]


@attrs.frozen
class Flood:
    """An answer that waits as a whole."""

    us_per_token: float
    tokens_per_s: float
    frames: int


def flood(host: Host, model: str, tokens: int, port: int) -> Flood:
    """One answer as fast as it goes."""
    cpu = host.cpu_s
    reply = host.ask(chat(model, port))
    return Flood((host.cpu_s - cpu) / tokens * 1e6, tokens / reply.whole_s, len(reply.payloads))


def _flood_line(kind: str, found: Flood, floor: Flood) -> Line:
    return Line(
        what=f"{kind} that waits: CPU",
        ours=found.us_per_token,
        unit="us/token",
        beside=floor.us_per_token,
        beside_name="floor",
        goal="0.25" if kind == "text" else "",
        more=f"{found.frames:,} frames",
    )


def _speed_line(found: Flood, waiting: Flood) -> Line:
    return Line(
        what="text that waits: speed",
        ours=found.tokens_per_s,
        unit="tokens/s",
        beside=waiting.tokens_per_s,
        beside_name=PLAIN.name,
        goal="15",
    )


def _latency(plain: Host, ours: Host, port: int, size: Size) -> list[Line]:
    """Medians, the two plugins in turn."""
    firsts = [(plain.ask(chat("text:3:5", port)).first_s, ours.ask(chat("text:3:5", port)).first_s) for _ in range(size.firsts)]
    first_plain, first_ours = (_middle(list(of)) * 1e3 for of in zip(*firsts, strict=True))
    added_plain, added_ours = (_added_ms(host, port) for host in (plain, ours))
    return [
        Line(what="first chunk, warm", ours=first_ours, unit="ms", beside=first_plain, beside_name=PLAIN.name, goal="0.6"),
        Line(what="added per token, one stream", ours=added_ours, unit="ms", beside=added_plain, beside_name=PLAIN.name, goal="1 ms"),
    ]


def _added_ms(host: Host, port: int) -> float:
    """Median time from the server's write to the frame, with one stream."""
    reply = host.ask(chat("stamp:100:10", port))
    return _middle([(came - int(text) / 1e9) * 1e3 for came, text in reply.texts if text])


def _embeddings(ours: Host, port: int, size: Size) -> Line:
    """As Dify asks: so many texts at a time as the schema says."""
    texts = [f"passage number {number} about the history of the number {number}" for number in range(size.texts)]
    properties = ours.ask(schema("text-embedding", port)).payloads[0][1]["model_schema"]["model_properties"]
    batch = int(properties.get("max_chunks", USUAL_BATCH))
    batches = [texts[at : at + batch] for at in range(0, len(texts), batch)]
    times = []
    for _ in range(size.embeddings):
        began = time.perf_counter()
        for part in batches:
            ours.ask(embedding(part, port))
        times.append(time.perf_counter() - began)
    return Line(what=f"{size.texts} embeddings, {batch} a request", ours=_middle(times), unit="s", goal="0.3 s")


@attrs.frozen
class Load:
    """Many answers at once."""

    streams: int
    us_per_token: float
    tokens_per_frame: float
    wall_over_ideal: float
    worst_first_s: float


def paced(host: Host, port: int, streams: int, tokens: int, delay_ms: int) -> Load:
    """So many answers at once. Fails when one of them is broken or shorter than it should be."""
    cpu, began = host.cpu_s, time.monotonic()
    sent = [host.send(chat(f"text:{tokens}:{delay_ms}", port)) for _ in range(streams)]
    replies = [host.collect(*one) for one in sent]
    wall = time.monotonic() - began
    _require_whole(replies)
    return Load(
        streams=streams,
        us_per_token=(host.cpu_s - cpu) / streams / tokens * 1e6,
        tokens_per_frame=streams * tokens / sum(len(reply.payloads) for reply in replies),
        wall_over_ideal=wall / (tokens * delay_ms / 1000),
        worst_first_s=max(reply.first_s for reply in replies),
    )


def _require_whole(replies: list[Reply]) -> None:
    texts = {"".join(text for _, text in reply.texts) for reply in replies}
    errors = [reply.error for reply in replies if reply.error]
    if len(texts) != 1 or errors:
        raise SystemExit(f"damaged streams: {len(texts)} different answers, {errors[:3]}")


def load(size: Size) -> tuple[list[Line], list[tuple[float, float]]]:
    """CPU per token against load, and the points for the plot."""
    lines, points = [], []
    with ExitStack() as stack:
        port = stack.enter_context(load_server())
        plain, ours = stack.enter_context(Host(PLAIN)), stack.enter_context(Host(OURS))
        for host in (plain, ours):
            host.ask(chat("text:5:1", port))
            host.wait_until_idle()
        beside: Load | None = None
        for streams, delay_ms in size.loads:
            if streams in size.beside:
                beside = paced(plain, port, streams, size.load_tokens, delay_ms)
            found = paced(ours, port, streams, size.load_tokens, delay_ms)
            lines.append(_load_line(found, beside, delay_ms))
            if delay_ms == size.loads[0][1]:
                points.append((float(streams), found.us_per_token))
    return lines, points


GOALS = {50: "0.45", 1000: "0.25"}
"""CPU per token over that of the plain plugin at 50 streams."""


def _load_line(found: Load, beside: Load | None, delay_ms: int) -> Line:
    more = f"{found.tokens_per_frame:.2f} tokens/frame, {found.wall_over_ideal:.2f} x ideal, worst first chunk {found.worst_first_s:.2f} s"
    if beside is not None and beside.streams == found.streams:
        more += f" (plain {beside.wall_over_ideal:.2f} x, {beside.worst_first_s:.2f} s)"
    return Line(
        what=f"{found.streams:,} streams x {1000 // delay_ms} tokens/s: CPU",
        ours=found.us_per_token,
        unit="us/token",
        beside=None if beside is None else beside.us_per_token,
        beside_name="" if beside is None else f"plain at {beside.streams}",
        goal=GOALS.get(found.streams, ""),
        more=more,
    )


def _middle(values: list[float]) -> float:
    return statistics.median(values)

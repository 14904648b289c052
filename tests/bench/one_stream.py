"""The whole plugin over stdio, one answer at a time.

Beside it in the same run: the SDK alone (floor), the plain plugin, and what only reads (the bare reader) or only answers (the bare plugin).
"""

import statistics
import time
from contextlib import ExitStack

import attrs

from tests.bench.host import BARE, OURS, PLAIN, Host, chat, embedding, load_server, schema
from tests.bench.reading import READER, bare_reading
from tests.bench.report import Line, Size

USUAL_BATCH = 32
"""Texts in a request, when the plugin does not say how many it takes."""
FLOOR = "floor"
WARM = "text:3:5"
CALLS = 100
"""Tokens of text that are measured for each tool call: a call costs as much as many."""


def speed(size: Size) -> list[Line]:
    """Text that waits, thinking, tool calls; the first chunk; what is added per token; embeddings."""
    with ExitStack() as stack:
        port = stack.enter_context(load_server())
        hosts = Hosts(*(stack.enter_context(Host(kind)) for kind in (PLAIN, OURS, BARE)))
        for host in attrs.astuple(hosts, recurse=False):
            host.wait_until_idle()
            host.ask(chat("text:5:1", port))
        return [*_floods(hosts, port, size), *_latency(hosts, port, size), _embeddings(hosts.ours, port, size)]


@attrs.frozen
class Hosts:
    """The plugins that run."""

    plain: Host
    ours: Host
    bare: Host


@attrs.frozen
class Flood:
    """An answer that waits as a whole."""

    us_per_token: float
    tokens_per_s: float
    frames: int = 0


def _flood(host: Host, model: str, tokens: int, port: int) -> Flood:
    """One answer as fast as it goes."""
    cpu = host.cpu_s
    reply = host.ask(chat(model, port))
    return Flood((host.cpu_s - cpu) / tokens * 1e6, tokens / reply.whole_s, len(reply.payloads))


def _bare_flood(model: str, tokens: int, port: int) -> Flood:
    found = bare_reading(port, model)
    return Flood(found.cpu_s / tokens * 1e6, tokens / found.wall_s)


def _floods(hosts: Hosts, port: int, size: Size) -> list[Line]:
    floor = _flood(hosts.plain, f"floor:{size.flood}", size.flood, port)
    lines = []
    for kind in ("text", "think", "tools"):
        tokens = size.flood if kind != "tools" else size.flood // CALLS
        model = f"{kind}:{tokens}:0"
        others = {other.name: _flood(other, model, tokens, port) for other in (hosts.plain, hosts.bare) if kind == "text"}
        beside = {FLOOR: floor} | others | {READER: _bare_flood(model, tokens, port)}
        lines += _flood_lines(kind, tokens, _flood(hosts.ours, model, tokens, port), beside)
    return lines


def _flood_lines(kind: str, tokens: int, found: Flood, beside: dict[str, Flood]) -> list[Line]:
    per_frame = found.us_per_token * tokens / found.frames
    return [
        Line(
            what=f"{kind} that waits: CPU",
            ours=found.us_per_token,
            unit="us/token",
            beside={name: other.us_per_token for name, other in beside.items()},
            goal="0.25 x floor" if kind == "text" else "",
            more=f"{found.frames:,} frames, {per_frame:,.0f} us per frame",
        ),
        Line(
            what=f"{kind} that waits: speed",
            ours=found.tokens_per_s,
            unit="tokens/s",
            beside={name: other.tokens_per_s for name, other in beside.items()},
            goal="15 x plain" if kind == "text" else "",
        ),
    ]


def _latency(hosts: Hosts, port: int, size: Size) -> list[Line]:
    """Medians, the plugins in turn."""
    plain, ours, bare = hosts.plain, hosts.ours, hosts.bare
    asked = {OURS.name: (ours, WARM), FLOOR: (plain, "floor:3"), PLAIN.name: (plain, WARM), BARE.name: (bare, WARM)}
    firsts: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(size.firsts):
        for name, (host, model) in asked.items():
            firsts[name].append(host.ask(chat(model, port)).first_s * 1e3)
    first = {name: statistics.median(values) for name, values in firsts.items()}
    added = {PLAIN.name: _added_ms(plain, port), BARE.name: _added_ms(bare, port)}
    return [
        Line(what="first chunk, warm", ours=first.pop(OURS.name), unit="ms", beside=first, goal="0.6 x plain"),
        Line(what="added per token, one stream", ours=_added_ms(ours, port), unit="ms", beside=added, goal="1 ms"),
    ]


def _added_ms(host: Host, port: int) -> float:
    """Median time from the server's write to the frame, with one stream."""
    reply = host.ask(chat("stamp:100:10", port))
    return statistics.median((came - int(text) / 1e9) * 1e3 for came, text in reply.texts if text)


def _embeddings(ours: Host, port: int, size: Size) -> Line:
    """As Dify asks: so many texts at a time as the schema says."""
    texts = [f"passage number {number} about the history of the number {number}" for number in range(size.texts)]
    properties = ours.ask(schema("text-embedding", "e", port)).payloads[0][1]["model_schema"]["model_properties"]
    batch = int(properties.get("max_chunks", USUAL_BATCH))
    batches = [texts[at : at + batch] for at in range(0, len(texts), batch)]
    times = []
    for _ in range(size.embeddings):
        began = time.perf_counter()
        for part in batches:
            ours.ask(embedding(part, port))
        times.append(time.perf_counter() - began)
    return Line(what=f"{size.texts} embeddings, {batch} a request", ours=statistics.median(times), unit="s", goal="0.3 s")

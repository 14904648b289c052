"""The whole plugin over stdio, many answers at once, by a host that answers the plugin's questions about its callers.

Beside it in the same run: the plain plugin at some of the loads, the bare plugin and the bare reader at all of them. Each load has a
server of its own, so that all connections are new to everybody. The bare plugin writes a frame per token: where that is more than the
host can read, it waits, and is no bound any more; the bare reader has no host.
"""

import gc
import time

import attrs

from tests.bench.host import BARE, OURS, PLAIN, Host, Reply, chat, load_server, schema
from tests.bench.plot import Series
from tests.bench.reading import READER, bare_reading
from tests.bench.report import Line, Size

USUAL = 50
"""Streams at which the plain plugin's CPU per token makes the goal of the plot."""
CPU_GOALS = {USUAL: 0.3, 300: 0.25}
"""By the number of streams, as a share of what the plain plugin takes at the same load."""
WALL_GOALS = {500: "1.35", 1000: "1.15"}
FIRST_GOALS = {500: "0.5 s", 2000: "1.5 s"}
MEMORY_GOAL = 2.5


@attrs.frozen(kw_only=True)
class Load:
    """Many answers at once."""

    us_per_token: float
    wall_over_ideal: float
    worst_first_s: float
    tokens_per_frame: float = 0.0
    memory_over_idle: float = 0.0
    questions: int = 0
    """About callers, which the host answered."""


def paced(host: Host, port: int, streams: int, tokens: int, delay_ms: int) -> Load:
    """So many answers at once. Fails when one of them is broken or shorter than it should be."""
    model = f"text:{tokens}:{delay_ms}"
    host.ask(schema("llm", model, port))  # what is known about a model is known before a crowd asks for it
    idle, questions = host.memory_mb, host.questions
    host.forget_peak()
    gc.collect()
    gc.freeze()
    gc.disable()  # the host keeps every frame; looking at them again and again would make it the slowest part
    try:
        cpu, began = host.cpu_s, time.perf_counter()
        replies = host.ask_all([chat(model, port) for _ in range(streams)])
        wall = time.perf_counter() - began
    finally:
        gc.enable()
        gc.unfreeze()
    _require_whole(replies)
    return Load(
        us_per_token=(host.cpu_s - cpu) / streams / tokens * 1e6,
        wall_over_ideal=wall / (tokens * delay_ms / 1000),
        worst_first_s=max(reply.first_s for reply in replies),
        tokens_per_frame=streams * tokens / sum(reply.frames for reply in replies),
        memory_over_idle=host.peak_mb / idle,
        questions=host.questions - questions,
    )


def bare_paced(port: int, streams: int, tokens: int, delay_ms: int) -> Load:
    """The same by the bare reader, which writes no frames."""
    found = bare_reading(port, f"text:{tokens}:{delay_ms}", streams)
    return Load(
        us_per_token=found.cpu_s / streams / tokens * 1e6,
        wall_over_ideal=found.wall_s / (tokens * delay_ms / 1000),
        worst_first_s=found.worst_first_s,
    )


def _require_whole(replies: list[Reply]) -> None:
    texts = {"".join(text for _, text in reply.texts) for reply in replies}
    errors = [reply.error for reply in replies if reply.error]
    if len(texts) != 1 or errors:
        raise SystemExit(f"damaged streams: {len(texts)} different answers, {errors[:3]}")


type Loads = dict[tuple[int, int], dict[str, Load]]
"""By streams and milliseconds between two tokens; what each of those that were measured took."""


def loads(size: Size) -> Loads:
    """Runs everything, one load after the other."""
    found: Loads = {}
    with Host(PLAIN) as plain, Host(OURS) as ours, Host(BARE) as bare:
        for host in (plain, ours, bare):
            host.wait_until_idle()
            with load_server() as port:
                host.ask(chat("text:5:1", port))
        for streams, delay_ms in size.loads:
            with load_server() as port:
                found[streams, delay_ms] = {READER: bare_paced(port, streams, size.load_tokens, delay_ms)}
                for host in (plain, ours, bare) if streams in size.beside else (ours, bare):
                    found[streams, delay_ms][host.name] = paced(host, port, streams, size.load_tokens, delay_ms)
    return found


def lines_of(found: Loads) -> list[Line]:
    """Four figures of each load."""
    return [line for key, others in found.items() for line in _load_lines(*key, others)]


def _load_lines(streams: int, delay_ms: int, found: dict[str, Load]) -> list[Line]:
    load = f"{streams:,} streams x {1000 // delay_ms} tokens/s"
    ours, others = found[OURS.name], {name: found[name] for name in (PLAIN.name, BARE.name, READER) if name in found}
    goal = CPU_GOALS.get(streams)
    return [
        Line(
            what=f"{load}: CPU",
            ours=ours.us_per_token,
            unit="us/token",
            beside={name: other.us_per_token for name, other in others.items()},
            goal="" if goal is None else f"{goal} x {PLAIN.name}",
            more=f"{ours.tokens_per_frame:.2f} tokens/frame",
        ),
        Line(
            what=f"{load}: time",
            ours=ours.wall_over_ideal,
            unit="x ideal",
            beside={name: other.wall_over_ideal for name, other in others.items()},
            goal=f"{WALL_GOALS[streams]} x ideal" if streams in WALL_GOALS else "",
        ),
        Line(
            what=f"{load}: worst first chunk",
            ours=ours.worst_first_s,
            unit="s",
            beside={name: other.worst_first_s for name, other in others.items()},
            goal=FIRST_GOALS.get(streams, ""),
        ),
        Line(
            what=f"{load}: memory",
            ours=ours.memory_over_idle,
            unit="x idle",
            beside={PLAIN.name: found[PLAIN.name].memory_over_idle} if PLAIN.name in found else {},
            goal=f"{MEMORY_GOAL} x idle",
            more=f"{ours.questions:,} questions about callers answered",
        ),
    ]


def series_of(found: Loads) -> list[Series]:
    """CPU per token against the number of streams, for those of the first pace."""
    pace = next(delay_ms for _, delay_ms in found)

    def points(name: str) -> list[tuple[float, float]]:
        return [(streams, others[name].us_per_token) for (streams, ms), others in found.items() if ms == pace and name in others]

    return [
        Series(PLAIN.name, points(PLAIN.name)),
        Series(OURS.name, points(OURS.name), leads=True),
        Series(READER, points(READER)),
    ]


def goal_of(found: Loads) -> tuple[str, float]:
    """What the plot shows as the goal."""
    share = CPU_GOALS[USUAL]
    plain = next(others[PLAIN.name] for (streams, _), others in found.items() if streams == USUAL)
    return f"goal: {share} × plain at {USUAL}", share * plain.us_per_token

"""The whole plugin over stdio, many answers at once.

Beside it in the same run: the plain plugin at some of the loads, the bare plugin and the bare reader at all of them. Each load has a
server of its own, so that all connections are new to everybody. The bare plugin writes a frame per token: where that is more than the
host can read, it waits, and is no bound any more; the bare reader has no host.
"""

import time

import attrs

from tests.bench.host import BARE, OURS, PLAIN, Host, Reply, chat, load_server, schema
from tests.bench.plot import Series
from tests.bench.reading import READER, bare_reading
from tests.bench.report import Line, Size

USUAL = 50
"""Streams at which the plain plugin's CPU per token is what ours is measured by."""
CPU_GOALS = {USUAL: 0.45, 1000: 0.25}
"""By the number of streams, as a share of that."""
WALL_GOALS = {500: "1.1", 1000: "1.15"}
FIRST_GOALS = {500: "0.5 s"}


@attrs.frozen(kw_only=True)
class Load:
    """Many answers at once."""

    us_per_token: float
    wall_over_ideal: float
    worst_first_s: float
    tokens_per_frame: float = 0.0


def paced(host: Host, port: int, streams: int, tokens: int, delay_ms: int) -> Load:
    """So many answers at once. Fails when one of them is broken or shorter than it should be."""
    model = f"text:{tokens}:{delay_ms}"
    host.ask(schema("llm", model, port))  # what is known about a model is known before a crowd asks for it
    cpu, began = host.cpu_s, time.monotonic()
    sent = [host.send(chat(model, port)) for _ in range(streams)]
    replies = [host.collect(*one) for one in sent]
    wall = time.monotonic() - began
    _require_whole(replies)
    return Load(
        us_per_token=(host.cpu_s - cpu) / streams / tokens * 1e6,
        wall_over_ideal=wall / (tokens * delay_ms / 1000),
        worst_first_s=max(reply.first_s for reply in replies),
        tokens_per_frame=streams * tokens / sum(len(reply.payloads) for reply in replies),
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
    """Three figures of each load."""
    usual = {f"{PLAIN.name} at {USUAL}": _plain_usual(found)}
    return [line for key, others in found.items() for line in _load_lines(*key, others, usual)]


def _plain_usual(found: Loads) -> Load:
    return next(others[PLAIN.name] for (streams, _), others in found.items() if streams == USUAL)


def _load_lines(streams: int, delay_ms: int, found: dict[str, Load], usual: dict[str, Load]) -> list[Line]:
    load = f"{streams:,} streams x {1000 // delay_ms} tokens/s"
    ours, others = found[OURS.name], {name: found[name] for name in (PLAIN.name, BARE.name, READER) if name in found}
    goal = CPU_GOALS.get(streams)
    return [
        Line(
            what=f"{load}: CPU",
            ours=ours.us_per_token,
            unit="us/token",
            beside={name: other.us_per_token for name, other in (usual | others).items()},
            goal="" if goal is None else f"{goal} x {next(iter(usual))}",
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
    return f"goal: {share} × plain at {USUAL}", share * _plain_usual(found).us_per_token

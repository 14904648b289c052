"""The whole plugin over stdio, one answer at a time.

Beside it in the same run: the SDK alone (floor), the plain plugin, and what only reads (the bare reader) or only answers (the bare plugin).
"""

import statistics

import attrs

from tests.bench.host import BARE, OURS, PLAIN, Host, chat, load_server
from tests.bench.parsers import MOST_CALLS
from tests.bench.reading import READER, bare_reading
from tests.bench.report import Line, Size

FLOOR = "floor"
WARM = "text:3:5"


def speed(size: Size) -> list[Line]:
    """Text that waits, thinking, tool calls; the first chunk; what is added per token."""
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours, Host(BARE) as bare:
        hosts = Hosts(plain, ours, bare)
        for host in (plain, ours, bare):
            host.wait_until_idle()
            host.ask(chat("text:5:1", port))
        return [*_floods(hosts, port, size), *_latency(hosts, port, size)]


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
    return Flood((host.cpu_s - cpu) / tokens * 1e6, tokens / reply.whole_s, reply.frames)


def _bare_flood(model: str, tokens: int, port: int) -> Flood:
    found = bare_reading(port, model)
    return Flood(found.cpu_s / tokens * 1e6, tokens / found.wall_s)


def _floods(hosts: Hosts, port: int, size: Size) -> list[Line]:
    floor = _flood(hosts.plain, f"floor:{size.flood}", size.flood, port)
    lines = []
    for kind in ("text", "think", "tools"):
        tokens = size.flood if kind != "tools" else MOST_CALLS
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
            goal="0.2 x floor" if kind == "text" else "",
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
    late = {host.name: _late_ms(host, port) for host in (plain, ours, bare)}
    mine = late.pop(OURS.name)
    return [
        Line(what="first chunk, warm", ours=first.pop(OURS.name), unit="ms", beside=first, goal="0.6 x plain"),
        *(
            Line(what=f"added per token, {name}", ours=mine[at], unit="ms", beside={of: ms[at] for of, ms in late.items()}, goal=goal)
            for at, (name, goal) in enumerate((("median", "0.5 ms"), ("99th percentile", "2 ms")))
        ),
    ]


def _late_ms(host: Host, port: int) -> tuple[float, float]:
    """From the server's write to the frame, with one stream: the median and the 99th percentile."""
    reply = host.ask(chat("stamp:300:10", port))
    late = [(reply.sent + came - int(text) / 1e9) * 1e3 for came, text in reply.texts if text]
    return statistics.median(late), statistics.quantiles(late, n=100)[98]

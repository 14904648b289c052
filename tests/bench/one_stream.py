"""The whole plugin over stdio, one answer at a time.

Beside it in the same run: the SDK alone (floor), the plain plugin, and what only reads (the bare reader) or only answers (the bare plugin).
"""

import statistics

from tests.bench.host import BARE, OURS, PLAIN, Host, chat, load_server
from tests.bench.reading import READER, bare_reading
from tests.bench.report import Line, Size

FLOOR = "floor"
WARM = "text:3:5"


def speed(size: Size) -> list[Line]:
    """Text that waits as a whole; the first chunk; what is added per token."""
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours, Host(BARE) as bare:
        for host in (plain, ours, bare):
            host.wait_until_idle()
            host.ask(chat("text:5:1", port))
        return [*_floods(plain, ours, bare, port, size.flood), *_latency(plain, ours, bare, port, size.firsts)]


def _floods(plain: Host, ours: Host, bare: Host, port: int, tokens: int) -> list[Line]:
    """One answer as fast as it goes."""
    text = f"text:{tokens}:0"
    asked = {FLOOR: (plain, f"floor:{tokens}"), PLAIN.name: (plain, text), OURS.name: (ours, text), BARE.name: (bare, text)}
    cpu, speed = {}, {}
    for name, (host, model) in asked.items():
        before = host.cpu_s
        reply = host.ask(chat(model, port))
        cpu[name], speed[name] = (host.cpu_s - before) / tokens * 1e6, tokens / reply.whole_s
    read = bare_reading(port, text)
    cpu[READER], speed[READER] = read.cpu_s / tokens * 1e6, tokens / read.wall_s
    return [
        Line(what="text that waits: CPU", ours=cpu.pop(OURS.name), unit="us/token", beside=cpu, goal="0.2 x floor"),
        Line(what="text that waits: speed", ours=speed.pop(OURS.name), unit="tokens/s", beside=speed, goal="15 x plain"),
    ]


def _latency(plain: Host, ours: Host, bare: Host, port: int, times: int) -> list[Line]:
    """Medians, the plugins in turn; and how late a token is."""
    asked = {OURS.name: (ours, WARM), FLOOR: (plain, "floor:3"), PLAIN.name: (plain, WARM), BARE.name: (bare, WARM)}
    looks = [{name: host.ask(chat(model, port)).first_s * 1e3 for name, (host, model) in asked.items()} for _ in range(times)]
    first = {name: statistics.median(look[name] for look in looks) for name in asked}
    late = {host.name: _late_ms(host, port) for host in (plain, ours, bare)}
    mine = late.pop(OURS.name)
    return [
        Line(what="first chunk, warm", ours=first.pop(OURS.name), unit="ms", beside=first, goal="0.7 x plain"),
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

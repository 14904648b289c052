"""The whole plugin as a process: its start and its memory, beside the plain one in the same run."""

import statistics

from tests.bench.crowd import paced
from tests.bench.host import OURS, PLAIN, Host, chat, load_server
from tests.bench.report import Line, Size


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
        Line(
            what=what,
            ours=statistics.median(of[OURS.name]),
            unit="s",
            beside={PLAIN.name: statistics.median(of[PLAIN.name])},
            goal=goal,
        )
        for what, of, goal in (("to the first heartbeat", walls, "1.15 x plain"), ("CPU until then", cpus, ""))
    ]


def memory(size: Size) -> list[Line]:
    """Idle after a first answer, and while many streams talk; beside it the idle plain plugin."""
    with load_server() as port, Host(PLAIN) as plain, Host(OURS) as ours:
        for host in (plain, ours):
            host.ask(chat("text:5:1", port))
            host.wait_until_idle()
        idle = plain.memory_mb
        lines = [_memory_line("idle", ours.memory_mb, idle, "1.15 x plain")]
        for streams in size.crowds:
            with ours.watched() as looks:
                paced(ours, port, streams, size.load_tokens, 50)
            lines.append(_memory_line(f"{streams:,} streams x 20 tokens/s, at most", max(looks), idle, "2 x plain"))
        ours.wait_until_idle()
        return [*lines, _memory_line("idle again", ours.memory_mb, idle, "")]


def _memory_line(what: str, ours: float, idle: float, goal: str) -> Line:
    return Line(what=what, ours=ours, unit="MB", beside={"plain, idle": idle}, goal=goal)

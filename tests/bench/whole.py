"""The whole plugin as a process: its start and its memory, beside the plain one in the same run."""

import statistics

from tests.bench.host import OURS, PLAIN, Host, chat, load_server
from tests.bench.report import Line, Size

HEARTBEAT, CPU, ANSWER, IDLE = "to the first heartbeat", "CPU until then", "from there to the first answer", "memory, idle after it"
ROWS = {HEARTBEAT: ("s", "1.05 x plain"), CPU: ("s", ""), ANSWER: ("s", "0.3 s"), IDLE: ("MB", "1.1 x plain")}
FIRST = "text:5:1"


def start(size: Size) -> list[Line]:
    """Medians of many starts, the two plugins in turn: each is asked at once, and its memory is looked at when it rests."""
    found: dict[str, list[dict[str, float]]] = {OURS.name: [], PLAIN.name: []}
    with load_server() as port:
        for _ in range(size.starts):
            for kind in (PLAIN, OURS):
                with Host(kind) as host:
                    reply = host.ask(chat(FIRST, port))
                    host.wait_until_idle()
                    found[kind.name].append({HEARTBEAT: host.start_s, CPU: host.start_cpu_s, ANSWER: reply.first_s, IDLE: host.memory_mb})
    median = {name: {row: statistics.median(each[row] for each in looks) for row in ROWS} for name, looks in found.items()}
    return [
        Line(what=row, ours=median[OURS.name][row], unit=unit, beside={PLAIN.name: median[PLAIN.name][row]}, goal=goal)
        for row, (unit, goal) in ROWS.items()
    ]

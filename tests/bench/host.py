"""Drives a plugin as Dify's daemon does, and reads its clock and its memory from Linux: ours, the plain one, or the bare one."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, Self

import attrs

from plugin_entry.cli.daemon import requests
from plugin_entry.cli.daemon.process import COMMAND, ROOT, PluginProcess

CPU_CLOCK = 2
"""Of a process: all that its threads ran, to the nanosecond (`man clock_getcpuclockid`); /proc counts in steps of 10 ms."""
LOOK_S = 0.2
IDLE = 0.02
"""Of one core: as little is what a heartbeat costs."""
PEAK, FORGET_PEAK = "VmHWM", "5"
"""The most memory of a process, and what `/proc/PID/clear_refs` takes to begin anew (`man 5 proc`)."""


@attrs.frozen
class Kind:
    """A plugin that can be started."""

    name: str
    command: tuple[str, ...]


OURS = Kind("ours", COMMAND)
PLAIN = Kind("plain", ("env", "-C", str(ROOT / "tests" / "bench" / "plain_plugin"), sys.executable, "-m", "main"))
BARE = Kind("bare plugin", (sys.executable, "-m", "tests.bench.bare_plugin"))


@attrs.define
class Reply:
    """What one request brought, in seconds after it was sent. `sent` is on the monotonic clock, some 20 microseconds early."""

    sent: float
    texts: list[tuple[float, str]] = attrs.field(factory=list)
    """Of a chat: when each chunk came, and its text."""
    frames: int = 0
    last: Any = None
    """The last payload."""
    error: str = ""
    first_s: float = 0.0
    whole_s: float = 0.0


class Host(PluginProcess):
    """One running plugin. It is answered when it asks about its callers."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(command=kind.command)
        self.name = kind.name

    def __enter__(self) -> Self:
        super().__enter__()
        self.start_s, self.start_cpu_s = self.wait_until_ready(), self.cpu_s
        return self

    def collect(self, session: str, sent: float) -> Reply:
        """Waits for the end of a request."""
        reply = Reply(sent)
        for frame in self.frames(session):
            reply.whole_s = frame.seconds
            if frame.kind == "error":
                reply.error = frame.data["message"]
            elif frame.kind == "stream":
                reply.first_s = reply.first_s or frame.seconds
                reply.frames, reply.last = reply.frames + 1, frame.data
                if "delta" in frame.data:
                    reply.texts.append((frame.seconds, frame.data["delta"]["message"]["content"]))
        return reply

    def ask_all(self, asked: Sequence[dict[str, Any]]) -> list[Reply]:
        """So many requests at once."""
        # the clock first: who writes to a pipe is often made to wait for who reads from it
        sent = [(time.perf_counter(), self.send(data)) for data in asked]
        return [self.collect(session, at) for at, session in sent]

    def ask(self, data: dict[str, Any]) -> Reply:
        """One request; ends the benchmark when it fails."""
        (reply,) = self.ask_all([data])
        if reply.error:
            raise SystemExit(f"{data['model']}: {reply.error}")
        return reply

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the plugin so far."""
        return time.clock_gettime((~self.pid << 3) | CPU_CLOCK)

    @property
    def memory_mb(self) -> float:
        """Memory of the plugin now, as it is resident."""
        return memory_mb(str(self.pid), "VmRSS")

    @property
    def peak_mb(self) -> float:
        """The most it was since `forget_peak`."""
        return memory_mb(str(self.pid), PEAK)

    def forget_peak(self) -> None:
        """The peak is what is resident now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text(FORGET_PEAK)

    def wait_until_idle(self) -> None:
        """Until a look at its clock shows no work any more."""
        before = -1.0
        while self.cpu_s - before > IDLE * LOOK_S:
            before = self.cpu_s
            time.sleep(LOOK_S)


def memory_mb(process: str, row: str) -> float:
    """A row of what Linux says of a process (`man 5 proc`)."""
    rows = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(each.split()[1]) / 1024 for each in rows if each.startswith(row))


TENANTS = cycle(range(4))
"""One server has a quarter of the slots; to the plugin this is one for each tenant."""


def chat(model: str, port: int) -> dict[str, Any]:
    """A chat request."""
    return requests.invoke_llm(model, _credentials(port), [requests.user_message("Why is the sky blue?")])


def embedding(model: str, texts: Sequence[str], port: int) -> dict[str, Any]:
    """An embedding request."""
    return requests.invoke_text_embedding(model, _credentials(port), texts)


def schema(model_type: str, model: str, port: int) -> dict[str, Any]:
    """Asks for the schema of a model."""
    return requests.get_ai_model_schemas(model_type, model, _credentials(port))


def _credentials(port: int) -> dict[str, str]:
    return {
        "base_url": f"http://127.0.0.1:{port}",
        "mode": "chat",
        "context_size": "8192",
        "max_chunks": "2048",
        "extra_headers": f"X-Tenant: {next(TENANTS)}",
    }


@contextmanager
def load_server() -> Iterator[int]:
    """Starts the server beside the plugins; gives its port."""
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.load_server"], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        yield int(server.stdout.readline())
    finally:
        server.kill()
        server.wait()

"""Drives a plugin as Dify's daemon does, and reads its clock and its memory from Linux: ours, the plain one, or the bare one."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import IO, Any, Self

import attrs

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
CPU_CLOCK = 2
"""Of a process: all that its threads ran, to the nanosecond (`man clock_getcpuclockid`); /proc counts in steps of 10 ms."""
LOOK_S = 0.05
IDLE = 0.02
"""Of one core: as little is what a heartbeat costs."""


@attrs.frozen
class Kind:
    """A plugin that can be started."""

    name: str
    directory: Path
    module: str


OURS = Kind("ours", ROOT, "plugin_entry.main")
PLAIN = Kind("plain", ROOT / "tests" / "bench" / "plain_plugin", "main")
BARE = Kind("bare plugin", ROOT, "tests.bench.bare_plugin")


@attrs.define
class Reply:
    """What one request brought; times in seconds, those of payloads on the monotonic clock."""

    payloads: list[tuple[float, Any]] = attrs.field(factory=list)
    error: str = ""
    first_s: float = 0.0
    whole_s: float = 0.0

    @property
    def texts(self) -> list[tuple[float, str]]:
        """Of a chat."""
        return [(came, payload["delta"]["message"]["content"]) for came, payload in self.payloads]


class Host:
    """One running plugin."""

    def __init__(self, kind: Kind) -> None:
        self.name = kind.name
        began = time.perf_counter()
        self._queues: dict[str, queue.Queue[tuple[float, Any]]] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", kind.module],
            cwd=kind.directory,
            env=os.environ | {"INSTALL_METHOD": "local"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        while b'"heartbeat"' not in (line := self._stdout.readline()):
            if not line:
                raise SystemExit(f"{kind.name} did not start")
        self.start_s = time.perf_counter() - began
        self.start_cpu_s = self.cpu_s
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        for raw in self._stdout:
            frame = json.loads(raw) if raw.strip() else {}
            waiting = self._queues.get(frame.get("session_id") or "")
            if waiting is not None:
                waiting.put((time.monotonic(), frame["data"]))

    def send(self, data: dict[str, Any]) -> tuple[str, float]:
        """Sends a request; gives its id and when."""
        session = uuid.uuid4().hex
        self._queues[session] = queue.Queue()
        now = time.monotonic()
        self._stdin.write(json.dumps({"session_id": session, "event": "request", "data": data}).encode() + b"\n")
        self._stdin.flush()
        return session, now

    def collect(self, session: str, sent: float) -> Reply:
        """Waits for the end of a request."""
        reply = Reply()
        while True:
            came, data = self._queues[session].get(timeout=PATIENCE_S)
            if data["type"] == "end":
                del self._queues[session]
                reply.whole_s = came - sent
                return reply
            if data["type"] == "error":
                reply.error = data["data"]["message"]
                continue
            reply.first_s = reply.first_s or came - sent
            reply.payloads.append((came, data["data"]))

    def ask(self, data: dict[str, Any]) -> Reply:
        """One request; ends the benchmark when it fails."""
        reply = self.collect(*self.send(data))
        if reply.error:
            raise SystemExit(f"{data['model']}: {reply.error}")
        return reply

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the plugin so far."""
        return time.clock_gettime((~self._process.pid << 3) | CPU_CLOCK)

    @property
    def memory_mb(self) -> float:
        """Memory of the plugin now, as it is resident."""
        rows = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmRSS"))

    def wait_until_idle(self) -> None:
        """Until a look at its clock shows no work any more."""
        never = threading.Event()
        before = -1.0
        while self.cpu_s - before > IDLE * 4 * LOOK_S:
            before = self.cpu_s
            never.wait(4 * LOOK_S)

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Collects looks at the memory, in MB."""
        looks = [self.memory_mb]
        done = threading.Event()

        def look() -> None:
            while not done.wait(LOOK_S):
                looks.append(self.memory_mb)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            yield looks
        finally:
            done.set()
            watcher.join()


TENANTS = cycle(range(4))
"""One server has a quarter of the slots; to the plugin this is one for each tenant."""


def chat(model: str, port: int) -> dict[str, Any]:
    """A chat request."""
    return _request("invoke_llm", "llm", model, port) | {
        "prompt_messages": [{"role": "user", "content": "Why is the sky blue?"}],
        "model_parameters": {},
        "tools": None,
        "stop": None,
        "stream": True,
    }


def embedding(texts: list[str], port: int) -> dict[str, Any]:
    """An embedding request."""
    return _request("invoke_text_embedding", "text-embedding", "e", port) | {"texts": texts, "input_type": "document"}


def schema(model_type: str, model: str, port: int) -> dict[str, Any]:
    """Asks for the schema of a model."""
    return _request("get_ai_model_schemas", model_type, model, port)


def _request(action: str, model_type: str, model: str, port: int) -> dict[str, Any]:
    return {
        "type": "model",
        "action": action,
        "user_id": "u",
        "provider": "ollama",
        "model_type": model_type,
        "model": model,
        "credentials": {
            "base_url": f"http://127.0.0.1:{port}",
            "mode": "chat",
            "context_size": "8192",
            "extra_headers": f"X-Tenant: {next(TENANTS)}",
        },
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

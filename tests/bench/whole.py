"""The whole plugin over stdio, with a load server beside it."""

import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import IO, Any

import attrs

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
LOADS = (1, 10, 50, 100, 200, 500)
"""Streams at once."""


@attrs.define
class Reply:
    """What one request brought."""

    texts: list[tuple[float, str]] = attrs.field(factory=list)
    error: str = ""
    first_s: float = 0.0


class Host:
    """Drives a plugin as Dify's daemon does."""

    def __init__(self) -> None:
        began = time.perf_counter()
        self._queues: dict[str, queue.Queue[tuple[float, Any]]] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "plugin_entry.main"],
            cwd=ROOT,
            env=os.environ | {"INSTALL_METHOD": "local"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._stdout.readline()
        self.start_s = time.perf_counter() - began
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for raw in self._stdout:
            frame = json.loads(raw) if raw.strip() else {}
            waiting = self._queues.get(frame.get("session_id") or "")
            if waiting is not None:
                waiting.put((time.monotonic(), frame["data"]))

    def send(self, model: str, port: int) -> tuple[str, float]:
        """Sends a chat request; gives its id and when."""
        session = uuid.uuid4().hex
        self._queues[session] = queue.Queue()
        data = {
            "type": "model",
            "action": "invoke_llm",
            "user_id": "u",
            "provider": "ollama",
            "model_type": "llm",
            "model": model,
            "credentials": {"base_url": f"http://127.0.0.1:{port}", "mode": "chat", "context_size": "8192"},
            "prompt_messages": [{"role": "user", "content": "Why is the sky blue?"}],
            "model_parameters": {},
            "tools": None,
            "stop": None,
            "stream": True,
        }
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
                return reply
            if data["type"] == "error":
                reply.error = data["data"]["message"]
                continue
            reply.first_s = reply.first_s or came - sent
            reply.texts.append((came, data["data"]["delta"]["message"]["content"]))

    def ask(self, model: str, port: int) -> Reply:
        """One request; ends the benchmark when it fails."""
        reply = self.collect(*self.send(model, port))
        if reply.error:
            raise SystemExit(f"{model}: {reply.error}")
        return reply

    def cpu_s(self) -> float:
        """CPU seconds of the plugin so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mb(self) -> float:
        """Memory of the plugin now."""
        rows = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("VmRSS"))

    def close(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


@attrs.frozen
class Load:
    """One point of the plot."""

    streams: int
    us_per_token: float
    tokens_per_frame: float
    wall_over_ideal: float
    worst_first_s: float


@attrs.frozen
class Figures:
    """What the whole plugin does."""

    start_s: float
    idle_mb: float
    busy_mb: float
    first_ms: float
    added_ms: float
    flood_us_per_token: float
    flood_tokens_per_s: float
    loads: list[Load]


def paced(host: Host, port: int, streams: int, tokens: int, delay_ms: int) -> Load:
    """So many answers at once. Fails when one of them is broken or shorter than it should be."""
    cpu, began = host.cpu_s(), time.monotonic()
    sent = [host.send(f"{tokens}:{delay_ms}", port) for _ in range(streams)]
    replies = [host.collect(*one) for one in sent]
    wall = time.monotonic() - began
    texts = {"".join(text for _, text in reply.texts) for reply in replies}
    if len(texts) != 1 or any(reply.error for reply in replies):
        raise SystemExit(f"damaged streams: {len(texts)} different answers, {[reply.error for reply in replies if reply.error][:3]}")
    return Load(
        streams=streams,
        us_per_token=(host.cpu_s() - cpu) / streams / tokens * 1e6,
        tokens_per_frame=streams * tokens / sum(len(reply.texts) for reply in replies),
        wall_over_ideal=wall / (tokens * delay_ms / 1000),
        worst_first_s=max(reply.first_s for reply in replies),
    )


def added_ms(host: Host, port: int) -> float:
    """Median time from the server's write to the frame, with one stream."""
    reply = host.ask("stamp:100:10", port)
    return statistics.median((came - int(text) / 1e9) * 1000 for came, text in reply.texts if text)


def figures() -> Figures:
    """Runs everything."""
    server = subprocess.Popen([sys.executable, "-m", "tests.bench.load_server"], cwd=ROOT, stdout=subprocess.PIPE)
    host = Host()
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        host.ask("5:1", port)
        idle = host.rss_mb()
        first = statistics.median(host.ask("2:5", port).first_s for _ in range(15)) * 1000
        latency = added_ms(host, port)
        cpu, began, tokens = host.cpu_s(), time.monotonic(), 100_000
        host.ask(f"{tokens}:0", port)
        flood_s, flood_cpu = time.monotonic() - began, host.cpu_s() - cpu
        loads = [paced(host, port, streams, 100, 20) for streams in LOADS]
        return Figures(host.start_s, idle, host.rss_mb(), first, latency, flood_cpu / tokens * 1e6, tokens / flood_s, loads)
    finally:
        host.close()
        server.kill()
        server.wait()

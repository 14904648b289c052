"""Streams of a healthy server, whose every piece says when it left; and by how much the latest of them came too late.

The hostile servers beside it run in a process of their own (`elsewhere`), so that only the plugin is shared.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import gevent

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit
from tests.servers.stalling_server import DONE, SHOW, aside, line
from tests.structure.sources import ROOT


def telling(visit: Visit, lines: int = 150, pace_s: float = 0.01) -> None:
    """For `serving`: answers say when each of their pieces left."""
    if visit.path != "/api/chat":
        visit.whole(json.dumps(SHOW if visit.path == "/api/show" else {"version": "0.33.0"}).encode())
        return
    visit.send(HEAD)
    for _ in range(lines):
        visit.chunk(line(content=f"{time.monotonic_ns()} "))
        gevent.sleep(pace_s)
    visit.chunk(json.dumps(DONE).encode() + b"\n")
    visit.send(END)


def delays_s(plugin: PluginProcess, url: str, streams: int = 1) -> list[float]:
    """Seconds between a piece's leaving and its frame, all pieces of so many streams at once, sorted."""
    return sorted(aside(partial(_delays_s, plugin, url, streams)))


def _delays_s(plugin: PluginProcess, url: str, streams: int) -> Iterator[float]:
    sessions = [(time.monotonic(), plugin.send(invoke_llm("m", {"base_url": url}, [user_message("hi")]))) for _ in range(streams)]
    found: list[float] = []
    for began, session in sessions:
        frames = list(plugin.frames(session, PATIENCE_S))
        assert [frame.data for frame in frames if frame.kind == "error"] == []
        for frame in frames:
            words = frame.data["delta"]["message"]["content"].split() if frame.kind == "stream" else []
            found.extend(began + frame.seconds - int(word) / 1e9 for word in words)
    return iter(found)


@contextmanager
def elsewhere(module: str, *arguments: str) -> Iterator[str]:
    """Runs a server's module, which prints its port; gives its URL."""
    command = (sys.executable, "-m", module, *arguments)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def flooded(plugin: PluginProcess, url: str, model: str, count: int) -> Sequence[str]:
    """Starts so many answers of a hostile model; gives their sessions."""
    return [plugin.send(invoke_llm(model, {"base_url": url}, [user_message("hi")])) for _ in range(count)]

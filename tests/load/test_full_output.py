"""A plugin process whose daemon does not read: it goes on, its memory is bounded, and it loses nothing."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import gevent
import pytest

from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit
from tests.servers.stalling_server import DONE, line, stalling
from tests.stdio.daemon_requests import as_daemon_sends
from tests.structure.sources import ROOT

LINES, TEXT = 400, "x" * 32 * 1024
SETTLED_KIB = 128


def flood(visit: Visit) -> None:
    """More than pipe and process hold together."""
    visit.send(HEAD)
    for number in range(LINES):
        visit.chunk(line(content=f"{number} {TEXT}\n"))
    visit.chunk(json.dumps(DONE).encode() + b"\n")
    visit.send(END)


def request(url: str, stage: str) -> bytes:
    data = as_daemon_sends(invoke_llm(stage, {"base_url": url}, [user_message("hi")]))
    return json.dumps({"session_id": stage, "event": "request", "data": data}).encode() + b"\n"


def memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(row.split()[1]) for row in status if row.startswith("VmRSS"))


def settled_memory_kib(pid: int) -> int:
    """When it grows no more: everything that can be full is full."""
    before, now = 0, memory_kib(pid)
    while now - before > SETTLED_KIB:
        gevent.sleep(0.2)
        before, now = now, memory_kib(pid)
    return now


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="only Linux opens a pipe's end anew")
def test_a_process_whose_output_is_full_goes_on_and_ends_well() -> None:
    with stalling(flood=flood) as server:
        command = (sys.executable, "-m", "plugin_entry.main")
        environment = {**os.environ, "INSTALL_METHOD": "local", "HEARTBEAT_INTERVAL": "0.1"}
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            while b"heartbeat" not in process.stdout.readline():
                continue
            process.stdin.write(request(server.url, "flood"))
            process.stdin.flush()
            assert server.came["flood"].wait(PATIENCE_S)
            before = settled_memory_kib(process.pid)
            process.stdin.write(request(server.url, "quick"))
            process.stdin.flush()
            assert server.came["quick"].wait(PATIENCE_S), "the process waits for its reader"
            gevent.sleep(0.5)
            assert memory_kib(process.pid) - before < 8 * 1024
            told: dict[str, str] = {"flood": "", "quick": ""}
            ended: set[str] = set()
            while ended != set(told):
                row = process.stdout.readline().strip()
                found = json.loads(row) if row else {}
                if found.get("event") == "session":
                    data, session = found["data"], found["session_id"]
                    assert data["type"] != "error", data
                    if data["type"] == "end":
                        ended.add(session)
                    else:
                        told[session] += data["data"]["delta"]["message"]["content"]
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
            assert process.wait(PATIENCE_S) == 0
    assert told["quick"] == "yes"
    assert told["flood"] == "".join(f"{number} {TEXT}\n" for number in range(LINES))

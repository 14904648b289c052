"""Several servers behind nginx and HAProxy, configured as in the manual: answers are spread, not buffered, and survive a dead server."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
import pytest

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.frames import Frame
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.structure.sources import ROOT

NAMES = ("one", "two", "three")
ANSWERS, TOKENS, PAUSE_MS = 300, 20, 100
SHARE = ANSWERS // len(NAMES)
PATIENCE_S = 60.0
MANUAL = (ROOT / "docs" / "several-servers.md").read_text(encoding="utf-8")
AROUND_NGINX = """
pid {folder}/pid;
error_log {folder}/error.log;
worker_processes 2;
events {{ worker_connections 2048; }}
http {{ access_log off; {temporary}
{configuration}
}}
"""
FOLDERS_OF_NGINX = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail(f"nobody listens on port {port}")


def configuration(language: str, port: int, servers: list[int]) -> str:
    """The block of the manual, with the addresses of this test."""
    found = re.search(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL)
    assert found is not None
    text = found[1].replace("listen 11434", f"listen 127.0.0.1:{port}").replace("bind :11434", f"bind 127.0.0.1:{port}")
    for host, server in zip(("10.0.0.11", "10.0.0.12", "10.0.0.13"), servers, strict=True):
        assert f"{host}:11434" in text
        text = text.replace(f"{host}:11434", f"127.0.0.1:{server}")
    return text


def nginx(folder: Path, port: int, servers: list[int]) -> list[str]:
    temporary = "".join(f"{name}_temp_path {folder}/{name}; " for name in FOLDERS_OF_NGINX)
    text = AROUND_NGINX.format(folder=folder, temporary=temporary, configuration=configuration("nginx", port, servers))
    (folder / "nginx.conf").write_text(text)
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]


def haproxy(folder: Path, port: int, servers: list[int]) -> list[str]:
    (folder / "haproxy.cfg").write_text(configuration("haproxy", port, servers))
    return ["haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


PROXIES: dict[str, Callable[[Path, int, list[int]], list[str]]] = {"nginx": nginx, "haproxy": haproxy}


@attrs.frozen
class Farm:
    url: str
    proxy: str
    processes: dict[str, subprocess.Popen[bytes]]

    def kill(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(params=PROXIES)
def farm(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Farm]:
    port, *servers = free_ports(1 + len(NAMES))
    with ExitStack() as stack:
        processes = {}
        for name, server in zip(NAMES, servers, strict=True):
            command = [sys.executable, "-m", "tests.servers.paced_server", name, str(server)]
            processes[name] = stack.enter_context(running(command, tmp_path))
        for server in servers:
            wait_for(server)
        stack.enter_context(running(PROXIES[request.param](tmp_path, port, servers), tmp_path))
        wait_for(port)
        yield Farm(f"http://127.0.0.1:{port}", request.param, processes)


def ask(plugin: PluginProcess, farm: Farm, count: int) -> list[str]:
    words = user_message(f"{TOKENS} {PAUSE_MS}")
    return [plugin.send(invoke_llm("m", {"base_url": farm.url}, [words])) for _ in range(count)]


def text_of(frames: list[Frame]) -> str:
    return "".join(frame.data["delta"]["message"]["content"] for frame in frames if frame.kind == "stream")


def error_of(frames: list[Frame]) -> str:
    return "".join(str(frame.data["message"]) for frame in frames if frame.kind == "error")


def test_answers_are_spread_and_arrive_token_by_token(farm: Farm) -> None:
    with PluginProcess() as plugin:
        answers = [list(plugin.frames(session, PATIENCE_S)) for session in ask(plugin, farm, ANSWERS)]
    texts = [text_of(frames).split() for frames in answers]
    assert [len(words) for words in texts] == [TOKENS] * ANSWERS
    assert all(len(set(words)) == 1 for words in texts)
    spread = Counter(words[0] for words in texts)
    assert all(0.9 * SHARE <= spread[name] <= 1.1 * SHARE for name in NAMES), spread
    ideal = (TOKENS - 1) * PAUSE_MS / 1000
    lasted = [frames[-1].seconds - frames[0].seconds for frames in answers]
    assert min(lasted) > 0.8 * ideal, "tokens were held back"


def test_a_server_that_dies_costs_only_the_answers_it_had_begun(farm: Farm) -> None:
    with PluginProcess() as plugin:
        begun = ask(plugin, farm, 60)
        streams = {session: plugin.frames(session, PATIENCE_S) for session in begun}
        first = {session: next(frames) for session, frames in streams.items()}
        farm.kill("two")
        later = ask(plugin, farm, 60)
        answers = {session: [first[session], *frames] for session, frames in streams.items()}
        moved = [list(plugin.frames(session, PATIENCE_S)) for session in later]
    hit = {session for session, frames in answers.items() if text_of(frames).startswith("two")}
    assert len(hit) >= 15
    for session, frames in answers.items():
        if session in hit:
            assert farm.proxy in error_of(frames).lower(), error_of(frames)
        else:
            assert (error_of(frames), len(text_of(frames).split())) == ("", TOKENS)
    for frames in moved:
        assert (error_of(frames), len(text_of(frames).split())) == ("", TOKENS)
        assert not text_of(frames).startswith("two")

"""The plugin in the two modes where it talks over the network instead of over its standard output.

Environment variables choose the mode.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.structure.sources import ROOT

WITHIN_S = 60.0
AGAIN_S = 0.02
COMMAND = (sys.executable, "-m", "plugin_entry.main")


@attrs.frozen(slots=True, eq=False)
class NetworkedPlugin:
    """`output` is everything the process printed so far, on both streams."""

    process: "subprocess.Popen[bytes]"
    _output: Path

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Waits until something is true that gives no sign of its own. Fails when the process has ended."""
        deadline = time.monotonic() + WITHIN_S
        while not done():
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            threading.Event().wait(AGAIN_S)


@contextmanager
def networked_plugin(environment: Mapping[str, str], output: Path, command: Sequence[str] = COMMAND) -> Iterator[NetworkedPlugin]:
    """Starts the plugin; the end kills it."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield NetworkedPlugin(process, output)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])

"""The command line as processes that begin at once: each is forked from one interpreter that has imported the commands.

A new interpreter would import for half a second. The one that is forked imports neither gevent nor Dify's SDK and starts no thread, so a
child is what a shell would have started.
"""

import array
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from typing import IO

from plugin_entry.cli.daemon.frames import close_descriptor
from tests.structure.sources import ROOT

WITHIN_S = 60.0

FORKING = """
import json, os, signal, socket, sys
from plugin_entry.cli import main
import plugin_entry.cli.chat.servers, plugin_entry.cli.demo.stages, plugin_entry.cli.recording.proxy, plugin_entry.cli.recording.scrubbing
import fixtures.replay, plugin_entry.cli.tracing.html

asked = socket.socket(fileno=int(sys.argv[1]))
asked.setblocking(True)  # gevent made it otherwise
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait for a command
while True:
    request, descriptors, _, _ = socket.recv_fds(asked, 1 << 16, 4)
    if not request:
        sys.exit()
    while not request.endswith(b"\\n"):
        request += asked.recv(1 << 16)
    if os.fork() == 0:
        break
    for each in descriptors:
        os.close(each)
told = descriptors.pop()
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
if child := os.fork():
    os.write(told, b"%d\\n" % child)
    for each in descriptors:
        os.close(each)
    os.write(told, b"%d\\n" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    os._exit(0)
asked.close()
os.close(told)
for number, each in enumerate(descriptors):
    os.dup2(each, number)
    os.close(each)
# a shell that starts tests in the background makes its children ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)
arguments, environment = json.loads(request)
os.environ.clear()
os.environ.update(environment)
sys.exit(main(arguments))
"""


@cache
def _forking() -> socket.socket:
    """What is sent here, a line of arguments and environment with four descriptors, becomes a process. It ends with the tests."""
    ours, theirs = socket.socketpair()
    command = (sys.executable, "-c", FORKING, str(theirs.fileno()))
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(WITHIN_S)

    atexit.register(end)
    return ours


class Command:
    """`dify-ollama` with these arguments, running in the folder of the project. `stdin` and `stdout` are pipes; `errors` go there, too."""

    def __init__(self, *arguments: str, errors: IO[str] | None = None, environment: Mapping[str, str] | None = None) -> None:
        child_in, typed = os.pipe()
        shown, child_out = os.pipe()
        told, child_told = os.pipe()
        request = json.dumps((arguments, {**os.environ, **(environment or {})})).encode() + b"\n"
        descriptors = (child_in, child_out, child_out if errors is None else errors.fileno(), child_told)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        sent = _forking().sendmsg([request], rights)
        _forking().sendall(request[sent:])
        for each in (child_in, child_out, child_told):
            close_descriptor(each)
        self.stdin, self.stdout, self._told = os.fdopen(typed, "w"), os.fdopen(shown), os.fdopen(told)
        self.pid = int(self._told.readline())

    def wait(self) -> int:
        """Waits for the end; gives the exit code."""
        if not self._told.closed:
            with self._told:
                self._code = int(self._told.readline())
        return self._code

    def interrupt(self) -> None:
        """Ctrl-C."""
        os.kill(self.pid, signal.SIGINT)

    def close(self) -> None:
        """Kills it if it still runs."""
        if not self._told.closed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.stdin.close()
        self.stdout.close()


def run(*arguments: str, typed: str = "", environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """A command until its end, with what it wrote. `typed` is all of its standard input."""
    with tempfile.TemporaryFile("w+") as errors:
        command = Command(*arguments, errors=errors, environment=environment)
        command.stdin.write(typed)
        command.stdin.close()
        shown = command.stdout.read()
        code = command.wait()
        command.close()
        errors.seek(0)
        return subprocess.CompletedProcess(arguments, code, shown, errors.read())

"""Processes that tests need, started before it is their turn: while pytest works on one core, another core starts one after the other.

A test module names its programs, plugin processes and replay servers when it is imported. On a machine with one core each is started when
it is needed.
"""

import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Protocol

from fixtures.replay import SubprocessReplayServer
from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.process import COMMAND
from tests.structure.sources import ROOT

WITHIN_S = 60
CORES = os.cpu_count() or 1
IDLE = 16
"""Plugin processes that may wait for their test."""
HEARTBEAT_S = 0.1


class Begun(Protocol):
    """What can be begun early."""

    def start(self) -> None:
        """Does nothing a second time."""

    def close(self) -> None:
        """Ends it if it was begun."""

    @property
    def is_busy(self) -> bool:
        """It needs a core."""

    @property
    def is_idle(self) -> bool:
        """It waits for its test."""


class Program:
    """A program whose output is read when it is wanted; one that has more to say than a pipe holds waits until then."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Arguments of `python`, and what is added to the environment."""
        self._command = (sys.executable, *arguments)
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._begun()

    def _begun(self) -> "subprocess.Popen[str]":
        if self._process is None:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
            )
        return self._process

    @property
    def is_busy(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def is_idle(self) -> bool:
        return False

    @cached_property
    def done(self) -> "subprocess.CompletedProcess[str]":
        """What it printed until its end. Raises TimeoutExpired."""
        process = self._begun()
        out, err = process.communicate(timeout=WITHIN_S)
        return subprocess.CompletedProcess(self._command, process.returncode, out, err)

    @property
    def printed(self) -> str:
        """The output of a program that must succeed."""
        assert self.done.returncode == 0, self.done.stderr[-3000:]
        return self.done.stdout

    def close(self) -> None:
        if self._process is not None and "done" not in vars(self):
            self._process.kill()
            self._process.communicate()


class Plugin:
    """A plugin process of a test or a module of its own; with heartbeats that one can wait for."""

    def __init__(
        self, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND, *, answers_questions: bool = True
    ) -> None:
        beating = {"HEARTBEAT_INTERVAL": str(HEARTBEAT_S), **(environment or {})}
        self._plugin = PluginProcess(beating, command, answers_questions=answers_questions)
        self._is_begun = self._is_idle = False

    def start(self) -> None:
        if not self._is_begun:
            self._is_begun = self._is_idle = True
            self._plugin.start()

    @property
    def is_busy(self) -> bool:
        return self._is_idle and not self._plugin.ready

    @property
    def is_idle(self) -> bool:
        return self._is_idle

    @contextmanager
    def taken(self) -> Iterator[PluginProcess]:
        """The process, when it is ready; the end kills it."""
        self.start()
        self._is_idle = False
        try:
            self._plugin.wait_until_ready()
            yield self._plugin
        finally:
            self._plugin.close()

    def close(self) -> None:
        self._plugin.close()


class Replay:
    """A replay server of all recordings in a process of its own."""

    def __init__(self) -> None:
        self._server = SubprocessReplayServer()
        self._is_idle = False

    def start(self) -> None:
        self._is_idle = True
        self._server.start()

    @property
    def is_busy(self) -> bool:
        return False

    @property
    def is_idle(self) -> bool:
        return self._is_idle

    @contextmanager
    def taken(self) -> Iterator[SubprocessReplayServer]:
        """The server, when it answers; the end ends it."""
        self._is_idle = False
        with self._server as server:
            yield server

    def close(self) -> None:
        self._server.close()


class Queue:
    """Of the modules that are run, in their order."""

    def __init__(self) -> None:
        self._all: list[Begun] = []
        self._waiting: deque[tuple[str, Begun]] = deque()
        self._begun: list[Begun] = []

    def add(self, module: str, needed: Begun) -> None:
        """For a module, by its `__name__`."""
        self._all.append(needed)
        self._waiting.append((module, needed))

    def keep(self, modules: Sequence[str]) -> None:
        """Forgets what other modules need."""
        kept = set(modules)
        self._waiting = deque(pair for pair in self._waiting if pair[0] in kept)

    def go_on(self) -> None:
        """Begins the next one, unless one is still busy or enough wait for their test."""
        self._begun = [each for each in self._begun if each.is_busy or each.is_idle]
        if self._waiting and len(self._begun) < IDLE and not any(each.is_busy for each in self._begun) and CORES > 1:
            self._begun.append(self._waiting.popleft()[1])
            self._begun[-1].start()

    def close(self) -> None:
        """Ends all that were begun."""
        for each in self._all:
            each.close()


QUEUE = Queue()


def programs(module: str, arguments: Mapping[str, Sequence[str]], environment: Mapping[str, str] | None = None) -> Mapping[str, Program]:
    """The programs of a module."""
    found = {name: Program(*each, environment=environment) for name, each in arguments.items()}
    for each in found.values():
        QUEUE.add(module, each)
    return found


def replay(module: str) -> Replay:
    """A replay server of a module."""
    found = Replay()
    QUEUE.add(module, found)
    return found


def plugin(
    module: str, environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND, *, answers_questions: bool = True
) -> Plugin:
    """A plugin process of a module."""
    found = Plugin(environment, command, answers_questions=answers_questions)
    QUEUE.add(module, found)
    return found

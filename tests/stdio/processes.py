"""Programs and plugin processes of tests, started when they are needed."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.process import COMMAND
from tests.structure.sources import ROOT

WITHIN_S = 60
HEARTBEAT_S = 0.1


class Program:
    """A program that is run once, when a test first wants what it printed."""

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Arguments of `python`, and what is added to the environment."""
        self._command = (sys.executable, *arguments)
        self._environment = {**os.environ, **(environment or {})}

    @cached_property
    def done(self) -> "subprocess.CompletedProcess[str]":
        """What it printed until its end. Raises TimeoutExpired."""
        return subprocess.run(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    @property
    def printed(self) -> str:
        """The output of a program that must succeed."""
        assert self.done.returncode == 0, self.done.stderr[-3000:]
        return self.done.stdout


def programs(arguments: Mapping[str, Sequence[str]], environment: Mapping[str, str] | None = None) -> Mapping[str, Program]:
    """Programs by their names."""
    return {name: Program(*each, environment=environment) for name, each in arguments.items()}


def beating_plugin(
    environment: Mapping[str, str] | None = None, command: tuple[str, ...] = COMMAND, *, answers_questions: bool = True
) -> PluginProcess:
    """A plugin process of a test or a module of its own, not started; with heartbeats that one can wait for."""
    return PluginProcess({"HEARTBEAT_INTERVAL": str(HEARTBEAT_S), **(environment or {})}, command, answers_questions=answers_questions)

"""All commands, and the one place that runs them.

A command is a module with `add_parser(subparsers)` and `run(options) -> int`; what costs time to import is imported inside `run`. A new
command is a module and a row here.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from plugin_entry.cli import chat, demo, doctor, package, record, replay, trace
from plugin_entry.cli.complaints import CommandError

FAILED, INTERRUPTED = 1, 130


class Command(Protocol):
    """What a command's module offers."""

    def add_parser(self, subparsers: Any) -> argparse.ArgumentParser:
        """Makes the command's parser."""

    def run(self, options: argparse.Namespace) -> int:
        """Gives the exit code. Raises CommandError."""


COMMANDS: tuple[Command, ...] = (demo, chat, doctor, replay, record, trace, package)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. A CommandError becomes one sentence on the standard error and exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except CommandError as error:
        print(f"dify-ollama: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read has left (`| head`); what is still buffered must not raise once more when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dify-ollama", description="Dify's model provider for Ollama, outside of Dify.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        command.add_parser(subparsers).set_defaults(run=command.run)
    return parser

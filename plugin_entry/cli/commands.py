"""All commands, and the one place that runs them.

Enters: what was typed. Leaves: an exit code, and for a CommandError its sentence.

A command is a module with `EXAMPLES`, `add_parser(subparsers)` and `run(options) -> int`; what costs time to import is imported inside
`run`. A new command is a module and a row here. A command whose parser has a default for `client` is given what is typed behind `--`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from plugin_entry.cli import chat, demo, doctor, package, record, replay, trace
from plugin_entry.cli.complaints import CommandError
from plugin_entry.cli.help_texts import with_examples

FAILED, INTERRUPTED = 1, 130
CLIENT = "--"


class Command(Protocol):
    """What a command's module offers. `EXAMPLES` are lines to type."""

    EXAMPLES: tuple[str, str]

    def add_parser(self, subparsers: Any) -> argparse.ArgumentParser:
        """Makes the command's parser."""

    def run(self, options: argparse.Namespace) -> int:
        """Gives the exit code. Raises CommandError."""


COMMANDS: tuple[Command, ...] = (demo, chat, doctor, replay, record, trace, package)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. A CommandError becomes one sentence on the standard error and exit code 1."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
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


def _options(typed: Sequence[str]) -> argparse.Namespace:
    """argparse would give the words behind `--` to the first argument that takes any number, or to none."""
    parser, end = _parser(), typed.index(CLIENT) if CLIENT in typed else len(typed)
    options, client = parser.parse_args(typed[:end]), list(typed[end + 1 :])
    if client and not hasattr(options, "client"):
        parser.error(f"this command runs no other: {' '.join(typed[end:])}")
    if client:
        options.client = client
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dify-ollama", description="Dify's model provider for Ollama, outside of Dify.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in COMMANDS:
        with_examples(command.add_parser(subparsers), command.EXAMPLES).set_defaults(run=command.run)
    return parser

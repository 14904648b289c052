"""The commands and the one place that runs them.

A command is a module with `EXAMPLES`, `add_parser(subparsers)` and `run(options) -> int`, and a row in `COMMANDS`. What is slow to import
is imported inside `run`. A parser with a default for `client` gets what is typed behind `--`.

The package for Dify holds the files of this folder and none of the folders in it (`.difyignore`). There, the doctor is the only command.
"""

import argparse
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

COMMANDS: Mapping[str, str] = {
    "demo": "demo.command",
    "chat": "chat.command",
    "doctor": "doctor",
    "replay": "recording.replay",
    "record": "recording.command",
    "trace": "tracing.command",
    "package": "packaging.command",
}
"""A command's name and its module, below `plugin_entry.cli`, in the order of the help text."""

FAILED, INTERRUPTED = 1, 130
CLIENT = "--"
HOST_VARIABLE = "OLLAMA_HOST"


class CommandError(Exception):
    """A command cannot do what it was asked to. The text is one sentence: what is wrong and what to do."""


class Command(Protocol):
    """What a command's module offers. `EXAMPLES` are lines to type."""

    EXAMPLES: tuple[str, str]

    def add_parser(self, subparsers: Any) -> argparse.ArgumentParser:
        """Makes the command's parser."""

    def run(self, options: argparse.Namespace) -> int:
        """Gives the exit code. Raises CommandError."""


class HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraph by paragraph; indented paragraphs stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = (part if part.startswith(" ") else textwrap.fill(" ".join(part.split()), width) for part in text.strip("\n").split("\n\n"))
        return textwrap.indent("\n\n".join(filled), indent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. A CommandError becomes one sentence on the standard error and exit code 1."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(options.run(options))
    except CommandError as error:
        print(f"dify-ollama: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # the reader has left (`| head`); buffered text must not raise again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def installed() -> dict[str, Command]:
    """The commands whose folders are there."""
    here = __package__ or ""
    present = {name: f"{here}.{module}" for name, module in COMMANDS.items() if find_spec(f"{here}.{module.partition('.')[0]}")}
    return {name: cast(Command, import_module(module)) for name, module in present.items()}


def parse(typed: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; `run` among them. argparse would give the words behind `--` to the first argument that takes many."""
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
    for command in installed().values():
        made = command.add_parser(subparsers)
        made.formatter_class = HelpFormatter
        made.epilog = "\n\n".join(("examples:", "\n".join(f"  {example}" for example in command.EXAMPLES)))
        made.set_defaults(run=command.run)
    return parser


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """The options that name a server and a model."""
    parser.add_argument("--base-url", metavar="URL", help=f"the Ollama server; default: {HOST_VARIABLE}, if set")
    parser.add_argument("--model", metavar="NAME", help="default: the first model of the server that can chat")
    parser.add_argument("--api-key-env", metavar="NAME", help="the environment variable that holds the API key")


def names_a_server(options: argparse.Namespace) -> bool:
    """Whether options or environment name a real server."""
    return bool(options.base_url or options.model or os.environ.get(HOST_VARIABLE))

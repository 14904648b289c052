"""The commands and the one place that runs them.

A command is a module that offers what `Command` names, and a row in `COMMANDS`. What is slow to import is imported inside `run`. A parser
with a default for `client` gets what is typed behind `--`.

The package for Dify holds the files of this folder and none of the folders in it (`.difyignore`). There, the doctor is the only command.
It needs nothing but argparse; `rich` (colours) and `argcomplete` (completion) are used where they are installed.
"""

import argparse
import difflib
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

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

PROGRAM = "dify-ollama"
FAILED, WRONG_ARGUMENTS, INTERRUPTED = 1, 2, 130
CLIENT = "--"
MANIFEST = Path(__file__).resolve().parents[2] / "manifest.yaml"
"""In a clone and in the package for Dify; an installed wheel has metadata instead."""

SHELLS = ("bash", "zsh", "fish")
COMPLETING = "_ARGCOMPLETE"
"""The shell sets this variable when it asks for completions."""


class CommandError(Exception):
    """A command cannot do what it was asked to. The text is one sentence: what is wrong and what to do."""

    exit_code = FAILED


class ArgumentError(CommandError):
    """What was typed cannot be used, as is found outside of the command line: a file that is not there, a variable that is not set."""

    exit_code = WRONG_ARGUMENTS

    def __init__(self, option: str, sentence: str) -> None:
        super().__init__(f"argument {option}: {sentence}")


class Command(Protocol):
    """What a command's module offers. `HELP` is one line, `EXAMPLES` are lines to type."""

    HELP: str
    DESCRIPTION: str
    EXAMPLES: tuple[str, str]

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Adds the arguments."""

    def run(self, options: argparse.Namespace) -> int:
        """Gives the exit code. Raises CommandError."""


class HelpFormatter(argparse.HelpFormatter):
    """Wraps paragraph by paragraph; indented paragraphs stay as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        filled = (part if part.startswith(" ") else textwrap.fill(" ".join(part.split()), width) for part in text.strip("\n").split("\n\n"))
        return textwrap.indent("\n\n".join(filled), indent)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code. A CommandError becomes one sentence on the standard error and its exit code."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        return int(options.run(options))
    except CommandError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return error.exit_code
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
    """The options of a command line; `run` among them. Raises ArgumentError, and SystemExit as argparse does.

    argparse would give the words behind `--` to the first argument that takes many.
    """
    commands = installed()
    parser = _parser(commands)
    if typed and not typed[0].startswith("-") and typed[0] not in commands:
        raise ArgumentError("COMMAND", _unknown(typed[0], commands))
    end = typed.index(CLIENT) if CLIENT in typed else len(typed)
    options, client = parser.parse_args(typed[:end]), list(typed[end + 1 :])
    if client and not hasattr(options, "client"):
        parser.error(f"this command runs no other: {' '.join(typed[end:])}")
    if client:
        options.client = client
    return options


def _parser(commands: Mapping[str, Command]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description="Dify's model provider for Ollama, outside of Dify.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {_version()}")
    parser.add_argument("--completion", choices=SHELLS, help=f'completion for your shell: eval "$({PROGRAM} --completion bash)"')
    parser.set_defaults(run=lambda options: _without_command(parser, options.completion))
    subparsers = parser.add_subparsers(metavar="COMMAND", title="commands")
    for name, command in commands.items():
        examples = "\n".join(("examples:\n", *(f"  {example}" for example in command.EXAMPLES)))
        made = subparsers.add_parser(
            name, help=command.HELP, description=command.DESCRIPTION, epilog=examples, formatter_class=HelpFormatter
        )
        command.add_options(made)
        made.set_defaults(run=command.run)
    if COMPLETING in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    return parser


def _unknown(word: str, commands: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, commands, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"Choose one of {', '.join(commands)}."
    return f"there is no command {word!r}. {hint}"


def _without_command(parser: argparse.ArgumentParser, shell: str | None) -> int:
    if shell is None:
        parser.print_help()
        return 0
    try:
        from argcomplete.shell_integration import shellcode
    except ImportError as error:
        raise CommandError("Completion needs the package argcomplete. Run: pip install 'dify-ollama[cli]'") from error
    print(shellcode([PROGRAM], shell=shell))
    return 0


def _version() -> str:
    if MANIFEST.is_file() and (found := re.search(r"(?m)^version: *(\S+)", MANIFEST.read_text(encoding="utf-8"))):
        return found[1]
    return version(PROGRAM)

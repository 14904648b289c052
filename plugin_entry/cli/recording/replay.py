"""`dify-ollama replay`: recordings served as an Ollama server, so that Dify or any other client can talk to them."""

import argparse
from typing import Any

from plugin_entry.cli.commands import CommandError

EXAMPLES = (
    "dify-ollama replay --port 11500 --time-scale 1",
    "dify-ollama replay recordings/0.24.0",
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Everything after the command's name goes to the replay server's own parser."""
    # with a prefix that nobody types, options like --port are taken as they are
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "replay", help="serve recordings as an Ollama server", description=__doc__, add_help=False, prefix_chars="\0"
    )
    parser.add_argument("arguments", nargs="*")
    return parser


def run(options: argparse.Namespace) -> int:
    """Serves until it is interrupted."""
    try:
        from fixtures import replay
    except ImportError as error:
        raise CommandError("The recordings are not part of this installation. Run the command from a clone of the project.") from error
    return replay.main(options.arguments, "dify-ollama replay", "\n".join(("examples:", "", *(f"  {example}" for example in EXAMPLES))))

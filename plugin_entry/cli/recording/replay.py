"""`dify-ollama replay`: recordings served as an Ollama server, so that Dify or any other client can talk to them."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from plugin_entry.cli.commands import ArgumentError, CommandError
from plugin_entry.cli.options import add_listening_options, add_plain_option, number_from_zero
from plugin_entry.cli.screen import Look, Screen, open_screen

HELP = "serve recordings as an Ollama server"
DESCRIPTION = """Serves recordings as an Ollama server would. The first line of the output is its URL; Ctrl-C ends it.

A request gets the recording that fits it best. URL/replay/VERSION/SCENARIO as the base URL picks one.
"""

EXAMPLES = (
    "dify-ollama replay --port 11500 --time-scale 1",
    "dify-ollama replay recordings/0.24.0",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("directories", nargs="*", type=Path, metavar="DIRECTORY", help="recordings; default: those of this project")
    add_listening_options(parser, 0)
    parser.add_argument("--chunking", default="original", metavar="HOW", help="how replies are cut: original, whole, by-line and others")
    parser.add_argument("--time-scale", type=number_from_zero, default=0.0, metavar="X", help="1: recorded speed; default: 0, no waiting")
    parser.add_argument("--list", action="store_true", help="list the recordings instead, a line each")
    add_plain_option(parser)


def run(options: argparse.Namespace) -> int:
    """Serves until it is interrupted. Raises CommandError."""
    try:
        from fixtures import chunking, replay
        from fixtures.recordings import RecordingError
    except ImportError as error:
        raise CommandError("The recordings are not part of this installation. Run the command from a clone of the project.") from error
    screen = open_screen(plain=options.plain)
    try:
        how = chunking.by_name(options.chunking)
        with screen.waiting("Reading the recordings"):
            recordings = replay.recordings_in(options.directories)
        if options.list:
            for each in recordings:
                screen.line(f"{each.address}  {each.method} {each.path}  {each.status}")
            return 0
        ready = partial(_introduce, screen, Counter(each.version for each in recordings))
        asyncio.run(replay.serve(recordings, how, options.time_scale, host=options.host, port=options.port, ready=ready))
    except RecordingError as error:
        raise CommandError(str(error)) from error
    except ValueError as error:
        raise ArgumentError("--chunking", str(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ArgumentError("--port", f"port {options.port} of {options.host} cannot be used: {error.strerror}. Name another.") from error
    return 0


def _introduce(screen: Screen, versions: Mapping[str, int], url: str) -> None:
    screen.line(url)
    for version, count in versions.items():
        screen.line(f"{version}: {count} recording{'' if count == 1 else 's'}", Look.QUIET)

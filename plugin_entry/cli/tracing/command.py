"""`dify-ollama trace`: the X-ray of one reply, line by line: what came, what it meant, where it led, and what Dify was given.

The reply comes from a recording, a file with its body, or the standard input while it arrives: `curl -N ... | dify-ollama trace -`.
"""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from plugin_entry.cli.commands import ArgumentError
from plugin_entry.cli.options import add_plain_option
from plugin_entry.cli.screen import Screen, open_screen, write_json

TEXT, JSON, HTML = FORMATS = ("text", "json", "html")

HELP = "see what became of every line of a reply"
DESCRIPTION = """Shows the X-ray of one reply, line by line: what came, what it meant, which state that led to, and what Dify was given.

The reply comes from a recording, a file with its body, or the standard input while it arrives. Without a source, the recordings are listed.
"""

EXAMPLES = (
    "dify-ollama trace 0.24.0/tool-two --format html -o trace.html",
    "curl -N http://localhost:11434/api/chat -d '{...}' | dify-ollama trace -",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "source", nargs="?", metavar="FILE|-|VERSION/SCENARIO", help="a recording, a reply body (NDJSON), or - for the standard input"
    )
    parser.add_argument("--format", choices=FORMATS, default=TEXT, help="default: text; html is one page without outside resources")
    parser.add_argument("--json", action="store_const", const=JSON, dest="format", help="the same as --format json")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: the standard output")
    add_plain_option(parser)


def run(options: argparse.Namespace) -> int:
    """Shows the trace. Raises CommandError for a source that is no reply of a chat."""
    from plugin_entry.cli.tracing.document import document_of
    from plugin_entry.cli.tracing.source import STDIN, recorded_names, source_of

    screen = open_screen(plain=options.plain)
    if options.source is None:
        names = list(recorded_names())
        if options.format == JSON:
            write_json(names)
        else:
            screen.line("\n".join(names))
        return 0
    with screen.waiting("Reading the standard input") if options.source == STDIN else nullcontext():
        document = document_of(source_of(options.source))
    if options.output is None:
        _write(document, options.format, sys.stdout, screen)
        return 0
    try:
        with options.output.open("w", encoding="utf-8") as file:
            _write(document, options.format, file, Screen(lambda text, _: file.write(text)))
    except OSError as error:
        raise ArgumentError("--output", f"{options.output} cannot be written: {error.strerror}.") from error
    return 0


def _write(document: Any, form: str, stream: TextIO, screen: Screen) -> None:
    """What is for programs goes out unchanged, and text as the screen shows it."""
    from plugin_entry.cli.tracing.html import to_html
    from plugin_entry.cli.tracing.text import to_json, to_rows

    if form == TEXT:
        for text, look in to_rows(document):
            screen.line(text, look)
    else:
        stream.write(to_json(document) if form == JSON else to_html(document))

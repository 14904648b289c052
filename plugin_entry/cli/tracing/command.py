"""`dify-ollama trace`: the X-ray of one reply, line by line: what came, what it meant, where it led, and what Dify was given.

The reply comes from a recording, a file with its body, or the standard input while it arrives: `curl -N ... | dify-ollama trace -`.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plugin_entry.cli.commands import CommandError

FORMATS = ("text", "json", "html")


EXAMPLES = (
    "dify-ollama trace 0.24.0/tool-two --format html -o trace.html",
    "curl -N http://localhost:11434/api/chat -d '{...}' | dify-ollama trace -",
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The options of the trace."""
    parser: argparse.ArgumentParser = subparsers.add_parser("trace", help="see what became of every line of a reply", description=__doc__)
    parser.add_argument("source", metavar="FILE|-|VERSION/SCENARIO", help="a recording, a reply body (NDJSON), or - for the standard input")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text; html is one page without outside resources")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help="default: the standard output")
    return parser


def run(options: argparse.Namespace) -> int:
    """Shows the trace. Raises CommandError for a source that is no reply of a chat."""
    from plugin_entry.cli.tracing.document import document_of
    from plugin_entry.cli.tracing.source import source_of

    shown = _renderers()[options.format](document_of(source_of(options.source)))
    if options.output is None:
        sys.stdout.write(shown)
        return 0
    try:
        options.output.write_text(shown, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{options.output} cannot be written: {error.strerror}.") from error
    return 0


def _renderers() -> Mapping[str, Callable[[Mapping[str, Any]], str]]:
    from plugin_entry.cli.tracing.html import to_html
    from plugin_entry.cli.tracing.text import to_json, to_text

    return {"text": to_text, "json": to_json, "html": to_html}

"""`dify-ollama doctor URL`: what stands between this machine and a server, step by step, and one sentence at the end.

A terminal gets lines of its width; a file or a pipe gets each finding on one line; `--json` gives one document. The command is part of the
package for Dify: `python -m plugin_entry.cli doctor URL` runs it in the plugin's own environment.
"""

import argparse
import asyncio
import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from typing import Any

import attrs

from plugin_entry.cli.commands import ArgumentError
from plugin_entry.cli.options import API_KEY_OPTION, add_json_option, add_plain_option, positive_number, secret_in
from plugin_entry.cli.screen import Look, Screen, open_screen, silent_screen, write_json
from translator.diagnosis.conclusion import EXIT_CODES, TROUBLES, Diagnosis, Finding, Layer, conclude
from translator.errors import RequestError

CERTIFICATE_OPTION = "--ca-certificate"

OPTIONS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("--proxy", "proxy", {"choices": ("auto", "always", "never"), "help": "use of the proxy that the environment names"}),
    (CERTIFICATE_OPTION, "ca_certificate", {"metavar": "FILE", "type": os.path.abspath, "help": "certificate of your own authority"}),
    ("--no-verify", "verify_tls", {"action": "store_const", "const": "false", "help": "accept any certificate"}),
    ("--allow-insecure-key", "allow_insecure_key", {"action": "store_const", "const": "true", "help": "send a key over http anywhere"}),
    ("--connect-timeout", "connect_timeout", {"metavar": "SECONDS", "type": positive_number, "help": "time limit for connecting"}),
)
"""Options that mean a field of the credentials: how they are written, the field, and the parser's settings."""

SECRETS: tuple[tuple[str, str, str], ...] = (
    (API_KEY_OPTION, "api_key", "the environment variable that holds the API key"),
    ("--headers-env", "extra_headers", "the environment variable that holds extra headers"),
)
"""What must not stand on a command line, where other users of the machine can read it."""

EXIT_MEANINGS: tuple[tuple[int, str], ...] = (
    (0, "all is well"),
    (2, "nothing was examined: wrong arguments, a file that is not there, or a variable that is not set"),
    *((EXIT_CODES[step], meaning) for step, meaning in TROUBLES.items()),
)
"""What scripts may rely on; the manual has the same table."""

BUDGET_S = 120.0
NARROWEST = 50
"""Columns below which wrapping helps nobody."""
LABEL_WIDTH = 12
INDENT = " " * (6 + LABEL_WIDTH)

HELP = "find out why a server cannot be reached"
DESCRIPTION = f"""Looks at everything between this machine and a server, step by step. The last line is one sentence: what is wrong, and
what to do.

Run it where Dify's plugins run (with Docker: inside the plugin daemon's container), as that is the place requests start from. It loads no
model and shows no key.

exit codes:

{chr(10).join(f"  {code:<3} {meaning}" for code, meaning in EXIT_MEANINGS)}

Any other number from {min(EXIT_CODES.values())} to {max(EXIT_CODES.values())} means that the time ran out.
"""

EXAMPLES = (
    "dify-ollama doctor http://host.docker.internal:11434",
    f"OLLAMA_KEY=... dify-ollama doctor https://ollama.com {API_KEY_OPTION} OLLAMA_KEY --model gpt-oss:120b",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("url", metavar="URL", help="the base URL, as you would enter it in Dify")
    parser.add_argument("--model", default="", metavar="NAME", help="a model to look at, as `ollama list` shows it")
    for flag, field, settings in OPTIONS:
        parser.add_argument(flag, dest=field, **settings)
    for flag, field, description in SECRETS:
        parser.add_argument(flag, dest=f"{field}_env", metavar="NAME", help=description)
    add_plain_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace) -> int:
    """Examines and shows; gives 0 or the code of the step where the trouble is. Raises ArgumentError."""
    screen, width = silent_screen() if options.json else open_screen(plain=options.plain), _width()
    saved = _saved(options)
    with screen.waiting("Examining the server"):
        diagnosis = _examine(saved, options.model.strip(), partial(_show, screen, width))
    screen.line()
    screen.line(_wrapped(diagnosis.sentence, width), Look.BAD if diagnosis.exit_code else Look.GOOD)
    if options.json:
        write_json(attrs.asdict(diagnosis))
    return diagnosis.exit_code


def _examine(saved: dict[str, str], model: str, tell: Callable[[Finding], None]) -> Diagnosis:
    from plugin_entry.checks.doctor import diagnose
    from plugin_entry.network.server import server_of, settings_of

    try:
        server = server_of(settings_of(saved))
    except RequestError as error:
        refused = Finding.of_error(Layer.ADDRESS, error)
        tell(refused)
        return conclude([refused], place="")
    address = Finding(step=Layer.ADDRESS, ok=True, sentence=f"Requests go to {server.base_url.origin}{server.base_url.path}.")
    tell(address)
    diagnosis = asyncio.run(diagnose(server, model=model, budget_s=BUDGET_S, tell=tell))
    return attrs.evolve(diagnosis, findings=(address, *diagnosis.findings))


def _saved(options: argparse.Namespace) -> dict[str, str]:
    """The options as a form's values. Raises ArgumentError."""
    if options.ca_certificate and not os.path.isfile(options.ca_certificate):
        raise ArgumentError(CERTIFICATE_OPTION, f"there is no file {options.ca_certificate}.")
    chosen = {field: getattr(options, field) for _, field, _ in OPTIONS}
    secret = {field: secret_in(flag, getattr(options, f"{field}_env")) for flag, field, _ in SECRETS}
    return {"base_url": options.url, **{name: str(value) for name, value in {**chosen, **secret}.items() if value}}


def _show(screen: Screen, width: int, finding: Finding) -> None:
    mark, look = ("FAIL", Look.BAD) if not finding.ok else ("note", Look.QUIET) if finding.is_note else ("ok", Look.GOOD)
    screen.piece(f"{mark:<6}", look)
    screen.piece(f"{finding.step:<{LABEL_WIDTH}}", Look.QUIET)
    screen.piece(f"{_wrapped(finding.sentence, width, INDENT)}\n")
    for detail in finding.details:
        screen.line(INDENT + _wrapped(detail, width, f"{INDENT}  "), Look.QUIET)


def _width() -> int:
    """Columns of the terminal; 0 for a file or a pipe, where a line is what programs search for."""
    return max(shutil.get_terminal_size().columns, NARROWEST) if sys.stdout.isatty() else 0


def _wrapped(text: str, width: int, indent: str = "") -> str:
    """The text in lines of at most `width`, each but the first behind `indent`; addresses and names stay whole."""
    if not width:
        return text
    lines = textwrap.wrap(text, width - len(indent), break_long_words=False, break_on_hyphens=False)
    return f"\n{indent}".join(lines)

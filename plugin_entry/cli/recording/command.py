"""`dify-ollama record`: stands between Dify and a server, and writes down what passes, so that it can be attached to a bug report.

Enters: the server's URL; requests of any client that is pointed at the printed address instead, or of a command after `--`, which is
run with that address as OLLAMA_HOST and whose end ends the recording. Leaves: one file per exchange, in the form that
`dify-ollama replay` and `dify-ollama trace` read, and the exit code of that command. Keys, addresses, names of people and pictures are
taken out, with --without-texts also what was asked and answered. Look through the files before you hand them on.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin_entry.cli.commands import HOST_VARIABLE, CommandError
from plugin_entry.cli.screen import Look, Screen, open_screen
from translator.errors import RequestError

if TYPE_CHECKING:
    from plugin_entry.cli.recording.proxy import Recorded, RecordingProxy
    from plugin_entry.network.server import Server


EXAMPLES = (
    "dify-ollama record http://localhost:11434 --port 11500",
    "dify-ollama record http://localhost:11434 -- ollama run qwen3:8b hello",
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The command's arguments."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "record",
        help="record exchanges with a server for a bug report",
        description=__doc__,
        usage="dify-ollama record [-h] [--port PORT] [--listen ADDRESS] [-o DIR] [--without-texts] [--plain] URL [-- COMMAND ...]",
    )
    parser.set_defaults(client=[])
    parser.add_argument("url", metavar="URL", help="the server, as you entered it in Dify")
    parser.add_argument("--port", type=int, default=11500, help="where to listen; default: 11500; 0 takes a free one")
    parser.add_argument("--listen", default="127.0.0.1", metavar="ADDRESS", help="default: 127.0.0.1; 0.0.0.0 for a Dify in Docker")
    parser.add_argument("-o", "--output", type=Path, default=Path("recordings"), metavar="DIR", help="default: recordings")
    parser.add_argument("--without-texts", action="store_true", help="replace what was asked and answered, letter by letter")
    parser.add_argument("--plain", action="store_true", help="without colours")
    return parser


def run(options: argparse.Namespace) -> int:
    """Records until it is interrupted or its client ends. Raises CommandError for a URL, a port or a client that cannot be used."""
    from plugin_entry.network.server import server_of, settings_of

    try:
        server = server_of(settings_of({"base_url": options.url}))
    except RequestError as error:
        raise CommandError(str(error)) from error
    folder = Folder(options.output, open_screen(plain=options.plain))
    code = 0
    with contextlib.suppress(KeyboardInterrupt):
        code = asyncio.run(_serve(server, folder, options))
    folder.conclude()
    return code


class Folder:
    """Where the exchanges are written, numbered on from what is there."""

    def __init__(self, directory: Path, screen: Screen) -> None:
        self._directory = directory
        self._screen = screen
        self._kept = 0

    @property
    def screen(self) -> Screen:
        """Where the person looks."""
        return self._screen

    def keep(self, recorded: "Recorded") -> None:
        """Writes one exchange, or says why not."""
        name = self._write(recorded.path, recorded.document) if recorded.document else "-"
        look = Look.PLAIN if recorded.document else Look.BAD
        remark = f"  {recorded.remark}" if recorded.remark else ""
        self._screen.line(f"{name}  {recorded.method} {recorded.path}  {recorded.status}  {_pieces(recorded.pieces)}{remark}", look)

    def conclude(self) -> None:
        """What to do next."""
        count = f"{self._kept} exchange{'' if self._kept == 1 else 's'}"
        self._screen.line(f"{count} in {self._directory}. Look through what is written before you hand it on.")

    def _write(self, route: str, document: dict[str, Any]) -> str:
        folder = self._directory / document["server"]
        folder.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]-*.json")), default=0)
        scenario = f"{number:04}-{re.sub(r'[^a-z0-9]+', '-', route.lower()).strip('-')[:40] or 'root'}"
        text = json.dumps({**document, "scenario": scenario}, indent=1)
        (folder / f"{scenario}.json").write_text(text + "\n", encoding="ascii")
        self._kept += 1
        return f"{document['server']}/{scenario}.json"


def _pieces(count: int) -> str:
    return f"{count} piece{'' if count == 1 else 's'}"


async def _serve(server: "Server", folder: Folder, options: argparse.Namespace) -> int:
    proxy = _proxy(server, folder, options)
    try:
        runner, url = await proxy.start(options.listen, options.port)
    except OSError as error:
        raise CommandError(
            f"Port {options.port} of {options.listen} cannot be used: {error.strerror}. Name another with --port."
        ) from error
    try:
        folder.screen.line(url)
        folder.screen.line(f"passes everything on to {server.place} (version {proxy.version}); Ctrl-C ends it", Look.QUIET)
        if options.client:
            return await _client(options.client, url)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
    return 0


async def _client(command: list[str], url: str) -> int:
    """Runs a client that asks the proxy instead of the server; gives its exit code. Raises CommandError."""
    try:
        process = await asyncio.create_subprocess_exec(*command, env={**os.environ, HOST_VARIABLE: url})
    except OSError as error:
        raise CommandError(f"{command[0]} cannot be run: {error.strerror}.") from error
    try:
        return await process.wait()
    except asyncio.CancelledError:
        # the terminal sent Ctrl-C to the client as well
        await process.wait()
        raise


def _proxy(server: "Server", folder: Folder, options: argparse.Namespace) -> "RecordingProxy":
    from plugin_entry.cli.recording.proxy import RecordingProxy
    from plugin_entry.cli.recording.scrubbing import Scrubber

    scrubber = Scrubber(names=(server.base_url.host, socket.gethostname()), without_texts=options.without_texts)
    return RecordingProxy(server, scrubber, folder.keep)

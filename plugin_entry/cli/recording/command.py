"""`dify-ollama record`: stands between Dify and a server, and writes down what passes, so that it can be attached to a bug report.

There is one file per exchange, which `dify-ollama replay` and `dify-ollama trace` read. What is replaced in it is said by the help text.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from plugin_entry.cli.commands import ArgumentError, CommandError
from plugin_entry.cli.options import HOST_VARIABLE, add_listening_options, add_plain_option
from plugin_entry.cli.screen import Look, Screen, open_screen
from translator.errors import RequestError

if TYPE_CHECKING:
    from plugin_entry.cli.recording.documents import Documents, Exchange, RecordingDocument
    from plugin_entry.network.server import Server


UNDER_WAY = "under way"

HELP = "record exchanges with a server for a bug report"
DESCRIPTION = """Stands between Dify and a server, and writes down what passes, so that it can be attached to a bug report.

Point a client at the printed address instead of the server, or name a command after `--`: it is run with that address as OLLAMA_HOST, and
its end ends the recording. There is one file per exchange, which `dify-ollama replay` and `dify-ollama trace` read.

What is written: the structure of requests and replies of Ollama and of rerank services (statuses, counts, times, versions, names of
models and options), and texts. Every other value is replaced. Replaced in texts, too, is what was sent in a header, a login, a cookie or
a URL of this run, in plain, percent-encoded, base64 and escaped form (a value of fewer than five characters where it stands alone; of fewer
than three only a login's; not words that everybody sends, such as `ollama` and `localhost`). Replaced are also pictures, keys of well-known
forms, mail and IP addresses, hosts in URLs, and names of home directories.

Names of people and other words in texts are NOT recognised: what was asked and answered stays as it was. --without-texts replaces all
texts letter by letter: prompts, answers, tool names and arguments, documents, vectors, and error messages except for the words by which
they are known. Look through the files before you hand them on.
"""

EXAMPLES = (
    "dify-ollama record http://localhost:11434 --port 11500",
    "dify-ollama record http://localhost:11434 -- ollama run qwen3:8b hello",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.usage = "dify-ollama record [-h] [--host ADDRESS] [--port PORT] [-o DIR] [--without-texts] [--plain] URL [-- COMMAND ...]"
    parser.set_defaults(client=[])
    parser.add_argument("url", metavar="URL", help="the server, as you entered it in Dify")
    add_listening_options(parser, 11500)
    parser.add_argument("-o", "--output", type=Path, default=Path("recordings"), metavar="DIR", help="default: recordings")
    parser.add_argument("--without-texts", action="store_true", help="replace all texts, letter by letter")
    add_plain_option(parser)


def run(options: argparse.Namespace) -> int:
    """Records until it is interrupted or its client ends. Raises CommandError for a URL, a port or a client that cannot be used."""
    from plugin_entry.network.server import server_of, settings_of

    try:
        server = server_of(settings_of({"base_url": options.url}))
    except RequestError as error:
        raise ArgumentError("URL", str(error)) from error
    folder = Folder(options.output, open_screen(plain=options.plain), _documents(server, without_texts=options.without_texts))
    code = 0
    with contextlib.suppress(KeyboardInterrupt):
        code = asyncio.run(_serve(server, folder, options))
    folder.conclude()
    return code


@attrs.define(slots=True)
class Folder:
    """Where the exchanges are written, numbered on from what is there."""

    directory: Path
    screen: Screen
    documents: "Documents"
    _written: list[tuple[Path, int]] = attrs.field(factory=list, init=False)
    """Files, and how much had been sent in secret when they were written."""

    def keep(self, exchange: "Exchange") -> None:
        """Writes one exchange, or says why not. Called by the thread of the recorder."""
        document, description = self.documents.recorded(exchange)
        name = self._write(document) if document else "-"
        self.screen.line(f"{name}  {description}", Look.PLAIN if document else Look.BAD)

    def still_runs(self, exchange: "Exchange") -> None:
        """Says that an exchange takes long. Nothing of it is scrubbed yet, so a known route is named at most. Called by the same thread."""
        from plugin_entry.cli.recording.places import route_of

        self.screen.line(f"{route_of(exchange.target.partition('?')[0]) or 'an exchange'}  {UNDER_WAY}", Look.QUIET)

    def conclude(self) -> None:
        """Hides in earlier files what was sent in secret only later, and says what to do next."""
        from plugin_entry.cli.recording.scrubbing import TakesTooLongError

        for path in [path for path, known in self._written if known < self.documents.scrubber.secrets.learnt]:
            try:
                _put(path, self.documents.again(json.loads(path.read_text(encoding="ascii"))))
            except TakesTooLongError:
                path.unlink()
                self.screen.line(f"{path.name} was taken away again: it could not be scrubbed in time", Look.BAD)
        count = f"{len(self._written)} exchange{'' if len(self._written) == 1 else 's'}"
        self.screen.line(f"{count} in {self.directory}. Look through what is written before you hand it on.")

    def _write(self, document: "RecordingDocument") -> str:
        folder = self.directory / document["server"]
        folder.mkdir(parents=True, exist_ok=True)
        number = 1 + max((int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]-*.json")), default=0)
        route = re.sub(r"[^a-z0-9]+", "-", document["request"]["path"].lower()).strip("-")[:40]
        scenario = f"{number:04}-{route or 'root'}"
        path = folder / f"{scenario}.json"
        _put(path, {**document, "scenario": scenario})
        self._written.append((path, self.documents.scrubber.secrets.learnt))
        return f"{document['server']}/{scenario}.json"


def _put(path: Path, document: "RecordingDocument") -> None:
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="ascii")


async def _serve(server: "Server", folder: Folder, options: argparse.Namespace) -> int:
    from plugin_entry.cli.recording.proxy import RecordingProxy

    proxy = RecordingProxy(server, folder.keep, folder.still_runs)
    try:
        runner, url = await proxy.start(options.host, options.port)
    except OSError as error:
        raise ArgumentError("--port", f"port {options.port} of {options.host} cannot be used: {error.strerror}. Name another.") from error
    try:
        folder.documents.version = await proxy.version()
        folder.screen.line(url)
        folder.screen.line(f"passes everything on to {server.place} (version {folder.documents.version}); Ctrl-C ends it", Look.QUIET)
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


def _documents(server: "Server", *, without_texts: bool) -> "Documents":
    from plugin_entry.cli.recording import secrets
    from plugin_entry.cli.recording.documents import Documents
    from plugin_entry.cli.recording.scrubbing import Scrubber

    machine = [name for name in (socket.gethostname(),) if re.search(r"[.\d-]", name)]  # a plain word stands in other texts, too
    known = (*secrets.of_url(server.base_url), *secrets.of_headers(server.headers), *machine)
    return Documents(Scrubber(secrets.Secrets().and_these(known), without_texts))

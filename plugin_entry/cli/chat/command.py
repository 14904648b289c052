"""`dify-ollama chat`: a chat in the terminal that goes the whole way a Dify chat goes, through the plugin as a subprocess.

It takes what a person types, or lines on the standard input. A line that ends in a backslash goes on in the next one; three quotes begin a
block that goes on to the next three quotes. The exit code tells whether all messages were answered.

Ctrl-C stops an answer. Dify's protocol has no word for that, so the plugin's process is ended and another one started: its connections are
closed with it, and a server whose client is gone stops generating.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from plugin_entry.cli.chat.conversation import Conversation, schema_of
from plugin_entry.cli.chat.slash_commands import Chat, Leave, obey
from plugin_entry.cli.commands import CommandError, add_server_options
from plugin_entry.cli.daemon import PluginProcess, PluginProcessError
from plugin_entry.cli.screen import Look, Screen, open_screen

STOPPED = (
    "stopped after {ms:.0f} ms: the plugin's process has ended, and its connection with it, so the server stops generating; "
    "the question is taken back"
)
SYSTEM_EXIT_HINT = "Ctrl-C again or /quit leaves."

BLOCK = '"""'
CONTINUED = "\\"

FIRST, NEXT = "> ", "… "

type ReadLine = Callable[[str], str | None]
"""Takes a prompt, gives a line without its end, None when there are no more."""

EXAMPLES = (
    "dify-ollama chat --base-url http://localhost:11434 --model qwen3:8b",
    "echo 'Why is the sky blue?' | dify-ollama chat --plain",
)


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """The options of the chat."""
    parser: argparse.ArgumentParser = subparsers.add_parser("chat", help="talk to a model through the plugin", description=__doc__)
    add_server_options(parser)
    parser.add_argument("--plain", action="store_true", help="no colours; the default where the output is no terminal")
    return parser


def run(options: argparse.Namespace) -> int:
    """Chats until the input ends. Raises CommandError when it cannot begin."""
    from plugin_entry.cli.chat.servers import target_of

    screen = open_screen(plain=options.plain)
    target = target_of(options)
    session = Session(screen)
    try:
        plugin = session.start()
        conversation = Conversation(plugin=plugin, screen=screen, model=target.model, credentials=target.credentials)
        window = schema_of(plugin, target.model, target.credentials)["model_properties"]["context_size"]
        screen.line(f"{target.model} at {target.place}, a window of {window} tokens. /help lists the commands.", Look.QUIET)
        return session.talk(Chat(conversation=conversation, window=window), _line_reader())
    except PluginProcessError as error:
        raise CommandError(str(error)) from error
    finally:
        session.close()


class Session:
    """The plugin's process, which is replaced when an answer is stopped, and the loop around it."""

    def __init__(self, screen: Screen, new_plugin: Callable[[], PluginProcess] = PluginProcess) -> None:
        self._screen = screen
        self._new_plugin = new_plugin
        self._plugin: PluginProcess | None = None
        self._failed = False

    def start(self) -> PluginProcess:
        """Starts a process in place of the one before."""
        self.close()
        self._plugin = self._new_plugin()
        self._plugin.start()
        self._plugin.wait_until_ready()
        return self._plugin

    def close(self) -> None:
        """Ends the process."""
        if self._plugin is not None:
            self._plugin.close()
            self._plugin = None

    def talk(self, chat: Chat, read_line: ReadLine) -> int:
        """Answers message after message; gives the exit code."""
        interrupted = False
        while True:
            try:
                for message in messages(read_line):
                    interrupted = False
                    self._take(chat, message)
            except Leave:
                break
            except KeyboardInterrupt:
                if interrupted:
                    break
                interrupted = True
                self._screen.line(SYSTEM_EXIT_HINT, Look.QUIET)
                chat.conversation.plugin = self.start()  # the terminal sends Ctrl-C to all processes in it
                continue
            break
        return 1 if self._failed else 0

    def _take(self, chat: Chat, message: str) -> None:
        try:
            if message.startswith("/"):
                self._screen.line(obey(chat, message), Look.QUIET)
            else:
                self._answer(chat, message)
        except CommandError as error:
            self._failed = True
            self._screen.line(str(error), Look.BAD)

    def _answer(self, chat: Chat, message: str) -> None:
        turns = chat.conversation.say(chat.content(message))
        try:
            for result in turns:
                self._screen.line(result.facts, Look.QUIET)
                self._failed = self._failed or result.error is not None
                chat.prompt_tokens = result.prompt_tokens or chat.prompt_tokens
        except KeyboardInterrupt:
            started = time.perf_counter()
            self.close()
            self._screen.line(STOPPED.format(ms=(time.perf_counter() - started) * 1000), Look.QUIET)
            chat.conversation.plugin = self.start()


def messages(read_line: ReadLine) -> Iterator[str]:
    """Gives message after message until the lines end; what was begun by then counts."""
    while (line := read_line(FIRST)) is not None:
        message = _message(line, read_line).strip()
        if message:
            yield message


def _message(line: str, read_line: ReadLine) -> str:
    if line.lstrip().startswith(BLOCK):
        return _block(line.lstrip().removeprefix(BLOCK), read_line)
    parts = [line]
    while parts[-1].endswith(CONTINUED):
        parts[-1] = parts[-1].removesuffix(CONTINUED)
        following = read_line(NEXT)
        if following is None:
            break
        parts.append(following)
    return "\n".join(parts)


def _block(line: str, read_line: ReadLine) -> str:
    parts: list[str] = []
    following: str | None = line
    while following is not None:
        text, closed, _ = following.partition(BLOCK)
        parts.append(text)
        if closed:
            break
        following = read_line(NEXT)
    return "\n".join(parts)


def _line_reader() -> ReadLine:
    return _typed if sys.stdin.isatty() else _piped


def _typed(prompt: str) -> str | None:
    import readline  # noqa: F401 - gives `input` history and editing

    try:
        return input(prompt)
    except EOFError:
        return None


def _piped(_: str) -> str | None:
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None

"""`dify-ollama chat`: a chat in the terminal that goes the whole way a Dify chat goes, through the plugin as a subprocess.

It takes what a person types, or lines on the standard input; then the standard output gets the answers and nothing else. A line that ends
in a backslash goes on in the next one; three quotes begin a block that goes on to the next three quotes.

Ctrl-C stops an answer as Dify does: nobody reads it any more. The plugin finds that out by itself (`plugin_entry/dify/callers.py`) and
closes its connection with the server.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

from plugin_entry.cli.chat.conversation import ChatHistory, schema_of
from plugin_entry.cli.chat.slash_commands import Chat, Leave, run_slash_command
from plugin_entry.cli.commands import CommandError
from plugin_entry.cli.daemon import PluginProcess, PluginProcessError
from plugin_entry.cli.options import add_plain_option, add_server_options
from plugin_entry.cli.screen import Look, Screen, open_screen

STOPPED = (
    "stopped, and the question is taken back; the plugin frees the server within about five seconds, at the latest during the next question"
)
"""The end is for an answer that is stopped before the plugin knows that its host answers questions (`plugin_entry/dify/liveness.py`)."""
LEAVE_HINT = "Ctrl-C again or /quit leaves."

BLOCK = '"""'
CONTINUED = "\\"

FIRST, NEXT = "> ", "… "

type ReadLine = Callable[[str], str | None]
"""Takes a prompt, gives a line without its end, None when there are no more. Raises Leave."""

HELP = "talk to a model through the plugin"
DESCRIPTION = """Chat with a model in the terminal. Each message goes the whole way it goes in Dify, through the plugin; /help lists what
else can be typed. Ctrl-C stops an answer, and twice at the prompt it leaves.

Lines can be piped in as well: then the standard output gets the answers alone, and everything else goes to the standard error. The exit
code is 0 when all messages were answered.
"""

EXAMPLES = (
    "dify-ollama chat --base-url http://localhost:11434 --model qwen3:8b",
    "echo 'Why is the sky blue?' | dify-ollama chat",
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_server_options(parser)
    add_plain_option(parser)


def run(options: argparse.Namespace) -> int:
    """Chats until the input ends; gives 1 when a message was not answered. Raises CommandError when it cannot begin."""
    from plugin_entry.cli.chat.servers import target_of

    is_typed = sys.stdin.isatty()
    screen = open_screen(plain=options.plain, answers_alone=not is_typed)
    target = target_of(options, screen)
    plugin = PluginProcess()
    try:
        with screen.waiting("Starting the plugin"):
            plugin.start()
            plugin.wait_until_ready()
            window = schema_of(plugin, target.model, target.credentials)["model_properties"]["context_size"]
        screen.line(f"{target.model} at {target.place}, a window of {window} tokens. /help lists the commands.", Look.QUIET)
        conversation = ChatHistory(plugin=plugin, screen=screen, model=target.model, credentials=target.credentials)
        return talk(Chat(conversation=conversation, window=window), TypedLines(screen) if is_typed else _piped_line)
    except PluginProcessError as error:
        raise CommandError(str(error)) from error
    finally:
        plugin.close()


def talk(chat: Chat, read_line: ReadLine) -> int:
    """Answers message after message; gives the exit code."""
    good = True
    try:
        for message in messages(read_line):
            good = _is_answered(chat, message) and good
    except Leave:
        pass
    return 0 if good else 1


def _is_answered(chat: Chat, message: str) -> bool:
    """Whether all went well; stopping an answer is no fault."""
    screen = chat.conversation.screen
    try:
        if message.startswith("/"):
            screen.line(run_slash_command(chat, message), Look.QUIET)
            return True
        return _answer(chat, message)
    except CommandError as error:
        screen.line(str(error), Look.BAD)
        return False
    except KeyboardInterrupt:
        screen.line(STOPPED, Look.QUIET)
        return True


def _answer(chat: Chat, message: str) -> bool:
    good = True
    for result in chat.conversation.ask(chat.content(message)):
        chat.conversation.screen.line(result.facts, Look.QUIET)
        good = good and result.error is None
        chat.prompt_tokens = result.prompt_tokens or chat.prompt_tokens
    return good


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


class TypedLines:
    """Lines that a person types. Ctrl-C leaves what was typed where it is; a second one, with nothing typed in between, leaves the chat."""

    def __init__(self, screen: Screen) -> None:
        import readline  # gives `input` history and editing

        self._readline = readline
        self._screen = screen

    def __call__(self, prompt: str) -> str | None:
        """The next line, None at its end. Raises Leave."""
        typed: str | None = None
        while True:
            self._readline.set_startup_hook(partial(self._readline.insert_text, typed or ""))
            try:
                return input(prompt)
            except EOFError:
                return None
            except KeyboardInterrupt:
                before, typed = typed, self._readline.get_line_buffer()
                if before == typed:
                    self._screen.line()
                    raise Leave from None
                self._screen.line(f"\n{LEAVE_HINT}", Look.QUIET)


def _piped_line(_: str) -> str | None:
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None

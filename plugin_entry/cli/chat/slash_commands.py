"""What begins with a slash in the chat, as a table. A mistake is a CommandError; its sentence is shown and the chat goes on."""

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from plugin_entry.cli.chat.conversation import ChatHistory, count_tokens
from plugin_entry.cli.chat.tools import TOOLS
from plugin_entry.cli.commands import CommandError
from plugin_entry.cli.daemon.requests import image_part
from translator.request.parameters import ThinkChoice

LARGEST_PICTURE_BYTES = 20 * 1024 * 1024


class Leave(Exception):  # noqa: N818 - a way out and no error
    """The chat is over."""


@attrs.define(slots=True, kw_only=True)
class Chat:
    """The conversation and what the next message takes along. `window` in tokens; `prompt_tokens` of the last turn, None before one."""

    conversation: ChatHistory
    window: int
    pictures: list[dict[str, Any]] = attrs.field(factory=list, repr=False)
    prompt_tokens: int | None = None

    def content(self, text: str) -> str | list[dict[str, Any]]:
        """The next message: the text, after the pictures that wait for it."""
        pictures, self.pictures = self.pictures, []
        return [*pictures, {"type": "text", "data": text}] if pictures else text


def run_slash_command(chat: Chat, line: str) -> str:
    """Does what a line says; gives what to show. Raises CommandError, and Leave."""
    name, _, rest = line.removeprefix("/").partition(" ")
    if name not in COMMANDS:
        raise CommandError(f"There is no command /{name}. /help lists them.")
    return COMMANDS[name][1](chat, rest.strip())


def _picture(chat: Chat, path_text: str) -> str:
    path = Path(path_text).expanduser()
    mime_type = mimetypes.guess_type(path.name)[0] or ""
    if not mime_type.startswith("image/"):
        raise CommandError("Name a picture file, such as /image photo.png.")
    try:
        if path.stat().st_size > LARGEST_PICTURE_BYTES:
            raise CommandError(f"The picture is larger than {LARGEST_PICTURE_BYTES >> 20} MiB.")
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"The picture cannot be read: {error.strerror}.") from error
    chat.pictures.append(image_part(data, mime_type, path.name))
    return f"{path.name} goes with the next message."


def _think(chat: Chat, level: str) -> str:
    if level not in tuple(ThinkChoice):
        raise CommandError(f"Choose one of {', '.join(ThinkChoice)}, such as /think high.")
    chat.conversation.parameters["think"] = level
    return f"Thinking: {level}."


def _tools(chat: Chat, which: str) -> str:
    if which not in ("demo", "off"):
        raise CommandError("Say /tools demo or /tools off.")
    chat.conversation.tools = TOOLS if which == "demo" else ()
    return f"Tools: {', '.join(tool['name'] for tool in chat.conversation.tools) or 'none'}."


def _context(chat: Chat, _: str) -> str:
    last = "" if chat.prompt_tokens is None else f"The last prompt had {chat.prompt_tokens} tokens. "
    kept = count_tokens(chat.conversation) if chat.conversation.messages else 0
    return f"{last}The conversation has about {kept} of {chat.window} tokens ({kept / chat.window:.0%})."


def _clear(chat: Chat, _: str) -> str:
    chat.conversation.messages.clear()
    chat.pictures.clear()
    chat.prompt_tokens = None
    return "The conversation begins anew."


def _help(_: Chat, __: str) -> str:
    rows = (f"/{name:<8} {about}" for name, (about, _) in COMMANDS.items())
    return "\n".join((*rows, 'A line that ends in \\ goes on; """ begins and ends a block. Ctrl-C stops an answer.'))


def _quit(_: Chat, __: str) -> str:
    raise Leave


COMMANDS: Mapping[str, tuple[str, Callable[[Chat, str], str]]] = {
    "image": ("PATH: takes a picture along with the next message", _picture),
    "think": (f"LEVEL: {', '.join(ThinkChoice)}", _think),
    "tools": ("demo or off: offers the model tools with made-up answers", _tools),
    "context": ("shows how much of the window is used", _context),
    "clear": ("forgets the conversation", _clear),
    "help": ("shows this", _help),
    "quit": ("leaves, as does Ctrl-D", _quit),
}

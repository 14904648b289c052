"""The SDK's reading of long request lines, apart from everybody else's work.

Enters: request lines, and their plain data. Leaves: what the SDK makes of them. All requests share one thread. The SDK copies a line
several times and parses it in one go, some 2 ms per megabyte; here others have their turn in the middle of it. And it makes an object of
each message in Python code, about 5 µs each: a history of 20,000 messages would keep every stream waiting for a tenth of a second.
"""

from functools import cache
from io import BytesIO
from typing import Any

import gevent
from dify_plugin.core.entities.plugin.request import ModelGetLLMNumTokens, ModelInvokeLLMRequest
from dify_plugin.core.server.stdio import request_reader
from pydantic import TypeAdapter

MESSAGES = "prompt_messages"
MANY = 1000
"""So many messages take 5 ms; moving them costs a tenth of a millisecond."""
LONG = 4 * 1024 * 1024
"""Bytes of a line that take 10 ms."""


class Lines:
    """What the SDK splits into lines: parts of which only the last has line ends."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    def split(self, end: bytes) -> list[bytes]:
        """The lines, the last of them not complete; each byte is copied once."""
        first, *more = self._parts[-1].split(end)
        return [b"".join([*self._parts[:-1], first]), *more]


class LineBuffer:
    """As much of a file in memory as the SDK uses to collect a line; it would copy the line three times more."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Adds what was read."""
        self._parts.append(data)

    def seek(self, place: int) -> None:
        """What follows is a `read` of everything."""

    def read(self) -> Lines:
        """Everything that was written."""
        return Lines(self._parts)


class LineAdapter:
    """The SDK's parser of request lines. Nobody else reads lines while others have their turn, so the order of requests stays."""

    def __init__(self, kind: Any) -> None:
        self._adapter = TypeAdapter[Any](kind)

    def validate_json(self, line: bytes) -> Any:
        """Parses a line that has just been copied together."""
        if len(line) > LONG:
            gevent.sleep(0)
        return self._adapter.validate_json(line)


def install() -> None:
    """Makes the SDK read long lines and long histories that way."""
    vars(request_reader)[BytesIO.__name__] = LineBuffer
    vars(request_reader)[TypeAdapter.__name__] = cache(LineAdapter)  # the SDK builds one and the same parser anew for each line
    for request in (ModelInvokeLLMRequest, ModelGetLLMNumTokens):
        _install_for(request)


def _install_for(request: Any) -> None:
    read = request.__init__

    def read_apart(self: Any, /, **data: Any) -> None:
        messages = data.get(MESSAGES)
        if isinstance(messages, list) and len(messages) > MANY:
            from plugin_entry.heavy import HEAVY, apart  # what it needs is imported after the first heartbeat

            apart(HEAVY, lambda: read(self, **data))
        else:
            read(self, **data)

    request.__init__ = read_apart

"""Request lines from the standard input to greenlets, without threads and queues in between.

Enters: the standard input. Leaves: requests that run. The SDK reads in a native thread, so each request begins with two changes of threads,
and hands it from there to a second reader through a queue; a pipe can be waited for by gevent's hub like any connection, and a request
can start where it was read. What is no pipe and no socket (a file) is read as the SDK does it; what is no request goes the SDK's way.
"""

import os
import stat
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import gevent
from dify_plugin import Plugin, plugin
from dify_plugin.core.entities.plugin.io import PluginInStream, PluginInStreamEvent
from dify_plugin.core.server.stdio.request_reader import StdioRequestReader
from gevent.event import Event
from gevent.os import tp_read
from pydantic import TypeAdapter

from plugin_entry.dify.frames import FrameWriter
from plugin_entry.dify.workers import GreenletExecutor

LIBEV_READ = 1
AT_ONCE = 64 * 1024
"""Bytes of one read: as much as a pipe holds."""

LONG = 4 * 1024 * 1024
"""Bytes of a line that take 10 ms to parse."""

FIELDS = TypeAdapter(dict[str, Any])
"""Reads JSON as the SDK does, which builds one and the same reader anew for each line."""


class Input:
    """A descriptor that nobody else reads from; for the thread that makes it."""

    def __init__(self, descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        self._descriptor = descriptor
        self._hub = gevent.get_hub()
        can_be_waited_for = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        self._watcher = self._hub.loop.io(descriptor, LIBEV_READ) if can_be_waited_for else None

    def read(self, size: int) -> bytes:
        """Waits for bytes and gives up to `size` of them; none at the end of the input."""
        if self._watcher is None:
            return bytes(tp_read(self._descriptor, size))
        self._hub.wait(self._watcher)
        return os.read(self._descriptor, size)

    def close(self) -> None:
        """Waits no more; the descriptor stays open."""
        if self._watcher is not None:
            self._watcher.close()


class LineReader(StdioRequestReader):
    """The SDK's reader of request lines. `start` runs a request; until it is set, requests go the SDK's way, too."""

    start: Callable[[PluginInStream], object] | None = None
    on_end: Callable[[], object] | None = None
    """Called once the input has ended."""
    _input: Input | None = None

    def _read_async(self) -> bytes:
        """Waits for ever after the end of the input; the SDK would read on, again and again, as fast as it can."""
        self._input = self._input or Input(0)
        data = self._input.read(AT_ONCE)
        if not data:
            if self.on_end is not None:
                self.on_end()
            Event().wait()
        return data

    def _read_stream(self) -> Generator[PluginInStream, None, None]:
        """Never ends, as little as the SDK's."""
        parts: list[bytes] = []
        while True:
            data = self._read_async()
            first, *others = data.split(b"\n")
            parts.append(first)
            for other in others:
                line = b"".join(parts).strip()
                parts = [other]
                if line and (request := self._request(line)) is not None:
                    yield request

    def _process_line(self, data: PluginInStream) -> None:
        if self.start is None or data.event is not PluginInStreamEvent.Request:
            super()._process_line(data)
        else:
            self.start(data)

    def _request(self, line: bytes) -> PluginInStream | None:
        """What is no request is told to the daemon, which can log it; without a word of it, as it may hold secrets."""
        if len(line) > LONG:
            gevent.sleep(0)  # others have had to wait while it was copied together
        try:
            return _to_request(FIELDS.validate_json(line), self)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one line, the next is read
            FrameWriter().error(data={"error": f"A request line of {len(line)} bytes cannot be read ({type(error).__name__})."})
            return None


def _to_request(fields: dict[str, Any], reader: LineReader) -> PluginInStream:
    return PluginInStream(
        session_id=fields["session_id"],
        conversation_id=fields.get("conversation_id"),
        message_id=fields.get("message_id"),
        app_id=fields.get("app_id"),
        endpoint_id=fields.get("endpoint_id"),
        event=PluginInStreamEvent.value_of(fields["event"]),
        data=fields["data"],
        context=fields.get("context"),
        reader=reader,
        writer=FrameWriter(),
    )


def install() -> None:
    """Makes the SDK read that way. Must come before `Plugin(...)`."""
    vars(plugin)[StdioRequestReader.__name__] = LineReader


def serve(served: Plugin) -> None:
    """Requests of this plugin start where they are read, as many at a time as its executor allows."""
    reader, executor = served.request_reader, served.executer
    if isinstance(reader, LineReader) and isinstance(executor, GreenletExecutor):
        reader.start = partial(_start, served, executor)


def _start(served: Plugin, executor: GreenletExecutor, request: PluginInStream) -> None:
    executor.start(
        served._execute_request_in_thread,
        request.session_id,
        request.data,
        request.reader,
        request.writer,
        request.conversation_id,
        request.message_id,
        request.app_id,
        request.endpoint_id,
        request.context,
    )

"""Frames to Dify's daemon: alone on the standard output, one system call each.

Enters: what the SDK would write. Leaves: the same lines on the descriptor that was the standard output when the process began. Everything
else that writes to the standard output (a stray `print`, a native library) lands on the standard error: half a line of foreign text in
front of a frame makes the daemon lose that frame without a word, and a line over 5 MiB makes it kill the process and every answer in it.

A text chunk, by far the most frequent frame, is spelled here without the SDK's two model dumps; a test compares each spelling with the
SDK's own.
"""

import fcntl
import logging
import os
import sys
from functools import cache, lru_cache
from typing import Any, TextIO, cast

import gevent
import orjson
from dify_plugin import plugin
from dify_plugin.config.logger_format import plugin_logger_handler
from dify_plugin.core.server.__base.writer_entities import Event
from dify_plugin.core.server.stdio import request_reader
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from dify_plugin.entities.model.llm import LLMResultChunk
from pydantic import BaseModel, TypeAdapter

logger = logging.getLogger(__name__)

TOGETHER = 64 * 1024
"""Bytes that may wait for the end of the turn; more would only make the first of them late."""

PIPE_BYTES = 1024 * 1024
"""Room in the pipe to the daemon, where the system lets us choose (Linux)."""

LINE_LIMIT = 4 * 1024 * 1024
"""Bytes; the daemon's limit is 5 MiB."""

TEXT_FRAME_HEAD = (
    b'{"event":"session","session_id":%b,"data":{"type":"stream","data":{"model":%b,"prompt_messages":[],"system_fingerprint":null,'
    b'"delta":{"index":'
)
TEXT_FRAME_REST = (
    b'%b%d,"message":{"role":"assistant","content":%b,"name":null,"tool_calls":[],"opaque_body":null},'
    b'"usage":null,"finish_reason":null}}}}\n\n'
)
END_MESSAGE = {"type": "end", "data": {}}
HEADS_KEPT = 4096
"""As many streams can talk at once without their frames' heads being spelled anew."""


class FrameTooLongError(RuntimeError):
    """A frame would pass the daemon's line limit."""


class FrameOutput:
    """The descriptor for frames. Frames of greenlets that run in one turn of the event loop leave together, at the end of the turn."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Takes one whole line or more. Raises FrameTooLongError before anything of it is written."""
        if len(data) > LINE_LIMIT:
            raise FrameTooLongError(f"a frame of {len(data)} bytes is more than Dify takes in one line")
        if not self._waiting:
            gevent.get_hub().loop.run_callback(self.flush)
        self._waiting.append(data)
        self._size += len(data)
        if self._size > TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Writes what waits; blocks while the daemon does not read."""
        view = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._size = 0
        while view:
            view = view[os.write(self._descriptor, view) :]


class FrameWriter(StdioResponseWriter):
    """The SDK's writer for stdio, with one write per frame and one dump per payload."""

    output: FrameOutput

    def write(self, data: str) -> None:
        self.output.write(data.encode())

    def put(self, event: Event, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
        plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
        self.output.write(orjson.dumps({"event": event.value, "session_id": session_id, "data": plain}) + b"\n\n")

    def stream_object(self, data: dict[str, Any] | BaseModel) -> Any:
        """A chunk is handed through as it is, so that `session_message` can spell it."""
        return data if type(data) is LLMResultChunk else super().stream_object(data)

    def stream_end_object(self) -> Any:
        return END_MESSAGE

    def session_message(self, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
        if type(data) is LLMResultChunk:
            self.output.write(text_frame(session_id, data) if _is_plain_text(data) else _chunk_frame(session_id, data))
        else:
            super().session_message(session_id, data)


def _is_plain_text(chunk: LLMResultChunk) -> bool:
    delta = chunk.delta
    message = delta.message
    plain = delta.usage is None and delta.finish_reason is None and chunk.system_fingerprint is None
    return plain and not message.tool_calls and type(message.content) is str and message.name is None and message.opaque_body is None


def text_frame(session_id: str | None, chunk: LLMResultChunk) -> bytes:
    """The line for a chunk that carries nothing but text."""
    delta = chunk.delta
    return TEXT_FRAME_REST % (_head(session_id, chunk.model), delta.index, orjson.dumps(delta.message.content))


def _chunk_frame(session_id: str | None, chunk: LLMResultChunk) -> bytes:
    message = {"type": "stream", "data": chunk.model_dump(mode="json")}
    return orjson.dumps({"event": Event.SESSION.value, "session_id": session_id, "data": message}) + b"\n\n"


@lru_cache(maxsize=HEADS_KEPT)
def _head(session_id: str | None, model: str) -> bytes:
    return TEXT_FRAME_HEAD % (orjson.dumps(session_id), orjson.dumps(model))


class LogStream:
    """Where the SDK's log handler writes its lines, which are frames, too."""

    def __init__(self, output: FrameOutput) -> None:
        self._output = output

    def write(self, text: str) -> None:
        """The handler writes a record and its line end at once."""
        self._output.write(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        """Nothing is buffered."""


def own_stdout() -> FrameOutput:
    """Takes the standard output for frames alone and points descriptor 1 and `sys.stdout` at the standard error."""
    sys.stdout.flush()
    _widen(1)
    output = FrameOutput(os.dup(1))
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return output


def _widen(descriptor: int) -> None:
    """Makes room in the pipe for one frame of each of many streams: a full pipe stops the whole process until the daemon has read."""
    resize = getattr(fcntl, "F_SETPIPE_SZ", None)
    if resize is None:
        return
    try:
        fcntl.fcntl(descriptor, resize, PIPE_BYTES)
    except OSError:
        logger.debug("the standard output keeps its size")  # no pipe, or more than this user may have


def install(output: FrameOutput) -> None:
    """Makes the SDK write its stdio frames through `output`. Must come before `Plugin(...)`."""
    FrameWriter.output = output
    vars(request_reader)[TypeAdapter.__name__] = cache(TypeAdapter)  # the SDK builds one and the same reader anew for each request line
    for module in (request_reader, plugin):
        vars(module)[StdioResponseWriter.__name__] = FrameWriter
    plugin_logger_handler.setStream(cast("TextIO", LogStream(output)))

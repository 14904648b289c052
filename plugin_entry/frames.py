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
from functools import lru_cache
from typing import Any, TextIO, cast

import orjson
from dify_plugin import plugin
from dify_plugin.config.logger_format import plugin_logger_handler
from dify_plugin.core.server.__base.writer_entities import Event
from dify_plugin.core.server.stdio import request_reader
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from dify_plugin.entities.model.llm import LLMResultChunk
from pydantic import BaseModel

from plugin_entry.frame_limit import refusal, shortened
from plugin_entry.frame_output import LINE_LIMIT, FrameOutput, own_description
from plugin_entry.sdk_direct import FirstText

logger = logging.getLogger(__name__)

PIPE_BYTES = 1024 * 1024
"""Room in the pipe to the daemon, where the system lets us choose (Linux)."""

TEXT_FRAME_HEAD = (
    b'{"event":"session","session_id":%b,"data":{"type":"stream","data":{"model":%b,"prompt_messages":[],"system_fingerprint":null,'
    b'"delta":{"index":'
)
TEXT_FRAME_REST = (
    b'%b%d,"message":{"role":"assistant","content":%b,"name":null,"tool_calls":[],"opaque_body":null},'
    b'"usage":null,"finish_reason":null}}}}\n\n'
)
END_MESSAGE = {"type": "end", "data": {}}
MOST_OF_A_RECORD = 1000
"""Characters of a log record that has no room among the frames."""

HEADS_KEPT = 4096
"""As many streams can talk at once without their frames' heads being spelled anew."""


CHUNKS = frozenset({LLMResultChunk, FirstText})
"""The types of chunks that are spelled here."""


class SessionVoice:
    """Spells the text frames of one session; for `sdk_direct`."""

    __slots__ = ("_head", "_output")

    def __init__(self, output: FrameOutput, session_id: str | None, model: str) -> None:
        self._output = output
        self._head = _head(session_id, model)

    def say(self, index: int, text: str) -> bool:
        """Writes one text chunk; False says that there is no room for it, and nothing is written."""
        return self._output.offer(TEXT_FRAME_REST % (self._head, index, orjson.dumps(text)))


class FrameWriter(StdioResponseWriter):
    """The SDK's writer for stdio, with one write per frame and one dump per payload."""

    output: FrameOutput

    def write(self, data: str) -> None:
        self.output.write(data.encode())

    def put(self, event: Event, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
        plain = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
        line = _line(event, session_id, plain)
        if len(line) > LINE_LIMIT:
            shorter = shortened(plain)
            if shorter is None:
                raise refusal(plain, len(line))
            line = _line(event, session_id, shorter)
        self.output.write(line)

    def stream_object(self, data: dict[str, Any] | BaseModel) -> Any:
        """A chunk is handed through as it is, so that `session_message` can spell it."""
        return data if type(data) in CHUNKS else super().stream_object(data)

    def stream_end_object(self) -> Any:
        return END_MESSAGE

    def session_message(self, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
        if type(data) in CHUNKS:
            self._chunk(session_id, cast("LLMResultChunk", data))
        else:
            super().session_message(session_id, data)

    def _chunk(self, session_id: str | None, chunk: LLMResultChunk) -> None:
        if not _is_plain_text(chunk) or len(line := text_frame(session_id, chunk)) > LINE_LIMIT:
            self.put(Event.SESSION, session_id, {"type": "stream", "data": chunk.model_dump(mode="json")})
            return
        self.output.write(line)
        if type(chunk) is FirstText:
            chunk.arrive(SessionVoice(self.output, session_id, chunk.model))


def _is_plain_text(chunk: LLMResultChunk) -> bool:
    delta = chunk.delta
    message = delta.message
    plain = delta.usage is None and delta.finish_reason is None and chunk.system_fingerprint is None
    return plain and not message.tool_calls and type(message.content) is str and message.name is None and message.opaque_body is None


def text_frame(session_id: str | None, chunk: LLMResultChunk) -> bytes:
    """The line for a chunk that carries nothing but text."""
    delta = chunk.delta
    return TEXT_FRAME_REST % (_head(session_id, chunk.model), delta.index, orjson.dumps(delta.message.content))


def _line(event: Event, session_id: str | None, data: Any) -> bytes:
    return orjson.dumps({"event": event.value, "session_id": session_id, "data": data}) + b"\n\n"


@lru_cache(maxsize=HEADS_KEPT)
def _head(session_id: str | None, model: str) -> bytes:
    return TEXT_FRAME_HEAD % (orjson.dumps(session_id), orjson.dumps(model))


class LogStream:
    """Where the SDK's log handler writes its lines, which are frames, too."""

    def __init__(self, output: FrameOutput) -> None:
        self._output = output

    def write(self, text: str) -> None:
        """The handler writes a record and its line end at once. Who logs never waits: without room it goes to the standard error."""
        if not self._output.offer(text.encode("utf-8", "replace")):
            sys.stderr.write(text[:MOST_OF_A_RECORD] + "\n")

    def flush(self) -> None:
        """Nothing is buffered."""


def own_stdout() -> FrameOutput:
    """Takes the standard output for frames alone and points descriptor 1 and `sys.stdout` at the standard error."""
    sys.stdout.flush()
    _widen(1)
    output = FrameOutput(own_description(1))
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
    for module in (request_reader, plugin):
        vars(module)[StdioResponseWriter.__name__] = FrameWriter
    plugin_logger_handler.setStream(cast("TextIO", LogStream(output)))


def output() -> FrameOutput | None:
    """Where frames leave; None in the modes that do not use the standard output."""
    return getattr(FrameWriter, "output", None)

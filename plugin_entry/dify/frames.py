"""Frames to Dify's daemon: alone on the standard output, one system call each.

Enters: what the SDK would write. Leaves: the same lines on the descriptor that was the standard output when the process began. Everything
else that writes to the standard output (a stray `print`, a native library) lands on the standard error: half a line of foreign text in
front of a frame makes the daemon lose that frame without a word, and a line over 5 MiB makes it kill the process and every answer in it.

A text chunk, by far the most frequent frame, is spelled in `text_frames`.
"""

import fcntl
import logging
import os
import sys
from typing import Any, TextIO, cast

import orjson
from dify_plugin import plugin
from dify_plugin.config.logger_format import plugin_logger_handler
from dify_plugin.core.server.__base.writer_entities import Event
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from pydantic import BaseModel

from plugin_entry.dify.frame_limit import refusal, shortened
from plugin_entry.dify.output import LINE_LIMIT, FrameOutput, own_description

logger = logging.getLogger(__name__)

PIPE_BYTES = 1024 * 1024
"""Room in the pipe to the daemon, where the system lets us choose (Linux)."""

END_MESSAGE = {"type": "end", "data": {}}
MOST_OF_A_RECORD = 1000
"""Characters of a log record that has no room among the frames."""


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
        self.output.write(line, session_id)

    def stream_object(self, data: dict[str, Any] | BaseModel) -> Any:
        """The SDK dumps a model, puts it into another and dumps that."""
        return {"type": "stream", "data": data.model_dump(mode="json")} if isinstance(data, BaseModel) else super().stream_object(data)

    def stream_end_object(self) -> Any:
        return END_MESSAGE


def _line(event: Event, session_id: str | None, data: Any) -> bytes:
    return orjson.dumps({"event": event.value, "session_id": session_id, "data": data}) + b"\n\n"


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
    vars(plugin)[StdioResponseWriter.__name__] = FrameWriter
    plugin_logger_handler.setStream(cast("TextIO", LogStream(output)))


def output() -> FrameOutput | None:
    """Where frames leave; None in the modes that do not use the standard output."""
    return getattr(FrameWriter, "output", None)

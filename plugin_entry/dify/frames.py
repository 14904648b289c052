"""Writes frames to Dify's daemon.

Frames leave by the descriptor that was the standard output when the process began; what else is printed (a stray `print`, a native library)
lands on the standard error. Half a line of other text in front of a frame makes the daemon drop that frame silently, and a line over 5 MiB
makes it kill the process with all its answers.
"""

import fcntl
import logging
import os
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TextIO, cast

import orjson
from dify_plugin.config.logger_format import plugin_logger_handler
from dify_plugin.core.entities.message import SessionMessage
from dify_plugin.core.server.__base.response_writer import ResponseWriter
from dify_plugin.core.server.__base.writer_entities import Event
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from dify_plugin.errors.model import InvokeBadRequestError
from pydantic import BaseModel, model_serializer

from plugin_entry.dify.output import LINE_LIMIT, FrameOutput, nonblocking_copy

logger = logging.getLogger(__name__)

MIB = 1024 * 1024
PIPE_BYTES = MIB
"""Room in the pipe to the daemon, where the system lets us choose (Linux)."""
MOST_OF_A_MESSAGE = 4000
"""Characters that are left of an error's text."""
MOST_OF_A_RECORD = 1000
"""Characters of a log record that has no room among the frames."""
END_MESSAGE = {"type": "end", "data": {}}

LEVEL = "DIFY_OLLAMA_LOG"
"""Environment variable with the name of a level; DEBUG shows one line per request."""
DEFAULT_LEVEL = "WARNING"
PACKAGES = ("plugin_entry", "translator")

REMEDIES: tuple[tuple[str, str, str], ...] = (
    ("embeddings", "The vectors", "Set the number of texts per request (max chunks) of this model to a smaller number."),
    ("docs", "The ranked documents", "Let the rerank return fewer documents (top N), or split the documents into smaller pieces."),
    ("tool_calls", "The tool calls", "Set max tokens (num_predict), or let the tool take less at once."),
    ("delta", "The answer in one piece", "Set max tokens (num_predict), or let the app stream the answer."),
    ("num_tokens", "The token counts", "Count fewer texts at once."),
)
"""A key of the payload, what it means, and what to do; the first row that fits counts."""


def limited_put(self: ResponseWriter, event: Event, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
    """`ResponseWriter.put` with a limit, for the modes that do not write to the standard output. Raises InvokeBadRequestError."""
    plain = {"type": data.type.value, "data": data.data} if isinstance(data, SessionMessage) else data
    self.write(_line(event, session_id, plain).decode())


def _line(event: Event, session_id: str | None, data: Any) -> bytes:
    """A frame that is not too long. Raises InvokeBadRequestError."""
    frame = {"event": event._value_, "session_id": session_id, "data": data}  # `value` would be two calls, for every token
    line = orjson.dumps(frame, default=_dumped) + b"\n\n"
    if len(line) > LINE_LIMIT:
        plain = _dumped(data) if isinstance(data, BaseModel) else data
        line = orjson.dumps(frame | {"data": _shortened(plain, len(line))}) + b"\n\n"
    return line


def _shortened(data: object, length: int) -> dict[str, Any]:
    """An error's payload with less text. Raises InvokeBadRequestError for any other payload, whose line has `length` bytes."""
    if not isinstance(data, Mapping) or data.get("type") != "error" or not isinstance(data.get("data"), Mapping):
        raise _refusal(data, length)
    error = data["data"]
    kept = {"error_type": error.get("error_type"), "message": str(error.get("message"))[:MOST_OF_A_MESSAGE], "args": {}}
    return {"type": "error", "data": kept}


def _refusal(data: object, length: int) -> InvokeBadRequestError:
    keys = _keys(data)
    what, remedy = next(((what, remedy) for key, what, remedy in REMEDIES if key in keys), ("The reply", "Ask for less at once."))
    return InvokeBadRequestError(
        f"{what} of {length / MIB:.1f} MiB cannot be handed to Dify, which takes {LINE_LIMIT / MIB:g} MiB at once. {remedy}"
    )


def _keys(data: object) -> frozenset[str]:
    """The keys that say what a payload is."""
    if not isinstance(data, Mapping):
        return frozenset()
    inner = data.get("data")
    payload = inner if isinstance(inner, Mapping) and data.get("type") == "stream" else data
    delta = payload.get("delta")
    message = delta.get("message") if isinstance(delta, Mapping) else None
    has_calls = isinstance(message, Mapping) and message.get("tool_calls")
    return frozenset(payload) | ({"tool_calls"} if has_calls else frozenset())


type ChunkDump = dict[str, Any]
"""A chunk of an answer as the dump of its LLMResultChunk. The SDK hands a dump on as it is; a model it would dump twice, per token."""


def text_chunk(model: str, index: int, text: str) -> ChunkDump:
    """The chunk of a piece of text."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "name": None, "tool_calls": [], "opaque_body": None}
    delta = {"index": index, "message": message, "usage": None, "finish_reason": None}
    return {"model": model, "prompt_messages": [], "system_fingerprint": None, "delta": delta}


class FrameWriter(StdioResponseWriter):
    """The SDK's writer for stdio, with one write per frame and one dump per payload."""

    output: FrameOutput

    def write(self, data: str) -> None:
        self.output.write(data.encode())

    def put(self, event: Event, session_id: str | None = None, data: dict[str, Any] | BaseModel | None = None) -> None:
        self.output.write(_line(event, session_id, data), session_id)

    def stream_object(self, data: dict[str, Any] | BaseModel) -> Any:
        """The SDK dumps a model, puts it into another and dumps that."""
        return {"type": "stream", "data": data.model_dump(mode="json") if isinstance(data, BaseModel) else data}

    def stream_end_object(self) -> Any:
        return END_MESSAGE


class WrittenJson(BaseModel):
    """A part of a payload that is JSON already. The SDK's own writers, which serve where a patch is left out, read it again."""

    data: bytes

    @model_serializer
    def read(self) -> Any:
        """The values."""
        return orjson.loads(self.data)


def _dumped(value: object) -> Any:
    """A model or a price inside of a payload. Raises TypeError for anything else that is no JSON."""
    if isinstance(value, WrittenJson):
        return orjson.Fragment(value.data)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no JSON")


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


def show_logs(level: str) -> None:
    """Shows lines from `level` on, WARNING for a name that is none. Must come after the frames have their descriptor."""
    handler = logging.StreamHandler(plugin_logger_handler.stream)
    handler.setFormatter(plugin_logger_handler.formatter)
    chosen = logging.getLevelNamesMapping().get(level.strip().upper(), logging.WARNING)
    for package in PACKAGES:
        logger = logging.getLogger(package)
        logger.handlers = [handler]
        logger.setLevel(chosen)
        logger.propagate = False


def own_stdout() -> FrameOutput:
    """Takes the standard output for frames alone and points descriptor 1 and `sys.stdout` at the standard error."""
    sys.stdout.flush()
    _enlarge_pipe(1)
    output = FrameOutput(nonblocking_copy(1))
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return output


def _enlarge_pipe(descriptor: int) -> None:
    """Makes room in the pipe for one frame of each of many streams: a full pipe stops the whole process until the daemon has read."""
    resize = getattr(fcntl, "F_SETPIPE_SZ", None)
    if resize is None:
        return
    try:
        fcntl.fcntl(descriptor, resize, PIPE_BYTES)
    except OSError:
        logger.debug("the standard output keeps its size")  # no pipe, or more than this user may have


def write_frames_to(output: FrameOutput) -> None:
    """Makes the frames of FrameWriter and the SDK's log lines leave through `output`."""
    FrameWriter.output = output
    plugin_logger_handler.setStream(cast("TextIO", LogStream(output)))


def output() -> FrameOutput | None:
    """Where frames leave; None in the modes that do not use the standard output."""
    return getattr(FrameWriter, "output", None)


def new_writer() -> StdioResponseWriter:
    """A writer for one request over the standard output: ours, or the SDK's own where it was not replaced."""
    return StdioResponseWriter() if output() is None else FrameWriter()

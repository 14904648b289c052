"""Reads request lines from the standard input and runs each request in a greenlet.

The SDK reads in a native thread and hands each request to a second reader through a queue. A pipe can be waited for by gevent's hub
like any connection, so a request starts where it was read. A file is read as the SDK does it. Answers of the daemon to
questions about callers go to `callers.py`, other lines that are no requests to the SDK's readers.
"""

import logging
import os
import re
import stat
import traceback
from collections.abc import Callable, Generator, Mapping
from contextlib import nullcontext
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import gevent
from dify_plugin import Plugin
from dify_plugin.core.entities.plugin.io import PluginInStream, PluginInStreamEvent
from dify_plugin.core.server.stdio.request_reader import StdioRequestReader
from dify_plugin.errors.model import CredentialsValidateFailedError, InvokeBadRequestError, InvokeServerUnavailableError
from gevent.event import Event
from gevent.os import tp_read
from pydantic import TypeAdapter

from plugin_entry.dify import startup
from plugin_entry.dify.callers import Callers
from plugin_entry.dify.executor import CallerLeft, GreenletExecutor
from plugin_entry.dify.frames import new_writer

if TYPE_CHECKING:
    from plugin_entry.dify import errors
else:
    (errors,) = startup.modules("dify.errors")

logger = logging.getLogger(__name__)

PLUGIN_STOPPING = "The plugin is being stopped or restarted, so this answer was ended. Try again in a moment."


LONGEST_NAME = 1024
"""Characters of a model's name. What is learnt about models is kept by their names."""


def _refuse_long_name(model: object) -> None:
    if isinstance(model, str) and len(model) > LONGEST_NAME:
        raise InvokeBadRequestError(f"The name of the model has {len(model):,} characters. Correct it in Dify: no model has such a name.")


def _clear_frames(raised: BaseException) -> None:
    """Clears the frames of an exception and of those that led to it; they would hold prompts and connections."""
    raised.__cause__ = None  # the SDK raises errors of its classes from themselves; those would be kept until a cycle is looked for
    error: BaseException | None = raised
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def with_readable_errors(execute: Callable[..., None]) -> Callable[..., None]:
    """The SDK's method that runs a request; whatever it raises becomes an error whose text Dify shows."""

    @wraps(execute)
    def run(served: Any, session_id: str, data: Mapping[str, Any], *args: Any) -> None:
        executor = served.executer
        if getattr(executor, "refuses", False):
            raise InvokeServerUnavailableError(PLUGIN_STOPPING)
        try:
            _refuse_long_name(data.get("model"))
            with executor.slots.slot(data) if isinstance(executor, GreenletExecutor) else nullcontext():
                execute(served, session_id, data, *args)
        except (CallerLeft, CredentialsValidateFailedError):
            raise
        except Exception as error:  # noqa: BLE001  # told as one of the SDK's
            _clear_frames(error)
            told = errors.to_invoke_error(error)
            try:
                if told is error:
                    raise  # an error that is its own cause would never be freed
                raise told from None  # the SDK sends and logs the causes, too, whatever they quote
            finally:
                del told  # else it and this frame, with all of the request, hold each other
        except BaseException as error:  # noqa: BLE001  # it is told instead
            logger.warning("a request was ended (%s)", type(error).__name__)
            raise InvokeServerUnavailableError(PLUGIN_STOPPING) from None

    return run


MESSAGES = "prompt_messages"
MANY_MESSAGES = 1000
"""So many messages take 5 ms; moving them costs a tenth of a millisecond."""


def long_histories_in_thread(read: Callable[..., None]) -> Callable[..., None]:
    """The constructor of a request, which reads long histories in a thread."""

    @wraps(read)
    def read_in_thread(self: Any, /, **data: Any) -> None:
        messages = data.get(MESSAGES)
        if isinstance(messages, list) and len(messages) > MANY_MESSAGES:
            from plugin_entry.threads import HEAVY, in_thread  # what it needs is imported after the first heartbeat

            in_thread(HEAVY, lambda: read(self, **data))
        else:
            read(self, **data)

    return read_in_thread


LIBEV_READ = 1
READ_BYTES = 64 * 1024
"""Bytes of one read: as much as a pipe holds."""

LONG_LINE = 4 * 1024 * 1024
"""Bytes of a line that take 10 ms to parse."""

BACKWARDS_RESPONSE = PluginInStreamEvent.BackwardInvocationResponse.value
SESSION, BEGINNING = re.compile(rb'"session_id"\s*:\s*"([\w-]{1,100})"', re.ASCII), 4096
"""The daemon writes the session's id at the beginning of a line; there it is found although the line as a whole is no JSON."""
UNREADABLE = (
    "It is nested too deeply, or holds characters that are no text: simplify the schemas of the tools and of the answer, and look for "
    "broken characters in the messages."
)

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
    on_answer: Callable[[str, object], object] | None = None
    """Called with session id and data of an answer to a backwards invocation."""
    _input: Input | None = None

    def _read_async(self) -> bytes:
        """Waits for ever after the end of the input; the SDK would read on, again and again, as fast as it can."""
        self._input = self._input or Input(0)
        data = self._input.read(READ_BYTES)
        if not data:
            if self.on_end is not None:
                self.on_end()
            Event().wait()
        return data

    def _read_stream(self) -> Generator[PluginInStream, None, None]:
        """Never ends, like the SDK's own.

        A line grows in one piece of memory, which goes back to the system when the request has ended. Many small pieces would stay with the
        process as free memory.
        """
        line = bytearray()
        while True:
            first, *others = self._read_async().split(b"\n")
            line += first
            for other in others:
                request = self._request(line) if line and not line.isspace() else None
                line = bytearray(other)
                if request is not None:
                    yield request

    def _request(self, line: bytearray) -> PluginInStream | None:
        """Starts the request of a line. Gives what is left to the SDK; None for what is settled.

        A line that cannot be read is reported to the daemon without a word of it, as it may hold secrets.
        """
        if len(line) > LONG_LINE:
            gevent.sleep(0)  # others had to wait while it was copied
        try:
            fields = FIELDS.validate_json(line)
            if fields["event"] == BACKWARDS_RESPONSE and self.on_answer is not None:
                self.on_answer(str(fields["session_id"]), fields.get("data"))
                return None
            request = _to_request(fields, self)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one line, the next is read
            _refuse(line, type(error).__name__)
            return None
        if self.start is None or request.event is not PluginInStreamEvent.Request:
            return request
        self.start(request)
        return None


def _refuse(line: bytearray, reason: str) -> None:
    """Tells the session of a line that cannot be read, if the line says which it is, else the daemon's log. Not a word of the line."""
    writer = new_writer()
    sentence = f"A request line of {len(line)} bytes cannot be read ({reason})."
    found = SESSION.search(line[:BEGINNING])
    if found is None:
        writer.error(data={"error": sentence})
        return
    session_id = found[1].decode()
    refusal = {"error_type": InvokeBadRequestError.__name__, "message": f"{sentence} {UNREADABLE}", "args": {}}
    writer.session_message(session_id, writer.stream_error_object(refusal))
    writer.session_message(session_id, writer.stream_end_object())


def _to_request(fields: dict[str, Any], reader: LineReader) -> PluginInStream:
    """Raises KeyError, ValueError and TypeError for what is none."""
    if not (isinstance(fields["session_id"], str) and isinstance(fields["data"], dict)):
        raise TypeError
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
        writer=new_writer(),
    )


def serve(served: Plugin, callers: Callers | None) -> None:
    """Makes requests start where they are read; `callers` ends those whose callers have left."""
    reader, executor = served.request_reader, served.executer
    if isinstance(reader, LineReader) and isinstance(executor, GreenletExecutor):
        reader.start = partial(executor.start, partial(_execute, served, callers))
        if callers is not None:
            reader.on_answer = callers.answered


def _execute(served: Plugin, callers: Callers | None, request: PluginInStream) -> None:
    if callers is not None:
        callers.begin(request.session_id, partial(gevent.getcurrent().kill, CallerLeft, block=False))
    try:
        served._execute_request_in_thread(
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
    finally:
        request.data.clear()  # frames of errors that nobody has cleaned up yet may hold it
        if callers is not None:
            callers.end(request.session_id)

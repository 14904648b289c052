"""Serverless mode: a caller that goes away ends its request at once, so that Ollama stops generating.

A request whose connection the caller closed is ended where it waits, which closes the connection to the server. The SDK alone closes
only the generator it answers with: the request behind it runs to its end, and a caller that leaves while nothing is being written is
noticed late or never (SDK 0.10.2, serverless/request_reader.py). Like Go's HTTP server, this takes the end of what the caller sends for
its leaving.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from queue import Queue
from typing import Any

import gevent
from dify_plugin.core.server.io_server import IOServer
from dify_plugin.core.server.serverless.response_writer import ServerlessResponseWriter

from plugin_entry.dify.executor import CallerLeft


class CallerAwareWriter(ServerlessResponseWriter):
    """Made by the SDK inside the handling of the HTTP request, so the connection is at hand."""

    def __init__(self, queue: "Queue[Any]") -> None:
        from flask import request  # in this mode alone: see sdk_import.py

        super().__init__(queue)
        # a descriptor of our own: the server closes its own one while the watch may still wait on it
        self._connection = socket.socket(fileno=os.dup(request.environ["wsgi.input"].rfile.fileno()))

    @contextmanager
    def while_caller_stays(self) -> Iterator[None]:
        """Ends the greenlet that is inside when the caller closes its connection."""
        watch = gevent.spawn(self._end_when_caller_leaves, gevent.getcurrent())
        try:
            yield
        except CallerLeft:
            self.done()  # else the SDK waits for more to send until its own time limit
            raise
        finally:
            watch.kill()
            self._connection.close()

    def _end_when_caller_leaves(self, greenlet: gevent.Greenlet) -> None:
        try:
            stays = self._connection.recv(1, socket.MSG_PEEK)
        except OSError:
            stays = b""
        if not stays:
            greenlet.kill(CallerLeft, block=False)


def ended_with_caller(execute: Callable[..., None]) -> Callable[..., None]:
    """The SDK's method that runs one request, which ends when the caller has gone."""

    @wraps(execute)
    def watched(server: IOServer, session_id: str, data: Any, reader: Any, writer: Any, *rest: Any) -> None:
        with writer.while_caller_stays() if isinstance(writer, CallerAwareWriter) else nullcontext():
            execute(server, session_id, data, reader, writer, *rest)

    return watched

"""The plugin's own way from a request line to frames, in this process: everything but the two pipes and, if wanted, the connection.

Nothing of the plugin is rebuilt here; the SDK's objects around the way and the connection at its end are stood in for by as little as it
touches.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

import attrs
import gevent
from dify_plugin import DifyPluginEnv, LargeLanguageModel, Plugin
from dify_plugin.core.entities.plugin.io import PluginInStream
from dify_plugin.core.plugin_executor import PluginExecutor
from dify_plugin.core.plugin_registration import PluginRegistration
from dify_plugin.core.server.router import Router
from dify_plugin.errors.model import InvokeBadRequestError

from plugin_entry.dify import frames
from plugin_entry.dify.executor import GreenletExecutor
from plugin_entry.dify.requests import LineReader, with_readable_errors
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.network.bridge import Bridge, OpenReply, Started
from plugin_entry.network.client import Call
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.serving import chat as serving
from plugin_entry.serving.chat import CHAT, FACTS
from tests.bench.host import chat
from tests.bench.load_server import described
from translator.errors import RequestError
from translator.shapes.exchange import HttpReply

NOBODY = 9
"""A port at which nobody listens; nothing is sent to it."""
DESCRIPTION = json.dumps(described("m")).encode()
HEAD = Head(200, {"Content-Type": "application/x-ndjson"})
TOOL = {
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["C", "F"]}},
        "required": ["city"],
    },
}


class Nowhere:
    """Takes frames, counts them and keeps none."""

    def __init__(self) -> None:
        self.taken = 0

    def write(self, data: bytes, owner: object = None) -> None:
        """Forgets it."""
        self.taken += 1


@contextmanager
def frames_to_nowhere(nowhere: Nowhere | None = None) -> Iterator[Nowhere]:
    """The frame writer of the plugin, without its descriptor."""
    before, nowhere = vars(frames.FrameWriter).get("output"), nowhere or Nowhere()
    frames.FrameWriter.output = cast("Any", nowhere)
    try:
        yield nowhere
    finally:
        if before is None:
            del frames.FrameWriter.output
        else:
            frames.FrameWriter.output = before


class NoJob:
    """A connection that needs no end."""

    def cancel(self) -> None:
        """Nothing to give up."""

    def cancel_after(self, seconds: float) -> None:
        """Nothing to wait for."""


class Described:
    """The reply to a question about the model or the server."""

    def whole(self) -> HttpReply:
        """Is here already."""
        return HttpReply(status=200, body=DESCRIPTION)

    def cancel(self) -> None:
        """Nothing to give up."""


class SilentBridge(Bridge):
    """Answers no request. `body` is that of the last one; `sent_at` is the CPU clock of this process when it was ready, in nanoseconds."""

    body = b""
    sent_at = 0

    def open(self, call: Call) -> OpenReply:
        """Ends the request. Raises RequestError."""
        self.sent_at = time.process_time_ns()
        self.body = call.body or b""
        raise RequestError.of("sent", "The request is ready; nothing is to be done with it.")

    def start(self, call: Call) -> Started:
        """Questions about the model."""
        return cast("Started", Described())


class ScriptedBridge(SilentBridge):
    """Answers every request with the same reads, through a real inbox."""

    def __init__(self, reads: Sequence[bytes]) -> None:
        super().__init__()
        self._reads = reads

    def open(self, call: Call) -> OpenReply:
        """At once; the rest comes while it is read."""
        inbox = Inbox(head=HEAD)
        gevent.spawn(_fill, inbox, self._reads)
        return OpenReply(HEAD, inbox, cast("Any", NoJob()), call, lambda _: None)


def _fill(inbox: Inbox, reads: Sequence[bytes]) -> None:
    for data in reads:
        inbox.put(data)
        gevent.sleep(0)  # each read is read before the next, as from a server that generates
    inbox.end(None)


class PreparedInput(LineReader):
    """The plugin's reader of request lines, fed from memory."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data

    def _read_async(self) -> bytes:
        return self._data


def request_line(turns: int = 1, tools: int = 0, port: int = NOBODY) -> bytes:
    """A request as the daemon writes it: a conversation of so many turns, with so many tools on offer."""
    said: dict[str, Any] = {"role": "user", "content": "Why is the sky blue?", "name": None}
    answered: dict[str, Any] = {"role": "assistant", "content": "Because of Rayleigh scattering.", "name": None, "tool_calls": []}
    messages = [each for _ in range(turns - 1) for each in (said, answered)]
    data = chat("text:1:0", port) | {"prompt_messages": [*messages, said]}
    if tools:
        data |= {
            "tools": [TOOL | {"name": f"{TOOL['name']}_{number}"} for number in range(tools)],
            "model_parameters": {"temperature": 0.5},
        }
    return json.dumps({"session_id": "s", "event": "request", "data": data}).encode() + b"\n"


def requests_of(line: bytes, count: int) -> Iterator[PluginInStream]:
    """So many requests of one line, which come one read at a time."""
    return islice(PreparedInput(line)._read_stream(), count)


def planned_us(line: bytes, times: int) -> float:
    """CPU from a request line to a body that is ready to be sent, in microseconds: the best of so many times."""
    bridge, best = SilentBridge(), float("inf")
    with way(bridge):
        for _ in range(times + 1):  # the first asks about the model
            began = time.process_time_ns()
            (request,) = requests_of(line, 1)
            with suppress(InvokeBadRequestError):  # what the plugin makes of the bridge's error
                execute(request)
            best = min(best, bridge.sent_at - began)
    return best / 1e3


def execute(request: PluginInStream) -> None:
    """One request, as in the plugin but for the greenlet."""
    PLUGIN._execute_request(request.session_id, request.data, request.reader, request.writer)


@contextmanager
def way(bridge: Bridge) -> Iterator[None]:
    """The plugin's way of a request, over this bridge."""
    with ExitStack() as stack:
        stack.callback(FACTS.forget)
        stack.enter_context(_replaced(serving, "CHAT", attrs.evolve(CHAT, bridge=bridge)))
        stack.enter_context(_replaced(FACTS, "_bridge", bridge))
        FACTS.forget()
        yield


@contextmanager
def _replaced(owner: object, name: str, value: object) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


class ServedPlugin(Plugin):
    """The SDK's plugin without its manifest and its channels: as much of it as executes a request. `model` is what answers."""

    _execute_request = with_readable_errors(Plugin._execute_request)

    def __init__(self) -> None:
        self.model: LargeLanguageModel = OllamaLargeLanguageModel([])
        self.config = DifyPluginEnv()
        self.registration = cast("PluginRegistration", SimpleNamespace(get_model_instance=lambda *_: self.model))
        self.executer = cast("Any", GreenletExecutor(1))
        self.plugin_executer = PluginExecutor(self.config, self.registration)
        Router.__init__(self, cast("Any", None), None)
        self._register_request_routes()

    @contextmanager
    def answered_by(self, model: LargeLanguageModel) -> Iterator[None]:
        """Another model answers meanwhile."""
        with _replaced(self, "model", model):
            yield


PLUGIN = ServedPlugin()

"""The plugin's own way from a request line to frames, in this process: everything but the two pipes and the connection.

Enters: request lines, and the reply lines that a server would send. Leaves: frames that nobody keeps. Nothing of the plugin is rebuilt
here; the SDK's objects around the way and the connection at its end are stood in for by as little as it touches.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from types import SimpleNamespace
from typing import Any, cast

import attrs
import gevent
from dify_plugin import DifyPluginEnv, Plugin
from dify_plugin.core.entities.plugin.io import PluginInStream
from dify_plugin.core.plugin_executor import PluginExecutor
from dify_plugin.core.plugin_registration import PluginRegistration
from dify_plugin.core.server.router import Router
from dify_plugin.errors.model import InvokeServerUnavailableError

from plugin_entry.dify import frames
from plugin_entry.dify.requests import LineReader
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.network.bridge import Bridge, OpenReply, Started
from plugin_entry.network.client import Call
from plugin_entry.network.inbox import Head, Inbox
from plugin_entry.serving import chat as serving
from plugin_entry.serving.chat import CHAT, FACTS
from tests.bench.host import chat
from tests.bench.load_server import CAPABILITIES
from translator.shapes.exchange import HttpReply

NOBODY = 9
"""A port at which nobody listens; nothing is sent to it."""
DESCRIPTION = json.dumps(CAPABILITIES | {"version": "0.24.0"}).encode()
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
def frames_to_nowhere() -> Iterator[Nowhere]:
    """The frame writer of the plugin, without its descriptor."""
    before = vars(frames.FrameWriter).get("output")
    nowhere = Nowhere()
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


class SentError(Exception):
    """The request is ready; nothing is to be done with it."""


class SilentBridge(Bridge):
    """Takes every request and answers none. `sent` is the last one, `count` how many there were."""

    sent: Call | None = None
    count = 0

    def open(self, call: Call) -> OpenReply:
        """Raises SentError."""
        self.sent = call
        self.count += 1
        raise SentError

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


def request_line(turns: int = 1, tools: int = 0) -> bytes:
    """A request as the daemon writes it: a conversation of so many turns, with so many tools on offer."""
    said: dict[str, Any] = {"role": "user", "content": "Why is the sky blue?", "name": None}
    answered: dict[str, Any] = {"role": "assistant", "content": "Because of Rayleigh scattering.", "name": None, "tool_calls": []}
    messages = [each for _ in range(turns - 1) for each in (said, answered)]
    data = chat("m", NOBODY) | {"prompt_messages": [*messages, said]}
    if tools:
        data |= {
            "tools": [TOOL | {"name": f"{TOOL['name']}_{number}"} for number in range(tools)],
            "model_parameters": {"temperature": 0.5},
        }
    return json.dumps({"session_id": "s", "event": "request", "data": data}).encode() + b"\n"


def requests_of(line: bytes, count: int) -> Iterator[PluginInStream]:
    """So many requests of one line, which come one read at a time."""
    return islice(PreparedInput(line)._read_stream(), count)


def plan(requests: Iterable[PluginInStream]) -> None:
    """Requests to bodies that are ready to be sent; within `way`."""
    for request in requests:
        with suppress(InvokeServerUnavailableError):  # what the plugin makes of SentError
            _execute(request)


def serve(requests: Iterable[PluginInStream]) -> None:
    """Requests to the ends of their answers; within `way`."""
    for request in requests:
        _execute(request)


def _execute(request: PluginInStream) -> None:
    PLUGIN._execute_request(request.session_id, request.data, request.reader, request.writer)


@contextmanager
def way(bridge: SilentBridge) -> Iterator[None]:
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
    """The SDK's plugin without its manifest and its channels: as much of it as executes a request."""

    def __init__(self) -> None:
        self.config = DifyPluginEnv()
        self.registration = cast("PluginRegistration", SimpleNamespace(get_model_instance=lambda *_: OllamaLargeLanguageModel([])))
        self.executer = cast("Any", None)
        self.plugin_executer = PluginExecutor(self.config, self.registration)
        Router.__init__(self, cast("Any", None), None)
        self._register_request_routes()


PLUGIN = ServedPlugin()

"""The plugin in serverless mode: health, frames as they come, and a caller that leaves stops the server's work."""

import http.client
import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from dify_plugin.config.config import InstallMethod
from gevent.event import Event

from fixtures.chunking import paced
from fixtures.recordings import every, load
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.daemon.requests import LLM, invoke_llm, invoke_text_embedding, user_message, validate_model_credentials
from plugin_entry.dify.sdk_patches import PATCHES
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit
from tests.servers.stalling_server import DONE, line, stalling
from tests.stdio.changed_sdk import changed
from tests.stdio.daemon import Reply
from tests.stdio.daemon_replies import ERROR, REPLIES, check
from tests.stdio.daemon_requests import Data, as_daemon_sends
from tests.stdio.networked_plugin import COMMAND, NetworkedPlugin, free_port, networked_plugin
from tests.stdio.whole_answers import text_of, whole_answer

PACE_MS = 40
NEVER_MS = 3_600_000
ASK = [user_message("Why is the sky blue?")]


@attrs.frozen
class Serverless:
    """The plugin behind HTTP, called as Dify's daemon calls it."""

    plugin: NetworkedPlugin
    port: int

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def is_healthy(self) -> bool:
        with closing(self.connection()) as connection:
            try:
                connection.request("GET", "/health")
                with closing(connection.getresponse()) as response:
                    return response.read() == b"OK"
            except OSError:
                return False

    @contextmanager
    def invoking(self, data: Data) -> Iterator[http.client.HTTPResponse]:
        """An invocation whose frames have begun or are yet to come; leaving closes the connection."""
        envelope = {"session_id": "s1", "event": "request", "data": as_daemon_sends(data)}
        with closing(self.connection()) as connection:
            connection.request("POST", "/invoke", json.dumps(envelope), {"Content-Type": "application/json"})
            with closing(connection.getresponse()) as response:
                assert response.status == 200
                yield response

    def invoke(self, data: Data) -> Reply:
        payloads: list[Any] = []
        error = None
        with self.invoking(data) as response:
            for frame in frames_of(response):
                match frame["type"]:
                    case "stream":
                        check(frame["data"], REPLIES[data["action"]])
                        payloads.append(frame["data"])
                    case "error":
                        check(error := frame["data"], ERROR)
        assert frame == {"type": "end", "data": {}}
        return Reply(payloads=tuple(payloads), error=error)


def frames_of(response: http.client.HTTPResponse) -> Iterator[Any]:
    """The frames, as they arrive."""
    for sent in response:
        if sent.strip():
            message = json.loads(sent)
            assert (message["event"], message["session_id"]) == ("session", "s1")
            yield message["data"]


@contextmanager
def serving(output: Path, command: Sequence[str] = COMMAND) -> Iterator[Serverless]:
    port = free_port()
    environment = {"INSTALL_METHOD": "serverless", "SERVERLESS_HOST": "127.0.0.1", "SERVERLESS_PORT": str(port)}
    with networked_plugin(environment, output, command) as plugin:
        running = Serverless(plugin, port)
        plugin.wait_until(running.is_healthy)
        yield running


@pytest.fixture(scope="module")
def serverless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serverless]:
    with serving(tmp_path_factory.mktemp("serverless") / "output") as running:
        yield running


def test_it_says_that_it_serves(serverless: Serverless) -> None:
    """The words that the marketplace's installation test looks for."""
    assert "Serving Flask app" in serverless.plugin.output


def test_frames_come_while_the_server_still_talks(serverless: Serverless) -> None:
    """The server ends its answer only when the first frame has come."""
    heard = Event()

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(line(content="once "))
        assert heard.wait(PATIENCE_S)
        visit.chunk(line(content="more") + json.dumps(DONE).encode() + b"\n")
        visit.send(END)

    with stalling(waits=answer) as server, serverless.invoking(invoke_llm("waits", {"base_url": server.url}, ASK)) as response:
        frames = frames_of(response)
        texts = [text_of(next(frames)["data"])]
        heard.set()
        texts += [text_of(frame["data"]) for frame in frames if frame["type"] == "stream"]
    assert texts == ["once ", "more", ""]


def test_an_answer_is_whole(serverless: Serverless) -> None:
    exchange = load("0.24.0", "chat-plain")
    with ThreadedReplayServer([exchange]) as server:
        told = whole_answer(serverless.invoke(invoke_llm("chat", {"base_url": server.url_of(exchange.address)}, ASK)))
    assert told.text.startswith("The sky is blue because air scatters short wavelengths more.")
    assert (told.finish_reason, told.usage, told.error_type) == ("stop", (3, 20), "")


PATCHES_HERE = [name for name, patch in PATCHES.items() if InstallMethod.Serverless in patch.modes]


@pytest.mark.parametrize("names", [["callers"], PATCHES_HERE], ids=["the one of this mode", "all of them"])
def test_without_the_patches_of_an_sdk_that_has_changed_an_answer_is_the_same(names: list[str], tmp_path: Path) -> None:
    exchange = load("0.24.0", "chat-plain")
    with ThreadedReplayServer([exchange]) as server, serving(tmp_path / "output", changed(*names)) as running:
        told = whole_answer(running.invoke(invoke_llm("chat", {"base_url": server.url_of(exchange.address)}, ASK)))
        running.plugin.wait_until(lambda: running.plugin.output.count("goes on without its patch") == len(names))
    assert (told.finish_reason, told.usage, told.error_type) == ("stop", (3, 20), "")


def test_other_actions_and_errors(serverless: Serverless) -> None:
    with ThreadedReplayServer(every(lambda exchange: exchange.version == "0.24.0")) as server:
        saved = {"base_url": server.url}
        vectors = serverless.invoke(invoke_text_embedding("embedder", saved, ["the cat", "blue sky"])).only["embeddings"]
        assert [len(vector) for vector in vectors] == [32, 32]
        assert serverless.invoke(validate_model_credentials(LLM, "chat", saved)).only["result"] is True
    refused = serverless.invoke(invoke_llm("chat", {"base_url": f"http://127.0.0.1:{free_port()}"}, ASK))
    assert refused.error_type == "InvokeConnectionError"


@pytest.mark.parametrize(("pace_ms", "frames"), [(PACE_MS, 2), (NEVER_MS, 0)], ids=["in the middle of an answer", "before the first token"])
def test_caller_that_leaves_stops_the_server(serverless: Serverless, pace_ms: float, frames: int) -> None:
    exchange = load("0.24.0", "chat-plain")
    pace = paced(pace_ms)
    with ThreadedReplayServer([exchange], lambda each: pace(each) if each is exchange else each.chunks, 1) as server, ExitStack() as stack:
        caller = call_raw(serverless, invoke_llm("chat", {"base_url": server.url_of(exchange.address)}, ASK))
        stack.callback(caller.close)
        wait_for_chat(server)
        received = b""
        while received.count(b'"type":"stream"') < frames:
            received += caller.recv(65536)
        caller.close()
        (disconnect,) = server.wait_for_disconnects()
        assert disconnect.pieces < len(exchange.chunks)
    assert serverless.is_healthy()


def wait_for_chat(server: ThreadedReplayServer) -> None:
    """Questions about the model come before the request itself."""
    while not any(request.path == "/api/chat" for request in server.requests):
        server.wait_for_requests(len(server.requests) + 1)


def call_raw(serverless: Serverless, data: Data) -> socket.socket:
    body = json.dumps({"session_id": "s1", "event": "request", "data": as_daemon_sends(data)}).encode()
    caller = socket.create_connection(("127.0.0.1", serverless.port), timeout=60)
    head = f"POST /invoke HTTP/1.1\r\nHost: plugin\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    caller.sendall(head.encode() + body)
    return caller


def test_a_line_that_is_no_request_is_refused(serverless: Serverless) -> None:
    with closing(serverless.connection()) as connection:
        connection.request("POST", "/invoke", "{}", {"Content-Type": "application/json"})
        with closing(connection.getresponse()) as response:
            assert response.status == 500

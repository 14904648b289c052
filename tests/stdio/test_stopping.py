"""Who leaves an answer closes the server's connection at once, wherever the answer is, so that Ollama stops generating."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import gevent
import pytest

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from plugin_entry.serving import chat
from tests.sdk_chunks import as_models
from tests.servers.loopback import HEAD, PATIENCE_S, Visit
from tests.servers.stalling_server import StallingServer, aside, line, stalling
from tests.stdio.daemon_requests import as_daemon_sends
from tests.stdio.networked_plugin import free_port, networked_plugin
from tests.stdio.processes import beating_plugin
from translator.shapes.dify import Message, Role
from translator.turn import Ask

pytestmark = pytest.mark.usefixtures("_plugin_rests")

PLUGIN = beating_plugin()
FIRST_WORDS = {"begun": "once ", "thinking": "<think>\n", "talking": "on "}


def ask(stage: str) -> Ask:
    return Ask(model=stage, messages=(Message(role=Role.USER, content="hi"),))


@pytest.mark.parametrize("stage", FIRST_WORDS)
def test_closing_the_generator_closes_the_connection(stage: str) -> None:
    with stalling() as server:
        chunks = chat.stream(ask(stage), {"base_url": server.url})
        assert str(next(as_models(chunks)).delta.message.content).startswith(FIRST_WORDS[stage])
        chunks.close()
        assert server.left[stage].wait(PATIENCE_S)


@pytest.mark.parametrize("stage", ["silent", "headed", "begun", "thinking", "refusing"])
def test_ending_a_request_that_waits_closes_the_connection(stage: str) -> None:
    """For headers, for the first text, for the next one, for the rest of an error."""
    with stalling() as server:
        request = gevent.spawn(lambda: list(chat.stream(ask(stage), {"base_url": server.url})))
        assert server.came[stage].wait(PATIENCE_S)
        gevent.idle()
        request.kill()
        assert server.left[stage].wait(PATIENCE_S)


@pytest.fixture(scope="module", name="plugin")
def own_plugin() -> Iterator[PluginProcess]:
    with PLUGIN as plugin:
        yield plugin


def calls(*sizes: int) -> Callable[[Visit], None]:
    """Tool calls that no line to Dify can carry, each in a line of its own."""

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        for size in sizes:
            visit.chunk(line(tool_calls=[{"function": {"name": "f", "arguments": {"x": "y" * size}}}]))
        visit.chunk(b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n')

    return answer


HUGE = {
    "one": (calls(5 << 20), 'The tool calls of the model "huge" have 5,242,956 bytes or more, and Dify takes 4 MiB at once.'),
    "two": (calls(5 << 19, 5 << 19), 'The tool calls of the model "huge" have 5,243,110 bytes or more, and Dify takes 4 MiB at once.'),
}


@pytest.mark.parametrize(("huge", "words"), HUGE.values(), ids=HUGE)
def test_an_answer_that_cannot_be_handed_on_closes_the_connection(huge: Callable[[Visit], None], words: str, plugin: PluginProcess) -> None:
    with stalling(huge=huge) as server:
        request = invoke_llm("huge", {"base_url": server.url}, [user_message("hi")])
        frames = aside(lambda: list(plugin.invoke(request, PATIENCE_S)))
        assert [frame.kind for frame in frames] == ["error", "end"]
        assert frames[0].data["error_type"] == "InvokeBadRequestError"
        assert frames[0].data["message"].startswith(words)
        assert server.left["huge"].wait(PATIENCE_S)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a plugin in serverless mode."""
    port = free_port()
    environment = {"INSTALL_METHOD": "serverless", "SERVERLESS_HOST": "127.0.0.1", "SERVERLESS_PORT": str(port)}
    output: Path = tmp_path_factory.mktemp("stopping") / "output"
    with networked_plugin(environment, output) as plugin:
        plugin.wait_until(lambda: answers(port))
        yield port


def answers(port: int) -> bool:
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as connection:
            connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            return connection.recv(100) != b""
    except OSError:
        return False


@pytest.mark.parametrize("stage", ["silent", "begun", "thinking", "talking"])
def test_a_serverless_caller_that_leaves_closes_the_connection(port: int, stage: str) -> None:
    with stalling() as server:
        with calling(port, stage, server):
            """The caller leaves."""
        assert server.left[stage].wait(PATIENCE_S)


@contextmanager
def calling(port: int, stage: str, server: StallingServer) -> Iterator[None]:
    """A caller whose answer is at a stage."""
    data = as_daemon_sends(invoke_llm(stage, {"base_url": server.url}, [user_message("hi")]))
    body = json.dumps({"session_id": "s1", "event": "request", "data": data}).encode()
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)) as caller:
        caller.sendall(b"POST /invoke HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        caller.sendall(body)
        assert server.came[stage].wait(PATIENCE_S)
        received = b""
        while stage in FIRST_WORDS and b'"type":"stream"' not in received:
            received += caller.recv(65536)
        yield

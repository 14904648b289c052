"""The time limit of a whole answer: what was said by then is a good answer, and nothing said is an error that names what to raise.

The limit is reached when the plugin has read all that the server sends: `clock` ends a reply then, instead of a timer.
"""

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import gevent
import orjson
import pytest
from dify_plugin.entities.model import EmbeddingInputType
from dify_plugin.errors.model import InvokeError, InvokeServerUnavailableError
from gevent.event import Event

from plugin_entry.serving import deadline, embedding, rerank
from tests.plugin_entry.serving.test_chat import PLAIN, invoke, text, usage
from tests.servers.routes_server import RoutesServer, Speak, json_reply
from translator.response.stream import ReplyStream
from translator.shapes.events import Delta

pytestmark = pytest.mark.usefixtures("_plugin_rests")

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
CALL = {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]}


@attrs.define
class Clock:
    """Ends a reply once `size` bytes of it were read."""

    size: int = 0
    end: Callable[[], object] = lambda: None

    def call_later(self, seconds: float, do: Callable[[], object]) -> Callable[[], object]:
        assert 569 < seconds <= 570
        self.end = do
        return lambda: None

    def read(self, data: bytes) -> None:
        self.size -= len(data)
        if self.size == 0:
            self.end()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock, slices = Clock(), ReplyStream.slices

    def watched(stream: ReplyStream, data: bytes) -> Iterator[list[Delta]]:
        yield from slices(stream, data)
        clock.read(data)

    monkeypatch.setattr(deadline, "call_later", clock.call_later)
    monkeypatch.setattr(ReplyStream, "slices", watched)
    return clock


@attrs.define
class Model:
    """A server that says something and then writes on without saying anything."""

    said: bytes
    was_left: Event = attrs.field(factory=Event)

    def __call__(self, sock: Any) -> None:
        sock.sendall(HEAD + self.said)
        while sock.recv(1024):
            pass
        self.was_left.set()


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps({"message": message, "done": False}) + b"\n" for message in messages)


def server(speak: Speak) -> RoutesServer:
    show = PLAIN | {"capabilities": ["completion", "thinking", "tools"]}
    every = {"/api/show": json_reply(show), "/api/version": json_reply({"version": "0.33.0"})}
    return RoutesServer(every | {"*": speak})


SAID: dict[str, tuple[bytes, str, str, list[str]]] = {
    "text": (lines({"content": "So"}, {"content": " far"}), "So far", "length", []),
    "thinking open": (lines({"thinking": "hm"}), "<think>\nhm\n</think>", "length", []),
    "tag open": (lines({"content": "<think>"}, {"content": "hm"}), "<think>\nhm\n</think>", "length", []),
    "text after thinking": (lines({"thinking": "hm"}, {"content": "So"}), "<think>\nhm\n</think>\nSo", "length", []),
    "calls held": (lines({"content": "I look."}, CALL), "I look.", "tool_calls", ["f"]),
    "in the middle of a line": (lines({"content": "So"}) + b'{"message":{"cont', "So", "length", []),
    "what may be a tag": (lines({"content": "a <thi"}), "a <thi", "length", []),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("said", "shown", "reason", "called"), SAID.values(), ids=SAID)
def test_what_was_said_is_a_good_answer(clock: Clock, said: bytes, shown: str, reason: str, called: list[str], stream: bool) -> None:
    clock.size, model = len(said), Model(said)
    with server(model) as ollama:
        chunks = invoke(ollama.url, stream=stream)
        assert model.was_left.wait(10), "the server writes for nobody"
    assert text(chunks) == shown
    assert [call.function.name for chunk in chunks for call in chunk.delta.message.tool_calls] == called
    assert usage(chunks).prompt_tokens > 0
    assert usage(chunks).completion_tokens > 0
    if stream:
        assert chunks[-1].delta.finish_reason == reason


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("said", [b"\n", lines({"content": "\n"}), b'{"message":{"cont'], ids=["nothing", "blanks", "half a line"])
def test_nothing_said_is_an_error_that_names_the_limits(clock: Clock, said: bytes, stream: bool) -> None:
    clock.size, model = len(said), Model(said)
    with server(model) as ollama, pytest.raises(InvokeServerUnavailableError, match="did not answer within 570 seconds") as raised:
        invoke(ollama.url, stream=stream)
    assert model.was_left.wait(10)
    for name in ("PLUGIN_MAX_EXECUTION_TIMEOUT", "PLUGIN_DAEMON_TIMEOUT", "answer_timeout"):
        assert name in str(raised.value)


def test_hidden_thinking_is_nothing_said(clock: Clock) -> None:
    said = lines({"thinking": "hm"})
    clock.size = len(said)
    with server(Model(said)) as ollama, pytest.raises(InvokeError, match="did not answer within"):
        invoke(ollama.url, parameters={"show_thinking": False})


def chat(url: str) -> object:
    return invoke(url, saved=LIMITED)


def blocking(url: str) -> object:
    return invoke(url, saved=LIMITED, stream=False)


def completion(url: str) -> object:
    return invoke(url, saved=LIMITED | {"mode": "completion"})


def embed(url: str) -> object:
    return embedding.embed("m", {"base_url": url, **LIMITED}, ["a"], EmbeddingInputType.DOCUMENT)


def embed_many(url: str) -> object:
    return embedding.embed("m", {"base_url": url, **LIMITED, "max_chunks": "1"}, ["a", "b", "c"], EmbeddingInputType.DOCUMENT)


def rank(url: str) -> object:
    return rerank.rerank("m", {"base_url": url, **LIMITED}, "q", ["a"], None, None)


LIMITED = {"answer_timeout": "0.2"}


@pytest.mark.parametrize("request_of", [chat, blocking, completion, embed, embed_many, rank])
def test_no_reply_at_all_is_the_same_error(request_of: Callable[[str], object]) -> None:
    """The timer is real: a model that is being loaded, a queue."""
    left = Event()

    def loading(sock: Any) -> None:
        while sock.recv(1024):
            pass
        left.set()

    with server(loading) as ollama:
        with pytest.raises(InvokeServerUnavailableError, match=r"did not answer within 0\.2 seconds.*PLUGIN_DAEMON_TIMEOUT"):
            request_of(ollama.url)
        assert left.wait(10)


def test_a_reply_that_falls_silent_ends_at_the_limit() -> None:
    """The timer is real here, too."""
    with server(Model(b"\n")) as ollama, pytest.raises(InvokeServerUnavailableError, match="did not answer within"):
        invoke(ollama.url, saved=LIMITED)


def test_an_answer_that_never_pauses_ends_at_the_limit() -> None:
    line = lines({"content": "again "})

    def writing_on(sock: Any) -> None:
        sock.sendall(HEAD)
        while True:
            sock.sendall(line * 100)
            gevent.sleep(0)

    with server(writing_on) as ollama:
        chunks = invoke(ollama.url, saved={"answer_timeout": "1"})
        assert chunks[-1].delta.finish_reason == "length"


def test_zero_is_no_limit() -> None:
    done = orjson.dumps({"message": {"content": "Yes."}, "done": True, "done_reason": "stop"}) + b"\n"
    with server(Model(done)) as ollama:
        assert text(invoke(ollama.url, saved={"answer_timeout": "0"})) == "Yes."

"""What is sent again before the first byte of an answer, what is not, and what a user reads about a server that stays silent."""

import asyncio
import logging
from collections.abc import Generator, Iterator
from contextlib import nullcontext
from typing import Any

import attrs
import gevent
import pytest
from dify_plugin.entities.model.llm import LLMResultChunk
from dify_plugin.entities.model.message import UserPromptMessage
from dify_plugin.errors.model import (
    InvokeBadRequestError,
    InvokeConnectionError,
    InvokeError,
    InvokeRateLimitError,
    InvokeServerUnavailableError,
)
from gevent.event import Event
from gevent.pool import Group

from fixtures.recordings import load
from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.serving import chat
from plugin_entry.serving.chat import BRIDGE
from tests.sdk_chunks import as_models
from tests.servers.routes_server import RoutesServer, Speak, json_reply, reply, silence

pytestmark = pytest.mark.usefixtures("_plugin_rests")

SECRET_PROMPT, SECRET_KEY = "prompt-that-no-log-may-show", "key-that-no-log-may-show"
SHOW = {"capabilities": ["completion"], "model_info": {"general.architecture": "llama", "llama.context_length": 4096}}
FACTS: dict[str, Speak] = {"/api/show": json_reply(SHOW), "/api/version": json_reply({"version": "0.33.0"})}


def recorded(version: str, scenario: str, **headers: str) -> Speak:
    exchange = load(version, scenario)
    return reply(exchange.status, exchange.body, Content_Type=exchange.content_type, **headers)


def closed(sock: Any) -> None:
    """The server reads the request and closes the connection."""


GOOD = recorded("0.33.0-rc2", "chat-plain")
QUEUE_FULL = recorded("0.33.0-rc2", "error-queue-full")
SLOTS = recorded("0.33.0-rc2", "cloud-proxy-slots")
QUOTA = recorded("0.33.0-rc2", "cloud-proxy-limit")
BAD_GATEWAY = reply(502, b"<html><h1>502 Bad Gateway</h1><hr>nginx</html>", Content_Type="text/html")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between tries, in seconds; nobody really waits."""
    waited: list[float] = []
    monkeypatch.setattr(chat, "CHAT", attrs.evolve(chat.CHAT, sleep=waited.append))
    return waited


def invoke(server: RoutesServer, *, stream: bool = True, **saved: Any) -> list[LLMResultChunk]:
    credentials = {"base_url": server.url, "api_key": SECRET_KEY, **saved}
    model = OllamaLargeLanguageModel([])
    return list(as_models(model.invoke("m", credentials, [UserPromptMessage(content=SECRET_PROMPT)], {}, stream=stream)))


def asked_for_answers(server: RoutesServer) -> int:
    return server.paths().count("/api/chat") + server.paths().count("/api/generate")


# --- what is asked again -------------------------------------------------------------------------------------------------------

AGAIN: dict[str, list[Speak]] = {
    "queue full": [QUEUE_FULL, GOOD],
    "slots of the cloud": [SLOTS, SLOTS, GOOD],
    "proxy without a server": [BAD_GATEWAY, GOOD],
    "gateway timeout": [reply(504, b""), GOOD],
    "closed before an answer": [closed, GOOD],
    "one after the other": [closed, QUEUE_FULL, GOOD],
    "later, says the server": [reply(429, b'{"error":"slow down"}', Retry_After="1"), GOOD],
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "blocking"])
@pytest.mark.parametrize("answers", AGAIN.values(), ids=AGAIN)
def test_a_busy_server_is_asked_again(answers: list[Speak], stream: bool, waits: list[float]) -> None:
    with RoutesServer(FACTS | {"/api/chat": list(answers)}) as server:
        chunks = invoke(server, stream=stream)
        assert "".join(str(chunk.delta.message.content) for chunk in chunks).startswith("The sky")
        assert asked_for_answers(server) == len(answers) == len(waits) + 1


STANDS: dict[str, tuple[Speak, type[InvokeError], int]] = {
    "another quota, with a time": (
        reply(429, b'{"error":"You exceeded your current quota, please check your plan"}', Retry_After="0"),
        InvokeRateLimitError,
        1,
    ),
    "a time beyond all calendars": (
        reply(503, b"", Retry_After="Mon, 01 Jan 2020 00:00:00 +999999999999999"),
        InvokeServerUnavailableError,
        3,
    ),
    "slots of the cloud taken for long": (SLOTS, InvokeRateLimitError, 3),
    "quota used up": (QUOTA, InvokeRateLimitError, 1),
    "quota used up, with a time": (recorded("0.33.0-rc2", "cloud-proxy-limit", Retry_After="3"), InvokeRateLimitError, 1),
    "nobody knows for how long": (reply(429, b'{"error":"slow down"}'), InvokeRateLimitError, 1),
    "longer than anybody waits": (reply(503, b"", Retry_After="3600"), InvokeServerUnavailableError, 1),
    "a fault": (reply(500, b'{"error":"llama runner process has terminated"}'), InvokeServerUnavailableError, 1),
    "a bad request": (reply(400, b'{"error":"invalid options"}'), InvokeBadRequestError, 1),
    "closed every time": (closed, InvokeServerUnavailableError, 3),
}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "blocking"])
@pytest.mark.parametrize(("answer", "kind", "times"), STANDS.values(), ids=STANDS)
def test_how_often_a_refusal_is_heard(answer: Speak, kind: type[InvokeError], times: int, stream: bool, waits: list[float]) -> None:
    with RoutesServer(FACTS | {"/api/chat": answer}) as server, pytest.raises(kind) as caught:
        invoke(server, stream=stream)
    assert type(caught.value) is kind
    assert (asked_for_answers(server), len(waits)) == (times, times - 1)
    assert SECRET_KEY not in str(caught.value)
    assert SECRET_PROMPT not in str(caught.value)


@pytest.mark.usefixtures("waits_for_models")
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "blocking"])
def test_a_model_that_loads_is_waited_for(stream: bool, waits: list[float]) -> None:
    """Ollama's queue is full only while models load, which may take minutes."""
    with RoutesServer(FACTS | {"/api/chat": [QUEUE_FULL] * 30 + [GOOD]}) as server:
        assert invoke(server, stream=stream)
    assert [round(seconds) for seconds in waits[:3]] == [1, 2, 4]
    assert len(waits) == 30


@pytest.mark.usefixtures("waits_for_models")
def test_it_is_waited_for_no_longer_than_for_a_first_byte(waits: list[float]) -> None:
    with RoutesServer(FACTS | {"/api/chat": QUEUE_FULL}) as server, pytest.raises(InvokeServerUnavailableError, match="queue is full"):
        invoke(server, first_byte_timeout="20")
    assert sum(waits) == pytest.approx(20)


def endless_refusal(sock: Any) -> None:
    """A refusal that goes on until the client leaves."""
    sock.sendall(b"HTTP/1.1 500 X\r\nConnection: close\r\n\r\nthe runner failed")
    while True:
        sock.sendall(b" " * 65536)
        gevent.sleep(0)


def test_only_the_beginning_of_a_refusal_is_read(waits: list[float]) -> None:
    with RoutesServer(FACTS | {"/api/chat": endless_refusal}) as server, pytest.raises(InvokeServerUnavailableError) as caught:
        invoke(server)
    assert "the runner failed" in str(caught.value)
    assert waits == []


def test_the_server_says_how_long_to_wait(waits: list[float]) -> None:
    with RoutesServer(FACTS | {"/api/chat": [reply(503, b"", Retry_After="7"), GOOD]}) as server:
        invoke(server)
    assert 7 <= waits[0] <= 7.7


def test_nothing_is_asked_again_once_an_answer_began(waits: list[float]) -> None:
    first = load("0.33.0-rc2", "chat-plain").body.splitlines(keepends=True)[0]
    with RoutesServer(FACTS | {"/api/chat": reply(200, first, Content_Type="application/x-ndjson")}) as server:
        with pytest.raises(InvokeServerUnavailableError):
            invoke(server)
        assert (asked_for_answers(server), waits) == (1, [])


def test_a_refused_connection_is_told_at_once(waits: list[float]) -> None:
    with RoutesServer({}) as gone:
        pass
    with pytest.raises(InvokeConnectionError):
        invoke(gone)
    assert waits == []


# --- a server that stays silent ------------------------------------------------------------------------------------------------


def ps(*names: str) -> Speak:
    return json_reply({"models": [{"name": name, "model": name, "size": 2, "size_vram": 1} for name in names]})


SILENCES: dict[str, tuple[Speak, str]] = {
    "not listed": (ps("other:latest"), 'does not have the model "m" in its list of running models: it was still being loaded'),
    "listed": (ps("m:latest"), 'has the model "m" in its list of running models: it is loading, the request waited in the queue'),
    "hanging": (silence, "it did not answer either"),
}


@pytest.mark.parametrize(("listed", "part"), SILENCES.values(), ids=SILENCES)
def test_silence_is_explained(listed: Speak, part: str, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_entry.network.retries.PS_LIMIT_S", 0.3)
    with RoutesServer(FACTS | {"/api/chat": silence, "/api/ps": listed}) as server, pytest.raises(InvokeServerUnavailableError) as caught:
        invoke(server, first_byte_timeout="0.3")
    assert "took the request and answered nothing within 0.3 seconds" in str(caught.value)
    assert part in str(caught.value)
    assert (asked_for_answers(server), waits) == (1, []), "it may still be running"


def test_a_question_that_is_refused_says_nothing(waits: list[float]) -> None:
    with (
        RoutesServer(FACTS | {"/api/chat": silence, "/api/ps": reply(404, b"")}) as server,
        pytest.raises(InvokeServerUnavailableError) as caught,
    ):
        invoke(server, first_byte_timeout="0.3")
    assert "running models" not in str(caught.value)


def test_a_connection_that_breaks_late_may_have_been_worked_on(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_entry.network.retries.SOON_S", 0.0)
    with RoutesServer(FACTS | {"/api/chat": closed}) as server, pytest.raises(InvokeServerUnavailableError):
        invoke(server)
    assert (asked_for_answers(server), waits) == (1, [])


def test_a_generator_that_was_never_started_gives_its_connection_up() -> None:
    left = Event()

    def until_the_client_leaves(sock: Any) -> None:
        try:
            begun(sock)
        finally:
            left.set()

    with RoutesServer(FACTS | {"/api/chat": until_the_client_leaves}) as server:
        ask = chat.ask_of("m", [UserPromptMessage(content="hi")], {}, None, None)
        chat.stream(ask, {"base_url": server.url}).close()
        assert left.wait(60)


# --- time limits while there is no connection yet --------------------------------------------------------------------------------


def test_a_limit_that_ends_a_connection_under_way_says_so(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs: no server has taken anything."""

    async def hanging(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("plugin_entry.serving.facts.QUESTION_LIMIT_S", 0.3)
    with RoutesServer(FACTS | {"/api/chat": GOOD}) as server:
        invoke(server)
        monkeypatch.setattr("aiohttp.TCPConnector._create_connection", hanging)
        BRIDGE.close()
        both: list[dict[str, Any]] = [{"connect_timeout": "0.2"}, {"connect_timeout": "0", "first_byte_timeout": "0.2"}]
        for limits in both:
            with pytest.raises(InvokeConnectionError, match=r"did not accept a connection within 0\.2 seconds"):
                invoke(server, **limits)
    assert waits == []


# --- the log -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "blocking"])
@pytest.mark.parametrize(
    ("answer", "outcome"), [(GOOD, "ok"), (QUEUE_FULL, "queue_full"), (recorded("0.33.0-rc2", "native-crash-midway"), "")], ids=str
)
def test_one_line_per_request(answer: Speak, outcome: str, stream: bool, waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "plugin_entry")
    with RoutesServer(FACTS | {"/api/chat": answer}) as server, nullcontext() if outcome == "ok" else pytest.raises(InvokeError):
        invoke(server, stream=stream)
    lines = [record.getMessage() for record in caplog.records if record.name == "plugin_entry.log"]
    assert len(lines) == 1
    assert f'"outcome":"{outcome}' in lines[0]
    assert f'"server":"{server.url}"' in lines[0]
    assert '"model":"m"' in lines[0]
    assert SECRET_PROMPT not in caplog.text
    assert SECRET_KEY not in caplog.text


def begun(sock: Any) -> None:
    """One line of an answer, and then nothing."""
    line = load("0.33.0-rc2", "chat-plain").body.splitlines(keepends=True)[0]
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nContent-Length: 100000\r\n\r\n" + line)
    silence(sock)


def test_a_reader_who_leaves_is_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "plugin_entry")
    with RoutesServer(FACTS | {"/api/chat": begun}) as server:
        chunks = OllamaLargeLanguageModel([]).invoke("m", {"base_url": server.url}, [UserPromptMessage(content="hi")], {}, stream=True)
        assert isinstance(chunks, Generator)
        next(chunks)
        chunks.close()
    assert '"outcome":"left"' in caplog.text


def answered(**counts: object) -> Speak:
    """An answer of one line."""
    return json_reply({"model": "m", "message": {"role": "assistant", "content": "Yes."}, "done": True, "done_reason": "stop", **counts})


class Listener(logging.Handler):
    """Hears the warnings of the request log; `heard` is set with the one that is waited for."""

    def __init__(self, part: str) -> None:
        super().__init__(logging.WARNING)
        self.part, self.heard, self.said = part, Event(), list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
        if self.part in self.said[-1]:
            self.heard.set()


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    """Ends once everything is done that nobody waited for."""
    handler, aside = Listener("The context is wrong"), Group()
    monkeypatch.setattr(chat, "CHAT", attrs.evolve(chat.CHAT, spawn=aside.spawn))
    logging.getLogger("plugin_entry.log").addHandler(handler)
    yield handler
    assert aside.join(5)
    logging.getLogger("plugin_entry.log").removeHandler(handler)


LOADED = answered(prompt_eval_count=5, eval_count=2, load_duration=4_200_000_000)


def test_a_window_smaller_than_asked_for_is_a_warning(listener: Listener) -> None:
    """After a load the server is asked once; 4,096 tokens were asked for."""
    listed = json_reply({"models": [{"name": "m:latest", "context_length": 512}]})
    with RoutesServer(FACTS | {"/api/chat": LOADED, "/api/ps": listed}) as server:
        invoke(server)
        assert listener.heard.wait(60)
        assert listener.said[0].startswith(f"m at {server.url}: The context is wrong: the server runs the model with 512 tokens, 4,096")


def test_a_model_that_is_loaded_again_is_a_warning(listener: Listener) -> None:
    with RoutesServer(FACTS | {"/api/chat": LOADED, "/api/ps": json_reply({"models": []})}) as server:
        invoke(server)
        assert listener.said == [], "the first load is nothing to tell"
        invoke(server)
        assert "The model was loaded again (4.2 s), 0 s after its last answer" in listener.said[0]

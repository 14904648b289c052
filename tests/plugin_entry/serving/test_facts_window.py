"""The context size `server`: nothing is sent, and Dify budgets with what the server runs the model with."""

from typing import Any

import gevent
import pytest
from dify_plugin.entities.model import ModelPropertyKey
from gevent.event import Event

from plugin_entry.serving import facts, schema
from plugin_entry.serving.chat import FACTS
from tests.plugin_entry.serving.test_chat import GOOD, bodies, invoke, recorded
from tests.servers.routes_server import RoutesServer, Speak, json_reply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

SERVER = {"context_size": "server"}
SHOW = {"capabilities": ["completion"], "model_info": {"general.architecture": "llama", "llama.context_length": 131072}}


@pytest.fixture(autouse=True)
def _asks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "WINDOW_S", 0.0)
    monkeypatch.setattr(facts, "NO_WINDOW_S", 0.0)


def ps(window: int | None, name: str = "m:latest") -> Speak:
    return json_reply({"models": [] if window is None else [{"name": name, "model": name, "context_length": window}]})


def server(*running: Speak, version: str = "0.33.0") -> RoutesServer:
    routes: dict[str, Any] = {"/api/ps": list(running), "/api/show": json_reply(SHOW), "/api/version": json_reply({"version": version})}
    return RoutesServer(routes | {"/api/chat": GOOD})


def budget(url: str, model: str = "m", **saved: str) -> int:
    size: int = schema.language_model(model, {"base_url": url, **SERVER, **saved}).model_properties[ModelPropertyKey.CONTEXT_SIZE]
    return size


def test_before_during_and_after_a_load() -> None:
    """The model of another name says nothing of this one; what was seen once is remembered when the model is gone again."""
    with server(ps(None), ps(64, "other:latest"), ps(32768), ps(None)) as ollama:
        assert [budget(ollama.url) for _ in range(4)] == [4096, 4096, 32768, 32768]


def test_two_clients_with_other_windows() -> None:
    """Whoever loads the model says how large it is; Dify follows and does not load it again."""
    with server(ps(2048), ps(16384)) as ollama:
        assert [budget(ollama.url), budget(ollama.url)] == [2048, 16384]
        invoke(ollama.url, saved=SERVER, parameters={"num_ctx": 512})
        (body,) = bodies(ollama)
        assert "num_ctx" not in body.get("options", {})


def test_recorded_lists_before_during_and_after_a_load() -> None:
    """0.33.0-rc2, the model `chat`: not there, loaded by one client with 512 tokens, by another with 4,096, and gone."""
    running = [recorded("0.33.0-rc2", name) for name in ("ps-empty", "ps", "ps-forever", "ps-empty")]
    with server(*running) as ollama:
        assert [budget(ollama.url, model="chat") for _ in range(4)] == [4096, 512, 4096, 4096]


def test_it_is_asked_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "WINDOW_S", 3600.0)
    with server(ps(2048)) as ollama:
        assert {budget(ollama.url) for _ in range(9)} == {2048}
        assert ollama.paths().count("/api/ps") == 1


def test_requests_that_come_together_share_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """The branches of a workflow: those that did not wait had 4,096 tokens, and long prompts among them were refused."""
    monkeypatch.setattr(facts, "WINDOW_S", 3600.0)
    with server(ps(32768)) as ollama:
        branches = [gevent.spawn(budget, ollama.url) for _ in range(5)]
        assert [branch.get(timeout=60) for branch in branches] == [32768] * 5
        assert ollama.paths().count("/api/ps") == 1


def test_who_waits_asks_when_the_one_who_asked_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "WINDOW_S", 3600.0)
    asked, never = Event(), Event()

    def waiting(*_: Any) -> None:
        asked.set()
        never.wait()

    with server(ps(32768)) as ollama:
        monkeypatch.setattr(facts, "models_in_memory", waiting)
        first = gevent.spawn(budget, ollama.url)
        assert asked.wait(60)
        monkeypatch.undo()
        second = gevent.spawn(budget, ollama.url)
        gevent.idle()
        first.kill()
        assert second.get(timeout=60) == 32768


def test_a_window_that_was_saved_is_remembered() -> None:
    with server(ps(None)) as ollama:
        assert budget(ollama.url, detected_running_window="65536") == 65536


@pytest.mark.parametrize("setting", ["auto", "4096"])
def test_other_sizes_ask_nothing(setting: str) -> None:
    with server(ps(2048)) as ollama:
        budget(ollama.url, context_size=setting)
        assert "/api/ps" not in ollama.paths()


def test_a_server_that_does_not_say_gets_the_automatic_size() -> None:
    with server(ps(None), version="0.9.6") as ollama:
        assert budget(ollama.url) == 8192
        invoke(ollama.url, saved=SERVER)
        assert bodies(ollama)[0]["options"]["num_ctx"] == 8192
    FACTS.forget()

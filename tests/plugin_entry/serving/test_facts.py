"""What is known about models: asked once, shared, believed for a while, never in the way."""

import gc
import weakref
from contextlib import suppress
from typing import Any

import attrs
import gevent
import pytest
from gevent.event import Event

from fixtures.recordings import load
from plugin_entry.network.server import Server
from plugin_entry.serving.chat import BRIDGE
from plugin_entry.serving.facts import KEPT, KNOWN_S, QUESTION_LIMIT_S, UNKNOWN_S, UNREACHABLE_S, VERSION_LIMIT_S, ModelFacts
from tests.servers.routes_server import RoutesServer, Speak, after, json_reply, reply, silence, single_bytes, trickle
from translator.errors import Family, ServerError
from translator.response.capabilities import ModelInfo
from translator.settings.base_url import parse_base_url
from translator.settings.credentials import Timeouts
from translator.versions import ServerVersion

pytestmark = pytest.mark.usefixtures("_plugin_rests")

SHOW = json_reply({"capabilities": ["completion", "tools"], "model_info": {"general.architecture": "llama", "llama.context_length": 4096}})
VERSION = json_reply({"version": "0.24.0"})
GOOD = {"/api/version": VERSION, "/api/show": SHOW}
BROKEN = reply(500, b'{"error":"out of order"}')
REMEMBERED = ModelInfo(context_length=1234)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def facts(clock: Clock) -> ModelFacts:
    return ModelFacts(BRIDGE, clock)


def at(url: str, **values: Any) -> Server:
    return Server(base_url=parse_base_url(url), **values)


def shows(server: RoutesServer) -> int:
    return server.paths().count("/api/show")


def test_both_questions(facts: ModelFacts) -> None:
    with RoutesServer(GOOD) as server:
        info = facts.of(at(server.url), "llama3.2", REMEMBERED)
    assert (info.tools, info.context_length, info.version) == (True, 4096, ServerVersion(0, 24, 0))
    assert sorted((asked.method, asked.path) for asked in server.asked) == [("GET", "/api/version"), ("POST", "/api/show")]
    assert next(asked for asked in server.asked if asked.path == "/api/show").json == {"model": "llama3.2"}


def test_a_recorded_server(facts: ModelFacts) -> None:
    with RoutesServer(
        {"/api/version": reply(200, load("0.33.0-rc2", "version").body), "/api/show": reply(200, load("0.33.0-rc2", "show-think").body)}
    ) as server:
        info = facts.of(at(server.url), "think", REMEMBERED)
    assert info.thinking
    assert info.version == ServerVersion.parse("0.33.0-rc2")


def test_many_at_once_ask_once(facts: ModelFacts) -> None:
    go = Event()
    with RoutesServer({"/api/version": VERSION, "/api/show": after(go, SHOW)}) as server:
        asking = [gevent.spawn(facts.of, at(server.url), "m", REMEMBERED) for _ in range(50)]
        asking += [gevent.spawn(facts.for_schema, at(server.url), "m", REMEMBERED) for _ in range(50)]
        gevent.idle()
        go.set()
        gevent.joinall(asking, timeout=60, raise_error=True)
        assert {id(each.value) for each in asking} == {id(asking[0].value)}
        assert (shows(server), server.paths().count("/api/version")) == (1, 1)


def test_many_at_once_fail_once(facts: ModelFacts) -> None:
    go = Event()
    with RoutesServer({"/api/version": VERSION, "/api/show": after(go, BROKEN)}) as server:
        asking = [gevent.spawn(facts.of, at(server.url), "m", REMEMBERED) for _ in range(50)]
        gevent.idle()
        go.set()
        gevent.joinall(asking, timeout=60, raise_error=True)
        assert {each.value for each in asking} == {REMEMBERED}
        assert shows(server) == 1


def test_who_asks_may_be_ended_without_harm_to_others(facts: ModelFacts) -> None:
    go = Event()
    with RoutesServer({"/api/version": VERSION, "/api/show": after(go, SHOW)}) as server:
        first = gevent.spawn(facts.of, at(server.url), "m", REMEMBERED)
        while "/api/show" not in server.paths():
            gevent.idle()
        others = [gevent.spawn(facts.of, at(server.url), "m", REMEMBERED) for _ in range(5)]
        gevent.sleep(0)
        first.kill()
        go.set()
        gevent.joinall(others, timeout=60, raise_error=True)
        assert {each.value.context_length for each in others} == {4096}


def test_facts_expire(facts: ModelFacts, clock: Clock) -> None:
    with RoutesServer(GOOD) as server:
        facts.of(at(server.url), "m", REMEMBERED)
        clock.now += KNOWN_S - 1
        facts.of(at(server.url), "m", REMEMBERED)
        assert shows(server) == 1
        clock.now += 1
        facts.of(at(server.url), "m", REMEMBERED)
        assert shows(server) == 2


def test_failures_expire_sooner(facts: ModelFacts, clock: Clock) -> None:
    with RoutesServer({"/api/version": VERSION, "/api/show": [BROKEN, SHOW]}) as server:
        assert facts.of(at(server.url), "m", REMEMBERED) == REMEMBERED
        clock.now += UNKNOWN_S - 1
        assert facts.of(at(server.url), "m", REMEMBERED) == REMEMBERED
        assert shows(server) == 1
        clock.now += 1
        assert facts.of(at(server.url), "m", REMEMBERED).context_length == 4096


def test_one_answer_per_model_key_and_address(facts: ModelFacts) -> None:
    with RoutesServer(GOOD) as server:
        there = at(server.url)
        for place, model in [(there, "a"), (there, "b"), (attrs.evolve(there, headers=(("Authorization", "Bearer k"),)), "a")] * 2:
            facts.of(place, model, REMEMBERED)
        assert shows(server) == 3
        assert [asked.headers.get("authorization") for asked in server.asked].count("Bearer k") == 2


def test_a_check_asks_anew_and_everyone_learns_from_it(facts: ModelFacts) -> None:
    with RoutesServer({"/api/version": VERSION, "/api/show": [BROKEN, SHOW]}) as server:
        assert facts.of(at(server.url), "m", REMEMBERED) == REMEMBERED
        assert facts.ask(at(server.url), "m").context_length == 4096
        assert facts.of(at(server.url), "m", REMEMBERED).context_length == 4096
        assert shows(server) == 2


def test_a_check_wants_an_answer(facts: ModelFacts) -> None:
    with RoutesServer({"/api/show": reply(404, b'{"error":"model \'m\' not found"}')}) as server, pytest.raises(ServerError) as caught:
        facts.ask(at(server.url), "m")
    assert caught.value.code == "model_missing"


def test_memory_is_bounded(facts: ModelFacts) -> None:
    with RoutesServer(GOOD) as server:
        there = at(server.url)
        known = facts._ask(there, "0")
        for number in range(KEPT + 1):
            facts._known.put((there.identity, str(number)), known)
        assert len(facts._known) == KEPT
        assert facts._known.get((there.identity, "0")) is None


MUTE: dict[str, dict[str, Speak]] = {
    "no such route": {"/api/show": SHOW},
    "an error": {"/api/show": SHOW, "/api/version": BROKEN},
    "a page": {"/api/show": SHOW, "/api/version": reply(200, b"<html></html>")},
    "closed": {"/api/show": SHOW, "/api/version": lambda sock: None},
}


@pytest.mark.parametrize("routes", MUTE.values(), ids=MUTE)
def test_a_version_that_cannot_be_had_is_the_newest(facts: ModelFacts, routes: dict[str, Speak]) -> None:
    with RoutesServer(routes) as server:
        info = facts.of(at(server.url), "m", REMEMBERED)
    assert not info.version.is_known
    assert info.context_length == 4096


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugin_entry.serving.facts.VERSION_LIMIT_S", 0.1)
    monkeypatch.setattr("plugin_entry.serving.facts.QUESTION_LIMIT_S", 0.3)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("hangs", [silence, trickle])
def test_a_version_that_hangs_costs_little(facts: ModelFacts, hangs: Speak) -> None:
    with RoutesServer({"/api/show": SHOW, "/api/version": hangs}) as server, gevent.Timeout(60):
        assert facts.of(at(server.url), "m", REMEMBERED).context_length == 4096


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("hangs", [silence, trickle])
def test_a_description_that_hangs_costs_the_question_limit(facts: ModelFacts, hangs: Speak) -> None:
    with RoutesServer({"/api/show": hangs, "/api/version": hangs}) as server, gevent.Timeout(60):
        assert facts.of(at(server.url, limits=Timeouts(connect=0.2)), "m", REMEMBERED) == REMEMBERED
        assert facts.for_schema(at(server.url, limits=Timeouts(connect=0.2)), "m", REMEMBERED) == REMEMBERED
        assert shows(server) == 1


@pytest.mark.usefixtures("impatient")
def test_a_description_in_single_bytes_ends_with_a_limit_of_its_own(facts: ModelFacts) -> None:
    with RoutesServer({"/api/show": single_bytes, "/api/version": VERSION}) as server, gevent.Timeout(10):
        with pytest.raises(ServerError, match="has not described the model") as caught:
            facts.ask(at(server.url, limits=Timeouts(connect=0.3)), "m")
        assert facts.for_schema(at(server.url, limits=Timeouts(connect=0.3)), "m", REMEMBERED) == REMEMBERED
        assert shows(server) == 1
    assert caught.value.code == "description_slow"


def test_limits_leave_room_in_the_budget_of_a_check() -> None:
    assert QUESTION_LIMIT_S + VERSION_LIMIT_S < 8


@pytest.mark.usefixtures("impatient")
def test_an_outer_time_limit_is_not_swallowed(facts: ModelFacts) -> None:
    with RoutesServer({"/api/show": SHOW, "/api/version": silence}) as server, pytest.raises(gevent.Timeout), gevent.Timeout(0.05):
        facts.ask(at(server.url), "m")


NOWHERE = at("http://127.0.0.1:1")


def test_unreachable(facts: ModelFacts, clock: Clock) -> None:
    with pytest.raises(ServerError) as caught:
        facts.of(NOWHERE, "m", REMEMBERED)
    assert caught.value.family is Family.CONNECTION
    assert facts.for_schema(NOWHERE, "m", REMEMBERED) == REMEMBERED


def test_a_server_that_is_back_is_found_soon(facts: ModelFacts, clock: Clock) -> None:
    """The schema believes in the failure longer than a request does, which would fail for nothing."""
    asked: list[float] = []
    original = facts._ask

    def counted(server: Server, model: str) -> Any:
        asked.append(clock.now)
        return original(server, model)

    facts._ask = counted  # type: ignore[method-assign]  # counts what is asked
    with pytest.raises(ServerError):
        facts.of(NOWHERE, "m", REMEMBERED)
    with pytest.raises(ServerError):
        facts.of(NOWHERE, "m", REMEMBERED)
    assert len(asked) == 1
    clock.now += UNREACHABLE_S
    facts.for_schema(NOWHERE, "m", REMEMBERED)
    assert len(asked) == 1
    with pytest.raises(ServerError):
        facts.of(NOWHERE, "m", REMEMBERED)
    assert len(asked) == 2


class BlackHole:
    """Accepts nothing: every question ends with the time limit for connecting, after a second of this clock."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def start(self, call: Any) -> "BlackHole":
        self.until = self.clock.now + call.server.limits.connect
        return self

    def whole(self) -> Any:
        self.clock.now = max(self.clock.now, self.until)
        raise ServerError.of("connect_timeout", "The server did not accept a connection.", family=Family.CONNECTION)

    def cancel(self) -> None:
        pass

    def distrust(self, owner: str) -> None:
        pass


def test_a_server_that_is_away_costs_one_time_limit(clock: Clock) -> None:
    facts = ModelFacts(BlackHole(clock), clock)  # type: ignore[arg-type]  # a stand-in for a bridge
    with pytest.raises(ServerError):
        facts.of(at("http://10.255.255.1:1", limits=Timeouts(connect=5)), "m", REMEMBERED)
    assert clock.now == 1005
    facts.for_schema(at("http://10.255.255.1:1", limits=Timeouts(connect=5)), "m", REMEMBERED)
    assert clock.now == 1005


REMOTE = {"cloud name": "gpt-oss:120b-cloud", "cloud tag": "glm-5:cloud"}


@pytest.mark.parametrize("model", REMOTE.values(), ids=REMOTE)
def test_a_cloud_model_is_known_by_its_name(facts: ModelFacts, model: str) -> None:
    """Its description may be out of reach (0.24.0 `error-cloud-show`); it takes no `num_ctx` all the same."""
    recorded = load("0.24.0", "error-cloud-show")
    with RoutesServer({"/api/show": reply(recorded.status, recorded.body)}) as server:
        assert facts.of(at(server.url), model, REMEMBERED) == attrs.evolve(REMEMBERED, remote=True)


class Prompt:
    """Stands for what a request holds."""


def test_an_error_that_is_remembered_holds_nothing_of_a_request(facts: ModelFacts) -> None:
    """The frames of a raised error held the whole prompt as long as the error was believed."""
    away = at("http://127.0.0.1:1")

    def ask() -> "weakref.ref[Prompt]":
        prompt = Prompt()
        for _ in range(2):
            with suppress(ServerError):
                facts.of(away, "m", REMEMBERED)
        with suppress(ServerError):
            facts.ask(away, "m")
        return weakref.ref(prompt)

    held = ask()
    gc.collect()
    assert held() is None
    assert len(facts._known) == 1

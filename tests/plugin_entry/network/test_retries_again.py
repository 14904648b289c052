"""What is asked again and what is not, how often and how long, and that turns are given back."""

import gc
from collections.abc import Iterable

import attrs
import gevent
import pytest
from gevent.lock import BoundedSemaphore
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import load
from plugin_entry.network import retries
from plugin_entry.network.bridge import Bridge
from plugin_entry.network.budget import LONGEST_S, RETRIES, Budget
from plugin_entry.network.client import Call
from plugin_entry.network.retries import RetryingBridge, busy_ollama, busy_service, models_in_memory, turns_at
from plugin_entry.network.server import Server
from tests.servers.loopback import PATIENCE_S, serving
from tests.servers.stalling_server import talking
from tests.translator.plan_driver import json_reply, recorded
from translator.errors import ServerError
from translator.settings.base_url import parse_base_url
from translator.shapes.exchange import HttpReply

CALL = Call(server=Server(base_url=parse_base_url("http://h:1")), method="POST", url="http://h:1/api/embed")
GOOD = HttpReply(status=200)
BUSY = recorded(load("0.33.0-rc2", "error-queue-full-embed"))
AWAY = json_reply({"error": "no server is available"}, 503)
LATER = json_reply({"error": "slow down"}, 429)
QUOTA = json_reply({"error": "you have reached your weekly usage limit, upgrade for higher limits"}, 429)


class Script(Bridge):
    """Answers in this order."""

    def __init__(self, replies: Iterable[HttpReply | ServerError]) -> None:
        super().__init__()
        self.left = list(replies)

    def fetch(self, call: Call) -> HttpReply:
        reply = self.left.pop(0)
        if isinstance(reply, ServerError):
            raise reply
        return reply


def fetched(*replies: HttpReply | ServerError) -> tuple[HttpReply | str, list[float], int]:
    """The reply or the code of the error, the waits, and how many replies were not asked for."""
    script, waits, turns = Script(replies), list[float](), BoundedSemaphore(1)
    try:
        outcome: HttpReply | str = RetryingBridge(script, turns, busy_ollama, waits.append).fetch(CALL)
    except ServerError as error:
        outcome = error.code
    assert turns.counter == 1
    return outcome, waits, len(script.left)


def broken(code: str) -> ServerError:
    return ServerError.of(code, "It broke.")


@pytest.mark.parametrize(
    ("replies", "outcome", "waits"),
    [
        pytest.param((GOOD,), GOOD, 0, id="good"),
        pytest.param((BUSY, GOOD), GOOD, 1, id="busy once"),
        pytest.param((AWAY, AWAY, AWAY, GOOD), AWAY, 2, id="away for long"),
        pytest.param((*[BUSY] * 40, GOOD), GOOD, 40, id="a model that loads for minutes"),
        pytest.param((AWAY, BUSY, BUSY, BUSY, AWAY, GOOD), GOOD, 5, id="one and the other"),
        pytest.param((QUOTA, GOOD), QUOTA, 0, id="a quota that is used up"),
        pytest.param((HttpReply(status=500), GOOD), HttpReply(status=500), 0, id="a fault"),
        pytest.param((broken("connection_reset"), GOOD), GOOD, 1, id="a connection that was closed meanwhile"),
        pytest.param((broken("connection_reset"),) * 3, "connection_reset", 2, id="a server that breaks every time"),
        pytest.param((broken("connection_refused"), GOOD), "connection_refused", 0, id="nobody there"),
        pytest.param((broken("first_byte_timeout"), GOOD), "first_byte_timeout", 0, id="ten minutes were enough"),
    ],
)
def test_second_tries(replies: tuple[HttpReply | ServerError, ...], outcome: HttpReply | str, waits: int) -> None:
    found, waited, left = fetched(*replies)
    assert (found, len(waited), left) == (outcome, waits, len(replies) - waits - 1)


def test_a_model_that_loads_is_waited_for_until_the_limit_of_the_first_byte() -> None:
    outcome, waits, _ = fetched(*[BUSY] * 99)
    assert outcome == BUSY
    assert sum(waits) == pytest.approx(CALL.server.limits.first_byte)


def test_server_says_how_long() -> None:
    _, waits, _ = fetched(attrs.evolve(LATER, headers={**LATER.headers, "retry-after": "9"}), GOOD)
    assert 9 <= waits[0] <= 9.9


def test_quota_that_is_used_up_is_not_asked_again_whatever_the_server_says() -> None:
    outcome, waits, _ = fetched(attrs.evolve(QUOTA, headers={**QUOTA.headers, "retry-after": "9"}), GOOD)
    assert isinstance(outcome, HttpReply)
    assert (outcome.status, waits) == (429, [])


@pytest.mark.parametrize(("status", "busy"), [(429, True), (502, True), (503, True), (504, True), (500, False), (404, False), (200, False)])
def test_status_says_enough_of_a_service(status: int, busy: bool) -> None:
    assert (busy_service(HttpReply(status=status)) is not None) is busy


def test_turns_are_shared_by_server_and_bound() -> None:
    assert turns_at("http://h:1", 2) is turns_at("http://h:1", 2)
    assert turns_at("http://h:1", 2) is not turns_at("http://h:2", 2)
    assert turns_at("http://h:1", 2) is not turns_at("http://h:1", 3)


# --- the budget of a request ----------------------------------------------------------------------------------------------------

NOW = 1_800_000_000.0


def waits(chance: float, *asked: str) -> list[float | None]:
    budget = Budget(chance=lambda: chance, now=lambda: NOW)
    return [budget.wait(text) for text in asked]


def waits_for_model(patience: float, *asked: str) -> list[float | None]:
    budget = Budget(patience=patience, chance=lambda: 0.0, now=lambda: NOW)
    return [budget.wait_for_model(text) for text in asked]


@pytest.mark.parametrize(
    ("patience", "asked", "expected"),
    [
        pytest.param(570.0, ("",) * 6, [1, 2, 4, 8, 10, 10], id="by itself"),
        pytest.param(9.0, ("",) * 5, [1, 2, 4, 2, None], id="to the end of its patience"),
        pytest.param(100.0, ("30", "30", "30", "30"), [30, 30, 30, None], id="Xinference loads"),
        pytest.param(0.0, ("400", "") * 2, [400, 2, 400, 8], id="no limit"),
        pytest.param(0.0, ("99999999", ""), [None, 1], id="no limit, but nobody waits for years"),
        pytest.param(99999.0, ("99999", ""), [None, 1], id="a limit that is longer than anybody waits"),
        pytest.param(20.0, ("0", "0", "30", ""), [1, 2, None, 4], id="at once, says the server, and then more than there is"),
    ],
)
def test_waits_for_a_model(patience: float, asked: tuple[str, ...], expected: list[float | None]) -> None:
    assert waits_for_model(patience, *asked) == expected


@pytest.mark.parametrize(
    ("chance", "asked", "expected"),
    [
        pytest.param(0.0, ("", "", ""), [0.25, 1.0, None], id="shortest"),
        pytest.param(1.0, ("", "", ""), [0.5, 2.0, None], id="longest"),
        pytest.param(0.0, ("0", "0", "0"), [0.0, 0.0, None], id="at once"),
        pytest.param(0.5, ("30", "30"), [31.5, None], id="Xinference loads: once, not twice"),
        pytest.param(0.0, ("3600", ""), [None, 0.25], id="more than there is"),
        pytest.param(0.0, ("Fri, 15 Jan 2027 08:00:07 GMT",), [7.0], id="a date"),
        pytest.param(0.0, ("Fri, 15 Jan 2016 08:00:07 GMT",), [0.0], id="a date that is over"),
        pytest.param(0.0, ("soon",), [0.25], id="no time"),
        pytest.param(0.0, ("-1",), [0.25], id="no time at all"),
    ],
)
def test_waits(chance: float, asked: tuple[str, ...], expected: list[float | None]) -> None:
    assert waits(chance, *asked) == pytest.approx(expected)


@given(st.lists(st.one_of(st.text(max_size=8), st.integers(0, 100).map(str)), max_size=9), st.floats(0, 1))
def test_all_waits_are_bounded(asked: list[str], chance: float) -> None:
    given_ = [seconds for seconds in waits(chance, *asked) if seconds is not None]
    assert len(given_) <= RETRIES
    assert sum(given_) <= LONGEST_S
    assert all(seconds >= 0 for seconds in given_)


# --- turns ---------------------------------------------------------------------------------------------------------------------


def test_turns_that_nobody_uses_are_forgotten() -> None:
    turns = turns_at("who asked", 2)
    assert turns_at("who asked", 2) is turns
    del turns
    gc.collect()
    assert ("who asked", 2) not in retries._turns


def test_a_turn_that_does_not_come_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "LONGEST_TURN_S", 0.01)
    turns = BoundedSemaphore(1)
    turns.acquire()
    with pytest.raises(ServerError) as caught:
        RetryingBridge(Script([GOOD]), turns, busy_ollama).fetch(CALL)
    assert caught.value.code == "turn_timeout"
    assert "kept the server at http://h:1 busy for 0.01 seconds, so this one was not sent" in str(caught.value)
    turns.release()
    assert RetryingBridge(Script([GOOD]), turns, busy_ollama).fetch(CALL) is GOOD


def test_a_list_of_running_models_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte of it is progress. After an answer nobody waits for the list, and no limit of an answer ends it."""
    monkeypatch.setattr(retries, "PS_WHOLE_S", 0.05)
    bridge = Bridge()
    with serving(talking) as server, gevent.Timeout(PATIENCE_S):
        assert models_in_memory(bridge, server.call().server) is None
        assert server.gone.wait(PATIENCE_S)
    bridge.close()

"""A caller that leaves ends its request, and nobody else's: the plugin asks, and a host answers, does not answer, or stops to."""

from collections.abc import Iterator

import pytest

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from plugin_entry.dify.callers import SWITCH
from plugin_entry.dify.liveness import OLD_S
from tests.servers.loopback import PATIENCE_S
from tests.servers.stalling_server import StallingServer, stalling
from tests.stdio.plugin_with_constants import plugin_with
from tests.stdio.processes import beating_plugin

QUICKLY = plugin_with(
    dify__liveness__OLD_S=0.05,
    dify__liveness__EVERY_S=0.05,
    dify__liveness__ANSWER_S=0.2,
    dify__callers__LOOK_S=0.02,
)
SILENT, LEAVING, OTHER = "silent", "talking", "thinking"
ENOUGH = 20
"""Questions after which a caller that left would have been noticed several times over."""


DEBUG = {"DIFY_OLLAMA_LOG": "DEBUG"}
ASKED = beating_plugin(DEBUG, QUICKLY)
UNANSWERED = beating_plugin(DEBUG, QUICKLY, answers_questions=False)
SWITCHED_OFF = beating_plugin({**DEBUG, SWITCH: "off"}, QUICKLY)


@pytest.fixture(scope="module")
def plugin() -> Iterator[PluginProcess]:
    """Of a host that answers what it is asked."""
    with ASKED as running:
        yield running


@pytest.fixture
def server() -> Iterator[StallingServer]:
    with stalling() as running:
        yield running


def wait_for_more(plugin: PluginProcess, questions: int) -> None:
    plugin.wait_for_questions(plugin.questions + questions)


def begin(plugin: PluginProcess, server: StallingServer, *stages: str) -> list[str]:
    sessions = [plugin.send(invoke_llm(stage, {"base_url": server.url}, [user_message("hi")])) for stage in stages]
    for stage in stages:
        assert server.came[stage].wait(PATIENCE_S)
    return sessions


@pytest.mark.parametrize("leaving", [LEAVING, SILENT, "headed"])
def test_the_server_of_a_caller_that_left_is_free_and_others_go_on(leaving: str, plugin: PluginProcess, server: StallingServer) -> None:
    before = str(plugin.logs).count("caller")
    session, _ = begin(plugin, server, leaving, OTHER)
    wait_for_more(plugin, 4)
    plugin.leave(session)
    assert server.left[leaving].wait(PATIENCE_S)
    wait_for_more(plugin, ENOUGH)
    assert not server.left[OTHER].ready()
    assert plugin.stray == ()
    assert str(plugin.logs).count("caller") > before


def test_the_only_caller_that_leaves_is_noticed(plugin: PluginProcess, server: StallingServer) -> None:
    (session,) = begin(plugin, server, LEAVING)
    wait_for_more(plugin, 4)
    plugin.leave(session)
    assert server.left[LEAVING].wait(PATIENCE_S)


def test_a_host_that_answers_nobody_ends_nothing(server: StallingServer) -> None:
    with UNANSWERED as plugin:
        session, _ = begin(plugin, server, LEAVING, OTHER)
        plugin.wait_for_questions(2)
        plugin.leave(session)
        plugin.wait_for_questions(ENOUGH)
        assert not server.left[LEAVING].ready()


def test_switched_off_nobody_is_asked(server: StallingServer) -> None:
    with SWITCHED_OFF as plugin:
        (session,) = begin(plugin, server, LEAVING)
        plugin.leave(session)
        for _ in range(ENOUGH):
            plugin.wait_for_heartbeat()
        assert plugin.questions == 0
        assert not server.left[LEAVING].ready()


def test_questions_begin_after_a_while() -> None:
    """Their real value: most requests end sooner, and cost nothing."""
    assert OLD_S == 2.0

"""The size limit of an answer as a user sets it: in the credentials of a model, through the plugin's process, streaming and not."""

import json
from collections.abc import Iterator

import pytest

from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit
from tests.servers.stalling_server import DONE, StallingServer, aside, line, stalling
from tests.stdio.daemon import Daemon
from tests.stdio.processes import beating_plugin
from tests.stdio.whole_answers import WholeAnswer, whole_answer
from translator.limits import MIB

pytestmark = pytest.mark.usefixtures("_plugin_rests")

PLUGIN = beating_plugin()
ASK = [user_message("Tell me a story.")]
PIECE = "x" * (64 * 1024)
WAYS = pytest.mark.parametrize("stream", [True, False], ids=["streaming", "blocking"])


def endless(visit: Visit) -> None:
    """Writes until the client leaves."""
    visit.send(HEAD)
    while True:
        visit.chunk(line(content=PIECE))


def large(visit: Visit) -> None:
    """Writes 3 MiB, and that is all."""
    visit.send(HEAD)
    for _ in range(3 * MIB // len(PIECE)):
        visit.chunk(line(content=PIECE))
    visit.chunk(json.dumps(DONE).encode() + b"\n")
    visit.send(END)


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with PLUGIN as plugin:
        yield Daemon(plugin)


@pytest.fixture
def server() -> Iterator[StallingServer]:
    with stalling(endless=endless, large=large) as running:
        yield running


def answer(daemon: Daemon, server: StallingServer, stage: str, *, stream: bool, **saved: str) -> WholeAnswer:
    request = invoke_llm(stage, {"base_url": server.url, **saved}, ASK, stream=stream)
    return whole_answer(aside(lambda: daemon.invoke(request)))


@WAYS
def test_an_endless_answer_ends_at_the_limit_that_was_set(daemon: Daemon, server: StallingServer, stream: bool) -> None:
    told = answer(daemon, server, "endless", stream=stream, max_answer_size="1")
    assert told.error_type == "InvokeServerUnavailableError"
    assert "which is more than the limit of 1 MiB." in told.message
    assert "(max_answer_size)" in told.message
    assert len(told.text) == (MIB if stream else 0), "what came before the limit is delivered, but half an answer is none"
    assert server.left["endless"].wait(PATIENCE_S), "the model writes on for nobody"


@WAYS
@pytest.mark.parametrize("saved", [{}, {"max_answer_size": "3"}], ids=["default", "just enough"])
def test_an_answer_within_the_limit_is_whole(daemon: Daemon, server: StallingServer, saved: dict[str, str], stream: bool) -> None:
    told = answer(daemon, server, "large", stream=stream, **saved)
    assert (told.error_type, len(told.text)) == ("", 3 * MIB)


@WAYS
def test_a_limit_that_makes_no_sense_is_refused(daemon: Daemon, server: StallingServer, stream: bool) -> None:
    told = answer(daemon, server, "quick", stream=stream, max_answer_size="0")
    assert told.error_type == "InvokeBadRequestError"
    assert told.message == "max_answer_size is not valid. It must be a whole number of MiB from 1 to 1024."

"""The plugin process is asked to end: what runs may finish, what hangs is told so, nothing stays open, and the exit code is 0."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs
import gevent
import pytest
from gevent.event import Event

from plugin_entry.cli.daemon import Frame, PluginProcess
from plugin_entry.cli.daemon.requests import get_llm_num_tokens, invoke_llm, user_message
from plugin_entry.dify import shutdown
from plugin_entry.dify.output import FrameOutput
from plugin_entry.dify.requests import PLUGIN_STOPPING
from plugin_entry.dify.shutdown import CLOSING_S, GRACE_S, Shutdown
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit
from tests.servers.stalling_server import DONE, StallingServer, aside, line, stalling
from tests.stdio.plugin_with_constants import plugin_with
from tests.stdio.processes import beating_plugin

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
NEVER_S = 3600.0
"""A process that ends within a test's patience did not wait for this."""
SHORT_GRACE_S, SHORT_CLOSING_S = 0.5, 0.2
PATIENT = plugin_with(dify__shutdown__GRACE_S=NEVER_S)
SHORT_OF_TIME = beating_plugin(command=plugin_with(dify__shutdown__GRACE_S=SHORT_GRACE_S, dify__shutdown__CLOSING_S=SHORT_CLOSING_S))
TALKING = ("begun", "thinking", "talking")
HANGING = ("silent", "headed", *TALKING)


@pytest.fixture
def server() -> Iterator[StallingServer]:
    with stalling() as running:
        yield running


@pytest.fixture
def plugin() -> Iterator[PluginProcess]:
    with beating_plugin(command=PATIENT) as running:
        yield running


def test_answers_get_five_seconds() -> None:
    """The tests below make them shorter, or so long that nothing can have waited for them; `tests/load` measures them."""
    assert (GRACE_S, CLOSING_S) == (5.0, 1.0)


def ask(plugin: PluginProcess, server: StallingServer, stage: str) -> str:
    """Sends a request and waits until the server has it."""
    session = plugin.send(invoke_llm(stage, {"base_url": server.url}, [user_message("hi")]))
    assert server.came[stage].wait(PATIENCE_S)
    return session


def answer(plugin: PluginProcess, session: str) -> tuple[str, str]:
    """All text of an answer, and the error's class and text."""
    return told(aside(lambda: list(plugin.frames(session, PATIENCE_S))))


def told(frames: list[Frame]) -> tuple[str, str]:
    """The text of frames, and the error's class and text."""
    text = "".join(frame.data["delta"]["message"]["content"] for frame in frames if frame.kind == "stream" and "delta" in frame.data)
    return text, " ".join(f"{frame.data['error_type']}: {frame.data['message']}" for frame in frames if frame.kind == "error")


def exit_code(plugin: PluginProcess, within_s: float) -> int:
    return int(plugin._process.wait(within_s))


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_process_with_nothing_to_do_ends_at_once(plugin: PluginProcess, number: int) -> None:
    os.kill(plugin.pid, number)
    assert exit_code(plugin, PATIENCE_S) == 0
    assert plugin.stray == ()
    assert "Traceback" not in plugin.stderr


@attrs.frozen(eq=False)
class Held:
    """An answer that ends when the test wants it."""

    goes_on: Event = attrs.field(factory=Event)

    def __call__(self, visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(line(content="first "))
        assert self.goes_on.wait(PATIENCE_S)
        visit.chunk(line(content="last") + json.dumps(DONE).encode() + b"\n")
        visit.send(END)


def test_an_answer_that_ends_in_time_is_whole_and_new_requests_are_refused(plugin: PluginProcess) -> None:
    held = Held()
    with stalling(held=held) as server:
        session = ask(plugin, server, "held")
        os.kill(plugin.pid, signal.SIGTERM)
        # the signal and the input reach the process by different ways
        aside(plugin.wait_for_heartbeat)
        refused = answer(plugin, plugin.send(get_llm_num_tokens("m", {}, [user_message("hi")])))
        assert refused == ("", f"InvokeServerUnavailableError: {PLUGIN_STOPPING}")
        held.goes_on.set()
        assert answer(plugin, session) == ("first last", "")
    assert exit_code(plugin, PATIENCE_S) == 0


def test_answers_that_hang_are_told_so_and_their_servers_are_left(server: StallingServer) -> None:
    with SHORT_OF_TIME as plugin:
        frames = {stage: plugin.frames(ask(plugin, server, stage), PATIENCE_S) for stage in HANGING}
        first = {stage: aside(partial(next, frames[stage])) for stage in TALKING}
        os.kill(plugin.pid, signal.SIGTERM)
        rest: dict[str, list[Frame]] = {stage: aside(partial(list, frames[stage])) for stage in HANGING}
        assert exit_code(plugin, PATIENCE_S) == 0
    found = {stage: told([first[stage], *rest[stage]] if stage in first else rest[stage]) for stage in HANGING}
    error = f"InvokeServerUnavailableError: {PLUGIN_STOPPING}"
    assert [found[stage][1] for stage in HANGING] == [error] * len(HANGING)
    assert [found[stage][0] for stage in ("silent", "headed", "begun", "thinking")] == ["", "", "once ", "<think>\nhm \n</think>"]
    assert set(found["talking"][0].split()) == {"on"}
    for stage in HANGING:
        assert server.left[stage].wait(PATIENCE_S)


def test_a_second_signal_ends_the_process_at_once(plugin: PluginProcess, server: StallingServer) -> None:
    ask(plugin, server, "begun")
    os.kill(plugin.pid, signal.SIGTERM)
    with gevent.Timeout(PATIENCE_S):  # the second signal is sent once the first one has been seen
        while PLUGIN_STOPPING not in answer(plugin, plugin.send(get_llm_num_tokens("m", {}, [user_message("hi")])))[1]:
            gevent.sleep(0)
    os.kill(plugin.pid, signal.SIGINT)
    assert exit_code(plugin, PATIENCE_S) == 128 + signal.SIGINT
    assert server.left["begun"].wait(PATIENCE_S)


def end_input(plugin: PluginProcess) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), plugin._stdin)


def test_the_end_of_the_input_lets_answers_finish(plugin: PluginProcess) -> None:
    """Dify's own command line closes the input right after its one request."""
    held = Held()
    with stalling(held=held) as server:
        session = plugin.send(invoke_llm("held", {"base_url": server.url}, [user_message("hi")]))
        end_input(plugin)
        assert server.came["held"].wait(PATIENCE_S)
        aside(plugin.wait_for_heartbeat)
        held.goes_on.set()
        assert answer(plugin, session) == ("first last", "")
    assert exit_code(plugin, PATIENCE_S) == 0


def test_the_end_of_the_input_does_not_keep_the_process_busy_or_alive(plugin: PluginProcess) -> None:
    end_input(plugin)
    assert exit_code(plugin, PATIENCE_S) == 0


def test_a_daemon_that_is_gone_takes_all_answers_along(plugin: PluginProcess, server: StallingServer) -> None:
    for stage in ("silent", "thinking"):
        ask(plugin, server, stage)
    end_input(plugin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), plugin._stdout)
    assert exit_code(plugin, PATIENCE_S) == 0
    for stage in ("silent", "thinking"):
        assert server.left[stage].wait(PATIENCE_S)


# --- the steps alone -------------------------------------------------------------------------------------------------------------


@attrs.define
class Hanging:
    """Requests that end when they are killed, or never."""

    running: int = 1
    is_mortal: bool = True

    def kill(self) -> None:
        if self.is_mortal:
            self.running = 0


@attrs.define(eq=False)
class Process:
    """What would have happened to the process."""

    requests: Any
    give_up: Callable[[], object]
    codes: list[int] = attrs.field(factory=list)
    ended: Event = attrs.field(factory=Event)

    def leave(self, code: int) -> None:
        self.codes.append(code)
        self.ended.set()

    def shutdown(self, output: FrameOutput | None = None) -> Shutdown:
        return Shutdown(requests=self.requests, refuse=lambda: None, give_up=self.give_up, output=output, leave=self.leave)


@pytest.fixture
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown, "CLOSING_S", SHORT_CLOSING_S)


def broken() -> None:
    raise RuntimeError("broken")


@pytest.mark.parametrize(
    ("requests", "give_up"),
    [
        pytest.param(Hanging(), lambda: None, id="requests that ignore the end of their exchange"),
        pytest.param(Hanging(is_mortal=False), lambda: None, id="requests that ignore everything"),
        pytest.param(Hanging(), broken, id="an error on the way"),
    ],
)
@pytest.mark.usefixtures("_short_steps")
def test_the_process_ends_whatever_happens(requests: Hanging, give_up: Callable[[], object]) -> None:
    process = Process(requests, give_up)
    process.shutdown().begin(0.0)
    assert process.ended.wait(PATIENCE_S)
    assert process.codes == [0]


def test_the_last_frames_leave_before_the_process_does() -> None:
    read_end, write_end = os.pipe()
    output = FrameOutput(write_end)
    process = Process(Hanging(running=0), lambda: None)
    output.write(b"last\n\n")
    process.shutdown(output).begin()
    assert process.ended.wait(PATIENCE_S)
    assert os.read(read_end, 100) == b"last\n\n"
    os.close(read_end)
    os.close(write_end)


@pytest.mark.usefixtures("_short_steps")
def test_a_later_call_can_hasten_the_end_but_not_put_it_off() -> None:
    process = Process(Hanging(), lambda: None)
    ending = process.shutdown()
    ending.begin()
    ending.begin(0.0)
    ending.begin(1000.0)
    with gevent.Timeout(PATIENCE_S):
        process.ended.wait()
    assert process.codes == [0]

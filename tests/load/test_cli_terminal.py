"""The commands that talk to a person, at a terminal as a person sits at one: what is typed, shown, and stopped by Ctrl-C."""

import codecs
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import attrs
import pytest

from fixtures.chunking import paced
from fixtures.recordings import every, load_directory
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.chat.command import LEAVE_HINT
from tests.structure.sources import ROOT

AT_A_TERMINAL = (
    "import fcntl, os, signal, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, [sys.executable, '-m', 'plugin_entry.cli', *sys.argv[1:]])"
)
"""A shell that starts tests in the background makes its children ignore Ctrl-C; a terminal does not."""

WITHIN_S = 30.0
AGAIN_MS = 500
FREED_WITHIN_S = 6.0
CTRL_C, CTRL_D = "\x03", "\x04"
PROMPT, GOES_ON = "> ", "… "
COLOURS = re.compile(r"\x1b\[[\d;?]*[a-zA-Z]")


@attrs.define
class Terminal:
    """What is shown, without colours, and what is typed."""

    process: "subprocess.Popen[bytes]"
    _master: int
    has_colours: bool = False
    _unread: str = ""
    _decoder: codecs.IncrementalDecoder = attrs.field(factory=partial(codecs.getincrementaldecoder("utf-8"), "replace"))

    def until(self, mark: str) -> str:
        """Everything up to a mark and the mark itself."""
        deadline = time.monotonic() + WITHIN_S
        while mark not in self._unread:
            poll = select.poll()
            poll.register(self._master, select.POLLIN)
            assert poll.poll(max(0.0, deadline - time.monotonic()) * 1000), f"{mark!r} is not in {self._unread!r}"
            self._read()
        shown, _, self._unread = self._unread.partition(mark)
        return shown + mark

    def _read(self) -> None:
        """A read may end inside a character or a colour."""
        read = self._unread + self._decoder.decode(os.read(self._master, 65536))
        self._unread = COLOURS.sub("", read).replace("\r\n", "\n")
        self.has_colours = self.has_colours or self._unread != read.replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def interrupt_until(self, mark: str) -> None:
        """Ctrl-C at the prompt, again and again like a person, until something shows or, for an empty mark, the process has ended: a
        signal between readline's prompt and its waiting is noticed with the next one only (CPython, Modules/readline.c).
        """
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        while mark not in self._unread if mark else self.process.poll() is None:
            assert self.process.poll() is None, f"{mark!r} is not in {self._unread!r}, and the process has ended"
            self.type(CTRL_C)
            while poll.poll(AGAIN_MS) and not (mark and mark in self._unread):
                self._read()
        self._unread = self._unread.partition(mark)[2] if mark else ""

    def say(self, line: str, prompt: str = PROMPT) -> None:
        """Waits for the prompt, types a line."""
        self.until(prompt)
        self.type(f"{line}\n")

    def exit_code(self) -> int:
        return self.process.wait(WITHIN_S)


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    try:
        with subprocess.Popen(
            (sys.executable, "-c", AT_A_TERMINAL, *arguments), cwd=ROOT, stdin=slave, stdout=slave, stderr=slave
        ) as process:
            try:
                yield Terminal(process, master)
            finally:
                process.kill()
    finally:
        os.close(slave)
        os.close(master)


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    with ThreadedReplayServer(every()) as running:
        yield running


def chat(server: ThreadedReplayServer, address: str, model: str) -> tuple[str, ...]:
    return ("chat", "--base-url", server.url_of(address), "--model", model)


def url_shown(screen: Terminal) -> str:
    screen.until("http://")
    return f"http://{screen.until('\n').strip()}"


def asked(server: ThreadedReplayServer, since: int) -> list[dict[str, object]]:
    return [request.body for request in server.requests[since:] if request.path == "/api/chat" and isinstance(request.body, dict)]


def test_a_chat_with_thinking_lines_and_the_context(server: ThreadedReplayServer) -> None:
    before = len(server.requests)
    with terminal(*chat(server, "0.24.0/think-true", "think")) as screen:
        screen.say("/help")
        shown = screen.until("Ctrl-C stops an answer.")
        assert all(f"/{name}" in shown for name in ("think", "tools", "image", "context"))
        screen.say("/think high")
        screen.say("one \\")
        screen.say("question", GOES_ON)
        assert "thinking: The user asks about sky." in screen.until("finish reason stop")
        screen.say("/context")
        assert "The last prompt had 3 tokens. The conversation has about" in screen.until(" of 4096 tokens")
        screen.say("/think very")
        screen.until("Choose one of default, off, on")
        screen.until(PROMPT)
        screen.type(CTRL_D)
        assert screen.exit_code() == 1, "something that was typed was wrong"
    (body,) = asked(server, before)
    assert (body["think"], body["messages"]) == ("high", [{"role": "user", "content": "one \nquestion"}])


def test_tools_are_offered_called_and_answered(server: ThreadedReplayServer) -> None:
    before = len(server.requests)
    with terminal(*chat(server, "0.24.0/tool-two", "tool-two")) as screen:
        screen.say("/tools demo")
        screen.until("Tools: get_weather, add.")
        screen.say("How is the weather in Paris and in Oslo?")
        screen.until('calls get_weather({"city":"Paris"})')
        screen.until("fed back: get_weather → 21 °C, sunny")
        screen.until("fed back: get_weather → 9 °C, rain")
        screen.say("/quit")
        assert screen.exit_code() == 0
    assert asked(server, before)[0]["tools"]


def test_a_picture_goes_with_the_next_message(server: ThreadedReplayServer, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with terminal(*chat(server, "0.24.0/chat-plain", "chat")) as screen:
        screen.say(f"/image {tmp_path / 'nothing.png'}")
        screen.until("The picture cannot be read: No such file or directory.")
        screen.say(f"/image {tmp_path / 'photo.png'}")
        screen.until("photo.png goes with the next message.")
        screen.say("What is this?")
        screen.until('The model "chat" cannot read pictures.')
        screen.say("Then not.")
        screen.until("finish reason stop")
        screen.say("/quit")


def plugin_of(screen: Terminal) -> str:
    """The number of the plugin's process; there is one all the time."""
    children = Path(f"/proc/{screen.process.pid}/task/{screen.process.pid}/children").read_text(encoding="ascii").split()
    assert len(children) == 1
    return children[0]


def test_ctrl_c_stops_an_answer_frees_the_server_and_the_plugin_goes_on() -> None:
    """The answer takes 20 s. The plugin knows after some 2 s of it that its host answers questions; from then on it can tell who left."""
    with ThreadedReplayServer(every(lambda each: each.version == "0.24.0"), paced(1000), 1.0) as server:
        with terminal(*chat(server, "0.24.0/chat-plain", "chat")) as screen:
            screen.until(PROMPT)
            plugin = plugin_of(screen)
            screen.type("hello\n")
            screen.until("The sky is blue")
            stopped_at = time.monotonic()
            screen.type(CTRL_C)
            assert "finish reason" not in screen.until("stopped, and the question is taken back")
            screen.until(PROMPT)
            assert len(server.wait_for_disconnects()) == 1
            assert time.monotonic() - stopped_at < FREED_WITHIN_S
            assert plugin_of(screen) == plugin
            screen.type("/context\n")
            screen.until("The conversation has about 0 of")
            screen.say("/quit")
            assert screen.exit_code() == 0
        assert [body["messages"] for body in asked(server, 0)] == [[{"role": "user", "content": "hello"}]]


def test_a_first_answer_that_is_stopped_at_once_is_freed_during_the_next_question() -> None:
    """Before, the plugin cannot know that its host answers questions at all."""
    with (
        ThreadedReplayServer(every(lambda each: each.version == "0.24.0"), paced(1000), 1.0) as server,
        terminal(*chat(server, "0.24.0/chat-plain", "chat")) as screen,
    ):
        screen.say("hello")
        screen.until("The")
        screen.type(CTRL_C)
        screen.until("at the latest during the next question")
        screen.say("again")
        (left,) = server.wait_for_disconnects()
        assert left is not None
        assert screen.process.poll() is None


def test_ctrl_c_at_the_prompt_keeps_the_plugin_and_what_was_typed(server: ThreadedReplayServer) -> None:
    before = len(server.requests)
    with terminal(*chat(server, "0.24.0/chat-plain", "chat")) as screen:
        screen.until(PROMPT)
        plugin = plugin_of(screen)
        screen.type('"""first\n')
        screen.until(GOES_ON)
        screen.type("sec")
        screen.until("sec")
        screen.interrupt_until(LEAVE_HINT)
        screen.until(f"{GOES_ON}sec")
        screen.type('ond"""\n')
        screen.until("finish reason stop")
        assert plugin_of(screen) == plugin
        screen.until(PROMPT)
        screen.interrupt_until(LEAVE_HINT)
        screen.until(PROMPT)
        screen.interrupt_until("")
        assert screen.exit_code() == 0
    (body,) = asked(server, before)
    assert body["messages"] == [{"role": "user", "content": "first\nsecond"}]


def test_what_is_waited_for_is_shown(server: ThreadedReplayServer) -> None:
    with terminal(*chat(server, "0.24.0/chat-plain", "chat")) as screen:
        screen.until(f"Asking {server.url.rpartition('/replay')[0] or server.url} for its models")
        screen.until("Starting the plugin")
        screen.say("hello")
        screen.until("Waiting for the model")
        screen.until("finish reason stop")
        screen.say("/quit")


def test_a_trace_has_colours() -> None:
    with terminal("trace", "0.24.0/tool-two") as screen:
        screen.until("START → FINISHED")
        assert screen.has_colours
        assert screen.exit_code() == 0


def test_recordings_are_served_recorded_and_served_again(tmp_path: Path) -> None:
    with terminal("replay", "--port", "0", "--time-scale", "0") as replaying:
        url = url_shown(replaying)
        with terminal("record", url, "--port", "0", "-o", str(tmp_path)) as recording:
            proxy = url_shown(recording)
            recording.until("Ctrl-C ends it")
            with terminal("chat", "--base-url", proxy, "--model", "chat") as screen:
                screen.say("hello")
                screen.until("finish reason stop")
            recording.until("POST /api/chat  200")
            recording.until("\n")
            recording.type(CTRL_C)
            recording.until("Look through what is written before you hand it on.")
            assert recording.exit_code() == 0
        replaying.type(CTRL_C)
        assert replaying.exit_code() == 0
    assert "/api/chat" in {exchange.path for exchange in load_directory(tmp_path)}
    with (
        terminal("replay", "--port", "0", str(tmp_path)) as replaying,
        terminal("chat", "--base-url", url_shown(replaying)) as screen,
    ):
        screen.until(" at http://127.0.0.1:")
        screen.say("hello")
        screen.until("finish reason stop")


def test_no_server_is_one_sentence() -> None:
    with terminal("chat", "--base-url", "http://127.0.0.1:9") as screen:
        screen.until("dify-ollama: ")
        assert "Nothing accepts connections at http://127.0.0.1:9" in screen.until("\n")
        assert screen.exit_code() == 1

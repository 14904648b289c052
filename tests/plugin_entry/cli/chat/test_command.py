"""`dify-ollama chat` as a process with lines on its standard input, and the pieces it is made of."""

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import pytest

from fixtures.chunking import paced
from fixtures.recordings import every
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.chat.command import messages
from plugin_entry.cli.chat.tools import result_of
from tests.stdio.early_processes import QUEUE

ROOT = Path(__file__).parents[4]
# a shell that starts tests in the background makes its children ignore Ctrl-C
PROGRAM = (
    "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from plugin_entry.cli import main; sys.exit(main())"
)
PATIENCE_S = 60.0


def command(base_url: str, model: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, "chat", "--base-url", base_url, "--model", model]


@attrs.define(eq=False)
class Conversation:
    """A chat with a server of its own, started early (`tests/stdio/early_processes.py`). What is `typed` is all; None: the test types."""

    server: ThreadedReplayServer
    address: str
    model: str
    typed: tuple[str, ...] | None = None
    stderr: int = subprocess.STDOUT
    _process: "subprocess.Popen[str] | None" = None

    @property
    def process(self) -> "subprocess.Popen[str]":
        self.start()
        assert self._process is not None
        return self._process

    def start(self) -> None:
        if self._process is None:
            self.server.start()
            pipe = subprocess.PIPE
            program = command(self.server.url_of(self.address), self.model)
            self._process = subprocess.Popen(program, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=self.stderr, text=True)
            if self.typed is not None:
                self.type("".join(f"{line}\n" for line in self.typed))
                self.end_input()

    @property
    def is_busy(self) -> bool:
        return self.typed is not None and self._process is not None and self._process.poll() is None

    @property
    def is_idle(self) -> bool:
        return False

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            assert self.done
            self.server.stop()

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def end_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.stdin = None

    @cached_property
    def done(self) -> "subprocess.CompletedProcess[str]":
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(self.process.args, self.process.returncode, out, err)

    @property
    def bodies(self) -> list[Any]:
        """What the server was asked until the end."""
        assert self.done
        return [request.body for request in self.server.requests if request.path == "/api/chat"]


def conversation(address: str, model: str, *typed: str) -> Conversation:
    conversation = Conversation(ThreadedReplayServer(every()), address, model, typed)
    QUEUE.add(__name__, conversation)
    return conversation


PIPED = Conversation(ThreadedReplayServer(every()), "0.24.0/think-true", "think", ("hello", "/think low", "again"), subprocess.PIPE)
QUEUE.add(__name__, PIPED)
FOLDER = tempfile.TemporaryDirectory(prefix="dify-ollama-chat-")
PICTURE = Path(FOLDER.name) / "picture.png"
PICTURE.write_bytes(b"\x89PNG\r\n\x1a\n")
HISTORY = conversation(
    "0.24.0/think-true",
    "think",
    *("first \\", "question", "/think high", '"""second', "question", '"""', "/context", f"/image {PICTURE}", "/clear"),
    *("third", "/quit", "never"),
)
MISTAKES = conversation(*("0.24.0/tool-two", "tool-two"), *("/tools demo", "/think much", "/image nothing.png", "/sing", "/image x.txt"))
ENDLESS_TOOLS = conversation("0.24.0/tool-two", "tool-two", "/tools demo", "weather?", "/context")
FAILING = conversation("0.33.0-rc2/native-crash-midway-message", "native-crash-message", "hello", "/context")
SLOW = Conversation(ThreadedReplayServer(every(lambda each: each.version == "0.24.0"), paced(25), 1.0), "0.24.0/chat-plain", "chat")
QUEUE.add(__name__, SLOW)


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    with FOLDER:
        yield


def test_a_conversation_keeps_its_history_and_its_settings() -> None:
    done, bodies = HISTORY.done, HISTORY.bodies
    assert done.returncode == 0
    assert [body["messages"][-1]["content"] for body in bodies] == ["first \nquestion", "second\nquestion", "third"]
    assert [len(body["messages"]) for body in bodies] == [1, 3, 1]
    assert bodies[1]["messages"][1]["thinking"] == "The user asks about sky.\nRayleigh it is."
    assert [body.get("think") for body in bodies] == [None, "high", "high"]
    assert done.stdout.count("thinking: The user asks about sky.") == 3
    assert "The last prompt had 3 tokens. The conversation has about " in done.stdout
    assert " of 4096 tokens (" in done.stdout


def test_tools_are_called_and_mistakes_are_said() -> None:
    done = MISTAKES.done
    assert "Tools: get_weather, add." in done.stdout
    assert "Choose one of default, off, on" in done.stdout
    assert "The picture cannot be read: No such file or directory." in done.stdout
    assert "There is no command /sing." in done.stdout
    assert "Name a picture file" in done.stdout
    assert done.returncode == 1
    assert MISTAKES.bodies == []


def test_endless_tool_calls_end_and_the_question_is_taken_back() -> None:
    done, bodies = ENDLESS_TOOLS.done, ENDLESS_TOOLS.bodies
    assert [len(body["messages"]) for body in bodies] == [1, 4, 7, 10, 13, 16]
    assert [message["tool_name"] for message in bodies[1]["messages"][-2:]] == ["get_weather", "get_weather"]
    assert "stopped after 6 rounds of tool calls" in done.stdout
    assert "The conversation has about 0 of" in done.stdout


def test_a_piped_chat_writes_the_answers_alone() -> None:
    done = PIPED.done
    assert done.returncode == 0
    assert done.stdout == 2 * "Because of Rayleigh scattering!\n"
    assert all(words in done.stderr for words in ("thinking: ", "finish reason stop", "Thinking: low.", "Starting the plugin ..."))


def test_an_error_shows_and_is_remembered_in_the_exit_code() -> None:
    done = FAILING.done
    assert "error: The computation of the model" in done.stdout
    assert "The conversation has about 0 of" in done.stdout
    assert done.returncode == 1


def test_ctrl_c_stops_the_answer_and_the_chat_goes_on() -> None:
    """That the server is freed shows `tests/load/test_cli_terminal.py`: it takes some seconds."""
    SLOW.type("hello\n")
    stopped = _read_until(SLOW.process, "because")
    SLOW.process.send_signal(signal.SIGINT)
    stopped += _read_until(SLOW.process, "the question is taken back")
    assert "finish reason" not in stopped
    SLOW.type("again\n")
    SLOW.end_input()
    answer = _read_until(SLOW.process, "finish reason stop")
    assert "The sky is blue because air scatters short wavelengths more." in answer, "it is the second answer that ended well"
    done = SLOW.done
    assert done.returncode == 0
    assert [body["messages"] for body in SLOW.bodies] == [[{"role": "user", "content": text}] for text in ("hello", "again")]


def _read_until(process: "subprocess.Popen[str]", mark: str) -> str:
    """What was printed up to the first mark, and what came with it."""
    assert process.stdout is not None
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    deadline, seen = time.monotonic() + PATIENCE_S, b""
    while mark.encode() not in seen:
        assert poll.poll(max(0.0, deadline - time.monotonic()) * 1000), seen
        data = os.read(process.stdout.fileno(), 65536)
        assert data, seen
        seen += data
    return seen.decode("utf-8", "replace")  # a read may end inside a character


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["one", "", "  ", "two"], ["one", "two"]),
        (["one\\", "two\\", "three", "four"], ["one\ntwo\nthree", "four"]),
        (["one\\"], ["one"]),
        (['"""one', "two", '"""', "three"], ["one\ntwo", "three"]),
        (['"""one"""', "two"], ["one", "two"]),
        (['"""one', "two"], ["one\ntwo"]),
        (['"""', "a\\", 'b"""'], ["a\\\nb"]),
        ([], []),
    ],
)
def test_lines_become_messages(lines: list[str], expected: list[str]) -> None:
    left = iter(lines)
    assert list(messages(lambda _: next(left, None))) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("get_weather", '{"city": "Paris"}', "21 °C, sunny"),
        ("get_weather", '{"city": "Lima"}', "17 °C, cloudy"),
        ("add", '{"numbers": [1, 2.5]}', "3.5"),
        ("add", "{}", "The arguments do not fit (KeyError)."),
        ("add", "not json", "The arguments do not fit (JSONDecodeError)."),
        ("fly", "{}", "There is no tool fly."),
    ],
)
def test_demo_tools_answer_whatever_is_asked(name: str, arguments: str, answer: str) -> None:
    message = result_of({"id": "call_7", "type": "function", "function": {"name": name, "arguments": arguments}})
    assert (message["content"], message["tool_call_id"], message["name"]) == (answer, "call_7", name)

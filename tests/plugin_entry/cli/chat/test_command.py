"""`dify-ollama chat` as a process with lines on its standard input, and the pieces it is made of."""

import os
import select
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from fixtures.chunking import paced
from fixtures.recordings import every
from fixtures.replay import ThreadedReplayServer
from plugin_entry.cli.chat.command import messages, talk
from plugin_entry.cli.chat.conversation import ChatHistory, schema_of
from plugin_entry.cli.chat.slash_commands import Chat
from plugin_entry.cli.chat.tools import result_of
from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.screen import Screen
from tests.plugin_entry.cli.processes import Command, run
from tests.stdio.processes import beating_plugin

PATIENCE_S = 60.0
PLUGIN = beating_plugin()


@attrs.frozen(kw_only=True)
class Conversation:
    """A chat that is over: its exit code, all that was shown, and what the server was asked."""

    code: int
    shown: str
    bodies: list[Any]


@pytest.fixture(scope="module")
def plugin() -> Iterator[PluginProcess]:
    with PLUGIN as running:
        yield running


def conversation(plugin: PluginProcess, address: str, model: str, *typed: str) -> Conversation:
    shown: list[str] = []
    with ThreadedReplayServer(every()) as server:
        saved = {"base_url": server.url_of(address)}
        window = schema_of(plugin, model, saved)["model_properties"]["context_size"]
        history = ChatHistory(plugin=plugin, screen=Screen(lambda text, _: shown.append(text)), model=model, credentials=saved)
        lines = iter(typed)
        code = talk(Chat(conversation=history, window=window), lambda _: next(lines, None))
    bodies = [request.body for request in server.requests if request.path == "/api/chat"]
    return Conversation(code=code, shown="".join(shown), bodies=bodies)


def test_a_conversation_keeps_its_history_and_its_settings(plugin: PluginProcess, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    typed = (
        *("first \\", "question", "/think high", '"""second', "question", '"""', "/context", f"/image {picture}", "/clear"),
        *("third", "/quit", "never"),
    )
    done = conversation(plugin, "0.24.0/think-true", "think", *typed)
    assert done.code == 0
    assert [body["messages"][-1]["content"] for body in done.bodies] == ["first \nquestion", "second\nquestion", "third"]
    assert [len(body["messages"]) for body in done.bodies] == [1, 3, 1]
    assert done.bodies[1]["messages"][1]["thinking"] == "The user asks about sky.\nRayleigh it is."
    assert [body.get("think") for body in done.bodies] == [None, "high", "high"]
    assert done.shown.count("thinking: The user asks about sky.") == 3
    assert "The last prompt had 3 tokens. The conversation has about " in done.shown
    assert " of 4096 tokens (" in done.shown


def test_tools_are_called_and_mistakes_are_said(plugin: PluginProcess) -> None:
    typed = ("/tools demo", "/think much", "/image nothing.png", "/sing", "/image x.txt")
    done = conversation(plugin, "0.24.0/tool-two", "tool-two", *typed)
    assert "Tools: get_weather, add." in done.shown
    assert "Choose one of default, off, on" in done.shown
    assert "The picture cannot be read: No such file or directory." in done.shown
    assert "There is no command /sing." in done.shown
    assert "Name a picture file" in done.shown
    assert done.code == 1
    assert done.bodies == []


def test_endless_tool_calls_end_and_the_question_is_taken_back(plugin: PluginProcess) -> None:
    done = conversation(plugin, "0.24.0/tool-two", "tool-two", "/tools demo", "weather?", "/context")
    assert [len(body["messages"]) for body in done.bodies] == [1, 4, 7, 10, 13, 16]
    assert [message["tool_name"] for message in done.bodies[1]["messages"][-2:]] == ["get_weather", "get_weather"]
    assert "stopped after 6 rounds of tool calls" in done.shown
    assert "The conversation has about 0 of" in done.shown


def test_an_error_shows_and_is_remembered_in_the_exit_code(plugin: PluginProcess) -> None:
    done = conversation(plugin, "0.33.0-rc2/native-crash-midway-message", "native-crash-message", "hello", "/context")
    assert "error: The computation of the model" in done.shown
    assert "The conversation has about 0 of" in done.shown
    assert done.code == 1


def test_a_piped_chat_writes_the_answers_alone() -> None:
    with ThreadedReplayServer(every()) as server:
        named = ("--base-url", server.url_of("0.24.0/think-true"), "--model", "think")
        done = run("chat", *named, typed="hello\n/think low\nagain\n")
    assert done.returncode == 0
    assert done.stdout == 2 * "Because of Rayleigh scattering!\n"
    assert all(words in done.stderr for words in ("thinking: ", "finish reason stop", "Thinking: low.", "Starting the plugin ..."))


def test_ctrl_c_stops_the_answer_and_the_chat_goes_on() -> None:
    """That the server is freed shows `tests/load/test_cli_terminal.py`: it takes some seconds."""
    slow = ThreadedReplayServer(every(lambda each: each.version == "0.24.0"), paced(25), 1.0)
    with slow as server, closing(Command("chat", "--base-url", server.url_of("0.24.0/chat-plain"), "--model", "chat")) as command:
        command.stdin.write("hello\n")
        command.stdin.flush()
        stopped = _read_until(command, "because")
        command.interrupt()
        stopped += _read_until(command, "the question is taken back")
        assert "finish reason" not in stopped
        command.stdin.write("again\n")
        command.stdin.close()
        answer = _read_until(command, "finish reason stop")
        assert "The sky is blue because air scatters short wavelengths more." in answer, "it is the second answer that ended well"
        assert command.wait() == 0
    asked = [request.body["messages"] for request in slow.requests if request.path == "/api/chat"]
    assert asked == [[{"role": "user", "content": text}] for text in ("hello", "again")]


def _read_until(command: Command, mark: str) -> str:
    """What was printed up to the first mark, and what came with it."""
    poll = select.poll()
    poll.register(command.stdout, select.POLLIN)
    deadline, seen = time.monotonic() + PATIENCE_S, b""
    while mark.encode() not in seen:
        assert poll.poll(max(0.0, deadline - time.monotonic()) * 1000), seen
        data = os.read(command.stdout.fileno(), 65536)
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

"""The examples run as a reader would run them: as programs of their own, here against recorded servers."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from fixtures.recordings import load
from fixtures.replay import ThreadedReplayServer
from tests.structure.sources import ROOT

EXAMPLES = ROOT / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py"))
WITHIN_S = 60
EVENTS = (
    {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"delta": {"content": "<thi"}}]},
    {"choices": [{"delta": {"content": "nk>Let me see.</think>"}}]},
    {"choices": [{"delta": {"content": "It is blue."}}]},
)
SPOKEN_BY_OPENAI = "".join(f"data: {json.dumps(event)}\n\n" for event in EVENTS) + "data: [DONE]\n\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadedReplayServer]:
    scenarios = ("chat-plain", "error-unknown-model", "think-then-tool", "show-think-tools", "server-killed-midway", "runner-killed-midway")
    with ThreadedReplayServer([load("0.24.0", scenario) for scenario in scenarios]) as server:
        yield server


def run(name: str, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    """Runs an example to its end."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    return subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False, timeout=WITHIN_S)


def test_an_asyncio_program(server: ThreadedReplayServer) -> None:
    done = run("asyncio_httpx", server.url, "scenario:0.24.0/chat-plain", "hi")
    assert done.stdout.startswith("The sky is blue because")
    assert done.stdout.endswith("[stop, 23 tokens]\n")
    refused = run("asyncio_httpx", server.url, "scenario:0.24.0/error-unknown-model", "hi")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "ollama pull" in refused.stderr


def test_a_tool_loop() -> None:
    turns = load("0.24.0", "tool-two"), load("0.24.0", "chat-plain")
    with ThreadedReplayServer(turns) as server:
        server.serve("/api/chat", *turns)
        done = run("tool_loop", server.url, "tool-two", "hi")
        sent = server.requests[-1].body["messages"]
    calls, answer = done.stdout.splitlines()[:2], done.stdout.splitlines()[2]
    assert calls == ['[get_weather({"city":"Paris"})]', '[get_weather({"city":"Oslo"})]']
    assert answer.startswith("The sky is blue")
    assert [(message["role"], message.get("content")) for message in sent[-2:]] == [
        ("tool", "21 °C, sunny in Paris"),
        ("tool", "21 °C, sunny in Oslo"),
    ]


def test_another_plugins_provider(server: ThreadedReplayServer) -> None:
    done = run("provider", f"{server.url}/replay/0.24.0", "think-tools", "hi")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events[-2:]] == ["calls", "end"]
    assert events[-2]["calls"][0]["arguments"] == '{"city":"Paris"}'
    assert "".join(event["text"] for event in events[:-2]) == "<think>\nNeed the weather.\n</think>"


def test_the_text_of_another_server() -> None:
    assert run("split_thinking", given=SPOKEN_BY_OPENAI).stdout == "\x1b[90mLet me see.\x1b[0mIt is blue.\n"


@pytest.mark.parametrize(
    ("scenario", "text", "said"),
    [
        ("chat-plain", "The sky is blue", ""),
        ("server-killed-midway", " one two three", "The answer is not complete. The connection broke"),
        ("runner-killed-midway", " one two three", "The answer is not complete. The process that runs the model"),
        ("error-unknown-model", "\n", "The server has no model"),
    ],
)
def test_a_connection_that_breaks(server: ThreadedReplayServer, scenario: str, text: str, said: str) -> None:
    done = run("broken_connection", server.url, f"scenario:0.24.0/{scenario}", "hi")
    assert done.stdout.startswith(text)
    assert done.stderr.startswith(said)
    assert done.returncode == bool(said)


def test_every_example_is_run_and_says_how() -> None:
    tested = (ROOT / "tests" / "examples" / "test_examples.py").read_text(encoding="utf-8")
    assert len(NAMES) == 5
    for name in NAMES:
        assert f'run("{name}"' in tested
        assert f"examples/{name}.py" in str(ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))))

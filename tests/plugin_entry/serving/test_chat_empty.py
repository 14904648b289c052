"""An answer that says nothing is asked for once more while nothing was shown; then it is an error, and its counts are in the log."""

import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from dify_plugin.entities.model.message import AssistantPromptMessage, SystemPromptMessage, UserPromptMessage
from dify_plugin.errors.model import InvokeError

from tests.plugin_entry.serving.test_chat import PLAIN, bodies, invoke, text, usage
from tests.servers.routes_server import RoutesServer, Speak, json_reply, reply

pytestmark = pytest.mark.usefixtures("_plugin_rests")

DONE = {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 1}


def said(*messages: dict[str, Any]) -> Speak:
    rows = [*({"message": message, "done": False} for message in messages), DONE]
    return reply(200, b"".join(orjson.dumps(row) + b"\n" for row in rows), Content_Type="application/x-ndjson")


NOTHING, YES, THOUGHT, BLANK = said(), said({"content": "Yes."}), said({"thinking": "hm"}), said({"content": "\n"})


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, "plugin_entry"):
        yield caplog


def server(*speaks: Speak) -> RoutesServer:
    show = PLAIN | {"capabilities": ["completion", "thinking"]}
    return RoutesServer({"/api/chat": list(speaks), "/api/show": json_reply(show), "/api/version": json_reply({"version": "0.33.0"})})


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("first", "parameters"), [(NOTHING, {}), (THOUGHT, {"show_thinking": False})], ids=["empty", "hidden thinking"])
def test_it_is_asked_for_once_more(first: Speak, parameters: dict[str, Any], stream: bool) -> None:
    with server(first, YES) as ollama:
        chunks = invoke(ollama.url, parameters=parameters, stream=stream)
        assert text(chunks) == "Yes."
        assert usage(chunks).prompt_tokens == 7
        one, other = bodies(ollama)
        assert one == other


@pytest.mark.parametrize("stream", [True, False])
def test_twice_nothing_is_an_error(stream: bool, log: pytest.LogCaptureFixture) -> None:
    with server(NOTHING, NOTHING, YES) as ollama:
        with pytest.raises(InvokeError, match="ended its answer without saying anything"):
            invoke(ollama.url, stream=stream)
        assert len(bodies(ollama)) == 2
    (line,) = [orjson.loads(record.getMessage()) for record in log.records if '"empty_answer"' in record.getMessage()]
    assert (line["prompt_tokens"], line["completion_tokens"]) == (7, 1)


def refused(text: str) -> Speak:
    """As servers before 0.12.6 say it: a line under status 200."""
    return reply(200, orjson.dumps({"error": text}) + b"\n", Content_Type="application/x-ndjson")


IN_A_LINE: dict[str, tuple[str, dict[str, Any]]] = {
    "the place of the system text": ("Jinja Exception: System message must be at the beginning.", {}),
    "thinking": ('"m" does not support thinking', {"parameters": {"think": "on"}}),
    "a level": ('think value "high" is not supported for this model', {"parameters": {"think": "high"}}),
    "the length": ("the input length exceeds the context length", {}),
}


@pytest.mark.parametrize(("words", "more"), IN_A_LINE.values(), ids=IN_A_LINE)
def test_a_refusal_that_is_the_first_line_is_followed_by_another_form(words: str, more: dict[str, Any]) -> None:
    messages = [UserPromptMessage(content="hi"), AssistantPromptMessage(content="a"), SystemPromptMessage(content="s")]
    messages += [UserPromptMessage(content="more")]
    with server(refused(words), YES) as ollama:
        assert text(invoke(ollama.url, messages=messages, **more)) == "Yes."
        one, other = bodies(ollama)
        assert one != other


def test_a_form_that_helped_after_a_first_line_is_remembered() -> None:
    messages = [UserPromptMessage(content="hi"), SystemPromptMessage(content="s"), UserPromptMessage(content="more")]
    with server(refused("Jinja Exception: System message must be at the beginning."), YES, YES) as ollama:
        for _ in range(2):
            assert text(invoke(ollama.url, messages=messages)) == "Yes."
        assert [body["messages"][0]["role"] for body in bodies(ollama)] == ["user", "system", "system"]


def test_thinking_that_leaves_no_answer_in_the_format_is_off_the_next_time() -> None:
    asked = {"think": "on", "json_schema": '{"type": "object", "properties": {"a": {"type": "string"}}}'}
    answer = said({"content": '{"a": "b"}'})
    with server(THOUGHT, answer, answer) as ollama:
        for _ in range(2):
            assert text(invoke(ollama.url, parameters=asked)) == '{"a": "b"}'
        assert [body["think"] for body in bodies(ollama)] == [True, False, False]
        assert text(invoke(ollama.url, parameters={"think": "on"}))
        assert bodies(ollama)[-1]["think"] is True, "without a format it may think"


def test_what_did_not_help_is_not_remembered() -> None:
    asked = {"think": "on", "json_schema": '{"type": "object", "properties": {"a": {"type": "string"}}}'}
    with server(THOUGHT, NOTHING, THOUGHT, NOTHING) as ollama:
        for _ in range(2):
            with pytest.raises(InvokeError, match="without saying anything"):
                invoke(ollama.url, parameters=asked)
        assert [body["think"] for body in bodies(ollama)] == [True, False] * 2


def test_after_text_was_shown_a_refusal_stands() -> None:
    rows = [{"message": {"content": "So"}, "done": False}, {"error": "Jinja Exception: System message must be at the beginning."}]
    broken = reply(200, b"".join(orjson.dumps(row) + b"\n" for row in rows), Content_Type="application/x-ndjson")
    messages = [UserPromptMessage(content="hi"), SystemPromptMessage(content="s"), UserPromptMessage(content="more")]
    with server(broken, YES) as ollama:
        with pytest.raises(InvokeError, match="one system message"):
            invoke(ollama.url, messages=messages)
        assert len(bodies(ollama)) == 1


def test_thinking_that_was_shown_is_an_answer() -> None:
    with server(THOUGHT, YES) as ollama:
        assert "hm" in text(invoke(ollama.url))
        assert len(bodies(ollama)) == 1


def test_after_a_line_break_was_shown_it_is_not_asked_for_again() -> None:
    with server(BLANK, YES) as ollama:
        with pytest.raises(InvokeError, match="without saying anything"):
            invoke(ollama.url)
        assert len(bodies(ollama)) == 1


def test_a_refusal_of_the_second_try_is_the_error() -> None:
    refusal = json_reply({"error": "model 'm' not found"}, 404)
    with server(NOTHING, refusal) as ollama, pytest.raises(InvokeError, match="has no model named"):
        invoke(ollama.url)

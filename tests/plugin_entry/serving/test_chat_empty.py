"""An answer that says nothing is asked for once more while nothing was shown; then it is an error, and its counts are in the log."""

import logging
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from dify_plugin.errors.model import InvokeError

from tests.plugin_entry.serving.test_chat import PLAIN, bodies, invoke, text, usage
from tests.servers.routes_server import RoutesServer, Speak, json_reply, reply

pytestmark = pytest.mark.plugin

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

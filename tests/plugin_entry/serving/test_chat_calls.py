"""A call that comes as text: Dify is given a call, the log a warning."""

import logging

import orjson
import pytest
from dify_plugin.errors.model import InvokeError

from tests.plugin_entry.serving.test_chat import PLAIN, WEATHER, invoke, text
from tests.plugin_entry.serving.test_chat_empty import said
from tests.servers.routes_server import RoutesServer, Speak, json_reply
from translator.response.held_text import CALL_IN_TEXT, CALL_LEFT_IN_TEXT

pytestmark = pytest.mark.usefixtures("_plugin_rests")

WRITTEN = said({"content": "<function=get_weather>\n"}, {"content": "<parameter=city>\nParis\n</parameter>\n</function>"})


def server(speak: Speak) -> RoutesServer:
    show = PLAIN | {"capabilities": ["completion", "tools"]}
    return RoutesServer({"/api/chat": [speak], "/api/show": json_reply(show), "/api/version": json_reply({"version": "0.33.0"})})


@pytest.mark.parametrize("stream", [True, False])
def test_it_is_given_as_a_call_and_the_log_says_so(stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    with server(WRITTEN) as ollama, caplog.at_level(logging.WARNING, "plugin_entry"):
        chunks = invoke(ollama.url, tools=[WEATHER], stream=stream)
    calls = [call for chunk in chunks for call in chunk.delta.message.tool_calls]
    assert [(call.function.name, orjson.loads(call.function.arguments)) for call in calls] == [("get_weather", {"city": "Paris"})]
    assert text(chunks) == ""
    assert len([record for record in caplog.records if CALL_IN_TEXT in record.getMessage()]) == 1
    assert "Paris" not in caplog.text


def test_behind_other_text_it_is_text_and_the_log_says_so(caplog: pytest.LogCaptureFixture) -> None:
    behind_text = said({"content": "I look.\n\n<function"}, {"content": "=get_weather>\n<parameter=city>Paris</parameter>"})
    with server(behind_text) as ollama, caplog.at_level(logging.WARNING, "plugin_entry"):
        assert text(invoke(ollama.url, tools=[WEATHER])).startswith("I look.\n\n<function=get_weather>")
    assert len([record for record in caplog.records if CALL_LEFT_IN_TEXT in record.getMessage()]) == 1
    assert "Paris" not in caplog.text


def test_without_tools_it_is_text() -> None:
    with server(WRITTEN) as ollama:
        assert text(invoke(ollama.url)).startswith("<function=get_weather>")


def test_the_setting_turns_it_off() -> None:
    with server(WRITTEN) as ollama, pytest.raises(InvokeError, match="Tools"):
        invoke(ollama.url, tools=[WEATHER], saved={"function_call_support": "false"})

"""Long histories are read as the SDK reads them, and others have their turn meanwhile."""

from typing import Any

import gevent
import pytest
from dify_plugin.core.entities.plugin.request import ModelInvokeLLMRequest
from pydantic import ValidationError

from plugin_entry.dify.requests import MANY_MESSAGES, long_histories_in_thread


def request(messages: object) -> dict[str, Any]:
    return {
        "user_id": "u",
        "type": "model",
        "action": "invoke_llm",
        "provider": "ollama",
        "model_type": "llm",
        "model": "m",
        "credentials": {},
        "prompt_messages": messages,
        "model_parameters": {},
        "tools": None,
        "stop": None,
    }


class Request(ModelInvokeLLMRequest):
    """One for this test: what is replaced stays."""


def test_long_histories_are_read_the_same_while_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Request(**request([{"role": "user", "content": "x"}] * (MANY_MESSAGES + 1)))
    monkeypatch.setattr(Request, "__init__", long_histories_in_thread(Request.__init__))
    seen: list[int] = []
    other = gevent.spawn(seen.append, 1)
    assert Request(**request([{"role": "user", "content": "x"}])).prompt_messages == plain.prompt_messages[:1]
    assert seen == []
    assert Request(**request([{"role": "user", "content": "x"}] * (MANY_MESSAGES + 1))) == plain
    assert seen == [1]
    with pytest.raises(ValidationError):
        Request(**request([{"role": "user", "content": 1}] * (MANY_MESSAGES + 1)))
    other.join()

"""Our requests are what Dify's SDK reads, as we word them and as the daemon re-words them; and the daemon's rules do refuse."""

from collections.abc import Mapping
from typing import Any

import pytest
from dify_plugin.core.entities.plugin import request as sdk
from pydantic import BaseModel

from plugin_entry.cli.daemon import requests
from plugin_entry.cli.daemon.requests import assistant_message, system_message, tool, tool_message, user_message
from tests.stdio.daemon_replies import ERROR, REPLIES, RefusedFrame, check
from tests.stdio.daemon_requests import NotSent, as_daemon_sends

SAVED = {"base_url": "http://127.0.0.1:11434"}
CALL = {"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}}
MESSAGES = [
    system_message("Be brief."),
    user_message([{"type": "text", "data": "hi"}]),
    assistant_message("", [CALL]),
    tool_message("sun", "c", "t"),
    user_message("thanks"),
]
TOOLS = [tool("t", "d", {"type": "object", "properties": {}})]

ASKED: list[tuple[type[BaseModel], Mapping[str, Any]]] = [
    (sdk.ModelInvokeLLMRequest, requests.invoke_llm("m", SAVED, MESSAGES, parameters={"top_k": 1}, tools=TOOLS, stop=["x"], stream=False)),
    (sdk.ModelGetLLMNumTokens, requests.get_llm_num_tokens("m", SAVED, MESSAGES, TOOLS)),
    (sdk.ModelInvokeTextEmbeddingRequest, requests.invoke_text_embedding("m", SAVED, ["a"], "query")),
    (sdk.ModelGetTextEmbeddingNumTokens, requests.get_text_embedding_num_tokens("m", SAVED, ["a"])),
    (sdk.ModelInvokeRerankRequest, requests.invoke_rerank("m", SAVED, "q", ["a"], score_threshold=0.5, top_n=3)),
    (sdk.ModelInvokeRerankRequest, requests.invoke_rerank("m", SAVED, "q", ["a"])),
    (sdk.ModelValidateModelCredentialsRequest, requests.validate_model_credentials(requests.LLM, "m", SAVED)),
    (sdk.ModelValidateProviderCredentialsRequest, requests.validate_provider_credentials({})),
    (sdk.ModelGetAIModelSchemas, requests.get_ai_model_schemas(requests.RERANK, "m", SAVED)),
]


@pytest.mark.parametrize(("model", "data"), ASKED, ids=[f"{number}-{data['action']}" for number, (_, data) in enumerate(ASKED)])
def test_requests_are_of_the_form_the_sdk_reads(model: type[BaseModel], data: Mapping[str, Any]) -> None:
    for worded in (data, as_daemon_sends(data)):
        read = model.model_validate(worded)
        assert set(worded) <= set(type(read).model_fields)
        assert {name: getattr(read, name) for name in ("action", "type", "provider")} == {
            name: worded[name] for name in ("action", "type", "provider")
        }


def test_daemon_fills_in_zeros() -> None:
    sent = as_daemon_sends(requests.invoke_rerank("m", SAVED, "q", ["a"]))
    assert (sent["score_threshold"], sent["top_n"]) == (0.0, 0)
    first = as_daemon_sends(requests.invoke_llm("m", SAVED, MESSAGES))["prompt_messages"][0]
    assert first == {"role": "system", "content": "Be brief.", "name": "", "tool_calls": None, "tool_call_id": ""}


@pytest.mark.parametrize(
    "data",
    [
        requests.invoke_llm("", SAVED, MESSAGES),
        requests.invoke_llm("m", SAVED, [{"role": "user", "content": None}]),
        requests.get_llm_num_tokens("m", SAVED, [{"role": "developer", "content": "x"}]),
        requests.invoke_rerank("m", SAVED, "", ["a"]),
        requests.invoke_text_embedding("m", SAVED, ["a"], ""),
    ],
    ids=["no model", "null content", "developer role", "no query", "no input type"],
)
def test_daemon_answers_itself(data: Mapping[str, Any]) -> None:
    with pytest.raises(NotSent):
        as_daemon_sends(data)


def chunk(**delta: object) -> dict[str, Any]:
    return {"model": "m", "delta": {"index": 0, "message": message(), "usage": None, "finish_reason": None, **delta}}


def message(**changes: object) -> dict[str, Any]:
    return {"role": "assistant", "content": "a", "tool_calls": [], **changes}


def test_plain_chunk_passes() -> None:
    check(chunk(), REPLIES["invoke_llm"])


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({**chunk(), "model": ""}, "$.model"),
        (chunk(index=None), "$.delta.index"),
        (chunk(index=True), "$.delta.index"),
        (chunk(message=message(content=None)), "$.delta.message.content"),
        (chunk(message=message(role="developer")), "$.delta.message.role"),
        (chunk(message=message(tool_calls=[{**CALL, "id": ""}])), "$.delta.message.tool_calls[0].id"),
        (chunk(message=message(tool_calls=[{**CALL, "function": {"name": "t", "arguments": {}}}])), "[0].function.arguments"),
        (chunk(usage={"prompt_tokens": 1}), "$.delta.usage.completion_tokens"),
        (chunk(finish_reason=1), "$.delta.finish_reason"),
        ("text", "$"),
    ],
    ids=[
        "no model",
        "null index",
        "truth for index",
        "null content",
        "role",
        "empty id",
        "arguments as object",
        "half a usage",
        "finish reason",
        "text",
    ],
)
def test_daemon_refuses_a_chunk(payload: object, path: str) -> None:
    with pytest.raises(RefusedFrame) as refused:
        check(payload, REPLIES["invoke_llm"])
    assert path in str(refused.value)


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("invoke_text_embedding", {"model": "m", "embeddings": [[0.1, None]], "usage": {}}),
        ("invoke_rerank", {"model": "m", "docs": [{"index": 0, "text": "a"}]}),
        ("get_llm_num_tokens", {"num_tokens": "7"}),
    ],
)
def test_daemon_refuses_other_replies(action: str, payload: object) -> None:
    with pytest.raises(RefusedFrame):
        check(payload, REPLIES[action])
    with pytest.raises(RefusedFrame):
        check({"error_type": "ValueError"}, ERROR)

"""What Dify's daemon makes of a request before the plugin sees it.

The daemon decodes what Dify's core sends into Go structs and encodes it again: every key of a struct is there, an absent text is `""`, an
absent number 0. What the daemon itself answers with HTTP 400 is refused here, too. Read from langgenius/dify-plugin-daemon of August 2026
(pkg/entities/model_entities/llm.go, pkg/entities/requests/model.go).
"""

from collections.abc import Callable, Mapping
from typing import Any

ROLES = ("system", "user", "assistant", "tool")
PART_KEYS = ("type", "data", "base64_data", "url", "encode_format", "format", "mime_type", "detail", "filename")
ENVELOPE = ("user_id", "type", "action", "provider")

type Data = dict[str, Any]


class NotSent(Exception):
    """The daemon answers this request itself, with HTTP 400."""


def as_daemon_sends(data: Mapping[str, Any]) -> Data:
    """The request as it reaches the plugin. Raises NotSent."""
    encode = ENCODERS[data["action"]]
    kept = {key: data[key] for key in ENVELOPE}
    if "model" in data:
        if not data["model"]:
            raise NotSent("an empty model")
        kept |= {key: data[key] for key in ("model_type", "model")}
    return {**kept, "credentials": dict(data["credentials"]), **encode(data)}


def _llm(data: Mapping[str, Any]) -> Data:
    return {
        "prompt_messages": [_message(each) for each in data["prompt_messages"]],
        "model_parameters": dict(data["model_parameters"]),
        "tools": _tools(data),
        "stop": data.get("stop"),
        "stream": bool(data.get("stream")),
    }


def _llm_tokens(data: Mapping[str, Any]) -> Data:
    messages = data["prompt_messages"]
    if unknown := [each["role"] for each in messages if each["role"] not in ROLES]:
        raise NotSent(f"roles {unknown}")
    return {"prompt_messages": [_message(each) for each in messages], "tools": _tools(data)}


def _tools(data: Mapping[str, Any]) -> list[Data] | None:
    tools = data.get("tools")
    return None if tools is None else [{key: each.get(key) or "" for key in ("name", "description")} | _parameters(each) for each in tools]


def _parameters(tool: Mapping[str, Any]) -> Data:
    return {"parameters": tool.get("parameters")}


def _message(message: Mapping[str, Any]) -> Data:
    content = message["content"]
    if content is None:
        raise NotSent("null content: Go stops decoding there, and the plugin gets a request without parameters")
    calls = message.get("tool_calls")
    return {
        "role": message["role"],
        "content": content if isinstance(content, str) else [_part(part) for part in content],
        "name": message.get("name") or "",
        "tool_calls": None if calls is None else [_call(call) for call in calls],
        "tool_call_id": message.get("tool_call_id") or "",
    }


def _part(part: Mapping[str, Any]) -> Data:
    return {key: part.get(key) or "" for key in PART_KEYS}


def _call(call: Mapping[str, Any]) -> Data:
    function = {key: call["function"].get(key) or "" for key in ("name", "arguments")}
    return {"id": call.get("id") or "", "type": call.get("type") or "", "function": function}


def _embedding(data: Mapping[str, Any]) -> Data:
    if data.get("texts") is None or not data.get("input_type"):
        raise NotSent("null texts or input type")
    return {"texts": list(data["texts"]), "input_type": data["input_type"]}


def _embedding_tokens(data: Mapping[str, Any]) -> Data:
    if data.get("texts") is None:
        raise NotSent("null texts")
    return {"texts": list(data["texts"])}


def _rerank(data: Mapping[str, Any]) -> Data:
    if not data.get("query") or data.get("docs") is None:
        raise NotSent("an empty query or null documents")
    numbers = {"score_threshold": data.get("score_threshold") or 0.0, "top_n": data.get("top_n") or 0}
    return {"query": data["query"], "docs": list(data["docs"]), **numbers}


def _nothing_more(data: Mapping[str, Any]) -> Data:
    return {}


ENCODERS: dict[str, Callable[[Mapping[str, Any]], Data]] = {
    "invoke_llm": _llm,
    "get_llm_num_tokens": _llm_tokens,
    "invoke_text_embedding": _embedding,
    "get_text_embedding_num_tokens": _embedding_tokens,
    "invoke_rerank": _rerank,
    "validate_provider_credentials": _nothing_more,
    "validate_model_credentials": _nothing_more,
    "get_ai_model_schemas": _nothing_more,
}

"""The data of requests as Dify words them, one function per action, for `PluginProcess.send`."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

type Data = dict[str, Any]
type SavedCredentials = Mapping[str, Any]
type Messages = Sequence[Mapping[str, Any]]

PROVIDER = "ollama"
USER = "user"
LLM, TEXT_EMBEDDING, RERANK = "llm", "text-embedding", "rerank"


def user_message(content: str | Sequence[Mapping[str, Any]]) -> Data:
    """What the user says, as text or as a list of parts."""
    return {"role": "user", "content": content, "name": None}


def image_part(data: bytes, mime_type: str, filename: str) -> dict[str, Any]:
    """A picture inside a message."""
    return {
        "type": "image",
        "format": mime_type.rpartition("/")[2],
        "base64_data": base64.b64encode(data).decode("ascii"),
        "url": "",
        "mime_type": mime_type,
        "filename": filename,
        "detail": "low",
    }


def system_message(text: str) -> Data:
    """Instructions."""
    return {"role": "system", "content": text, "name": None}


def assistant_message(text: str, tool_calls: Sequence[Mapping[str, Any]] = ()) -> Data:
    """An earlier answer; calls as they came in its chunks."""
    return {"role": "assistant", "content": text, "name": None, "tool_calls": list(tool_calls)}


def tool_message(text: str, tool_call_id: str, name: str | None = None) -> Data:
    """The result of a call."""
    return {"role": "tool", "content": text, "name": name, "tool_call_id": tool_call_id}


def tool(name: str, description: str, parameters: Mapping[str, Any]) -> Data:
    """A tool on offer; `parameters` is a JSON schema."""
    return {"name": name, "description": description, "parameters": dict(parameters)}


def invoke_llm(
    model: str,
    credentials: SavedCredentials,
    messages: Messages,
    *,
    parameters: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    stop: Sequence[str] = (),
    stream: bool = True,
) -> Data:
    """Asks for an answer: a stream of chunks, or one chunk with all of it."""
    asked = {"prompt_messages": list(messages), "model_parameters": dict(parameters or {}), "tools": list(tools), "stop": list(stop)}
    return _model_request("invoke_llm", LLM, model, credentials, **asked, stream=stream)


def get_llm_num_tokens(model: str, credentials: SavedCredentials, messages: Messages, tools: Sequence[Mapping[str, Any]] = ()) -> Data:
    """Asks how many tokens a prompt has: `{"num_tokens": n}`."""
    return _model_request("get_llm_num_tokens", LLM, model, credentials, prompt_messages=list(messages), tools=list(tools))


def invoke_text_embedding(model: str, credentials: SavedCredentials, texts: Sequence[str], input_type: str = "document") -> Data:
    """Asks for vectors; `input_type` is `document` or `query`."""
    return _model_request("invoke_text_embedding", TEXT_EMBEDDING, model, credentials, texts=list(texts), input_type=input_type)


def get_text_embedding_num_tokens(model: str, credentials: SavedCredentials, texts: Sequence[str]) -> Data:
    """Asks how many tokens each text has: `{"num_tokens": [n, ...]}`."""
    return _model_request("get_text_embedding_num_tokens", TEXT_EMBEDDING, model, credentials, texts=list(texts))


def invoke_rerank(
    model: str,
    credentials: SavedCredentials,
    query: str,
    docs: Sequence[str],
    *,
    score_threshold: float | None = None,
    top_n: int | None = None,
) -> Data:
    """Asks for scores of documents."""
    asked = {"query": query, "docs": list(docs), "score_threshold": score_threshold, "top_n": top_n}
    return _model_request("invoke_rerank", RERANK, model, credentials, **asked)


def validate_model_credentials(model_type: str, model: str, credentials: SavedCredentials) -> Data:
    """Checks a model's form: `{"result": true, "credentials": {...}}`."""
    return _model_request("validate_model_credentials", model_type, model, credentials)


def validate_provider_credentials(credentials: SavedCredentials) -> Data:
    """Checks the provider's form, which is empty."""
    return _request("validate_provider_credentials", credentials)


def get_ai_model_schemas(model_type: str, model: str, credentials: SavedCredentials) -> Data:
    """Asks what a model can do and which parameters it takes: `{"model_schema": {...}}`."""
    return _model_request("get_ai_model_schemas", model_type, model, credentials)


def _model_request(action: str, model_type: str, model: str, credentials: SavedCredentials, **asked: object) -> Data:
    return {**_request(action, credentials), "model_type": model_type, "model": model, **asked}


def _request(action: str, credentials: SavedCredentials) -> Data:
    return {"user_id": USER, "type": "model", "action": action, "provider": PROVIDER, "credentials": dict(credentials)}

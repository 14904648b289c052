"""Converts the SDK's messages and tools to ours, and our chunks and answers to the SDK's."""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import orjson
from dify_plugin.entities.model.llm import LLMResult, LLMResultChunk, LLMResultChunkDelta, LLMUsage
from dify_plugin.entities.model.message import (
    AssistantPromptMessage,
    MultiModalPromptMessageContent,
    PromptMessage,
    PromptMessageContent,
    PromptMessageTool,
    TextPromptMessageContent,
    ToolPromptMessage,
)
from dify_plugin.entities.model.text_embedding import EmbeddingUsage

from translator.errors import RequestError
from translator.response.chunks import Answer, Chunk
from translator.shapes.dify import ContentPart, MediaKind, MediaPart, Message, Role, TextPart, Tool, ToolCall, Usage

NO_PRICE = Decimal(0)

type SdkChunk = LLMResultChunk | dict[str, Any]
"""What the SDK is handed: a model for calls and for the last chunk, its dump for text."""


def chunk_to_sdk(model: str, index: int, chunk: Chunk, started: float) -> SdkChunk:
    """Gives what the SDK is handed for one chunk, the one with this `index` in its answer; `started` is a `time.perf_counter` reading."""
    if chunk.usage is None and chunk.finish_reason is None and not chunk.tool_calls:
        return text_chunk(model, index, chunk.text)
    delta = LLMResultChunkDelta(
        index=index,
        message=_assistant_message(chunk.text, chunk.tool_calls),
        usage=None if chunk.usage is None else usage_to_sdk(chunk.usage, started),
        finish_reason=None if chunk.finish_reason is None else chunk.finish_reason.value,
    )
    return LLMResultChunk(model=model, delta=delta)


def text_chunk(model: str, index: int, text: str) -> dict[str, Any]:
    """A chunk of text as the dump of its LLMResultChunk. The SDK hands a dump on as it is; a model it would dump twice, per token."""
    message: dict[str, Any] = {"role": "assistant", "content": text, "name": None, "tool_calls": [], "opaque_body": None}
    delta = {"index": index, "message": message, "usage": None, "finish_reason": None}
    return {"model": model, "prompt_messages": [], "system_fingerprint": None, "delta": delta}


def answer_to_sdk(model: str, answer: Answer, started: float) -> LLMResult:
    """Gives the one result of a call that does not stream."""
    message = _assistant_message(answer.text, answer.tool_calls)
    return LLMResult(model=model, message=message, usage=usage_to_sdk(answer.usage, started))


def usage_to_sdk(usage: Usage, started: float) -> LLMUsage:
    """Tokens as the server counted them; a model of one's own has no price. Latency in seconds since `started`."""
    return LLMUsage(
        prompt_tokens=usage.prompt_tokens,
        prompt_unit_price=NO_PRICE,
        prompt_price_unit=NO_PRICE,
        prompt_price=NO_PRICE,
        completion_tokens=usage.completion_tokens,
        completion_unit_price=NO_PRICE,
        completion_price_unit=NO_PRICE,
        completion_price=NO_PRICE,
        total_tokens=usage.total_tokens,
        total_price=NO_PRICE,
        currency="USD",
        latency=time.perf_counter() - started,
    )


def vectors_to_sdk(model: str, vectors: Sequence[bytes], tokens: int, started: float) -> dict[str, Any]:
    """The dump of a TextEmbeddingResult, whose vectors are JSON already: megabytes of numbers are written once, where they were checked."""
    usage = EmbeddingUsage(
        tokens=tokens,
        total_tokens=tokens,
        unit_price=NO_PRICE,
        price_unit=NO_PRICE,
        total_price=NO_PRICE,
        currency="USD",
        latency=time.perf_counter() - started,
    )
    return {"model": model, "embeddings": [orjson.Fragment(vector) for vector in vectors], "usage": usage.model_dump(mode="json")}


def _assistant_message(text: str, calls: tuple[ToolCall, ...]) -> AssistantPromptMessage:
    return AssistantPromptMessage(content=text, tool_calls=[_call(call) for call in calls])


def _call(call: ToolCall) -> AssistantPromptMessage.ToolCall:
    function = AssistantPromptMessage.ToolCall.ToolCallFunction(name=call.name, arguments=call.arguments)
    return AssistantPromptMessage.ToolCall(id=call.id, type="function", function=function)


def messages_from_sdk(messages: Sequence[PromptMessage]) -> tuple[Message, ...]:
    """Gives one Message per prompt message. Raises RequestError for a part of an unknown type."""
    return tuple(_message(message) for message in messages)


def tools_from_sdk(tools: Sequence[PromptMessageTool] | None) -> tuple[Tool, ...]:
    """Gives one Tool per offered tool; None means none."""
    return tuple(Tool(name=tool.name, description=tool.description, parameters=tool.parameters) for tool in tools or ())


def _message(message: PromptMessage) -> Message:
    return Message(
        role=Role(message.role.value),
        content=_content(message.content),
        name=message.name or "",
        tool_call_id=message.tool_call_id if isinstance(message, ToolPromptMessage) else "",
        tool_calls=_calls(message) if isinstance(message, AssistantPromptMessage) else (),
    )


def _content(content: str | Sequence[PromptMessageContent] | None) -> str | tuple[ContentPart, ...]:
    if content is None or isinstance(content, str):
        return content or ""
    return tuple(_part(part) for part in content)


def _part(part: PromptMessageContent) -> ContentPart:
    match part:
        case TextPromptMessageContent():
            return TextPart(part.data)
        case MultiModalPromptMessageContent():
            kind = MediaKind(str(getattr(part, "type", "")))
            return MediaPart(kind=kind, base64=part.base64_data, url=part.url, mime_type=part.mime_type, filename=part.filename)
        case _:
            raise RequestError.of("unknown_part", f"A message holds a part of type {type(part).__name__}, which this plugin does not know.")


def _calls(message: AssistantPromptMessage) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments) for call in message.tool_calls)

"""Converts the SDK's messages and tools to ours, and our chunks and answers to the SDK's."""

import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from dify_plugin.entities.model.llm import LLMResult
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

from plugin_entry.dify.frames import ChunkDump, WrittenJson, text_chunk
from translator.errors import RequestError
from translator.response.chunks import Answer, Chunk
from translator.shapes.dify import ContentPart, MediaKind, MediaPart, Message, Role, TextPart, Tool, ToolCall, Usage

NO_PRICE = Decimal(0)
"""A model of one's own has no price."""


def chunk_to_sdk(model: str, index: int, chunk: Chunk, started: float) -> ChunkDump:
    """Gives what the SDK is handed for one chunk, the one with this `index` in its answer; `started` is a `time.perf_counter` reading."""
    dump = text_chunk(model, index, chunk.text)
    delta = dump["delta"]
    delta["message"]["tool_calls"] = [_call(call) for call in chunk.tool_calls]
    delta["usage"] = None if chunk.usage is None else usage_to_sdk(chunk.usage, started)
    delta["finish_reason"] = None if chunk.finish_reason is None else chunk.finish_reason.value
    return dump


def answer_to_sdk(model: str, answer: Answer, started: float) -> LLMResult:
    """Gives the one result of a call that does not stream."""
    delta = chunk_to_sdk(model, 0, Chunk(answer.text, answer.tool_calls, answer.finish_reason, answer.usage), started)["delta"]
    return LLMResult.model_validate({"model": model, "message": delta["message"], "usage": delta["usage"]})


def usage_to_sdk(usage: Usage, started: float) -> dict[str, Any]:
    """The dump of an LLMUsage: tokens as the server counted them, latency in seconds since `started`."""
    price = str(NO_PRICE)
    return {
        "prompt_tokens": usage.prompt_tokens,
        "prompt_unit_price": price,
        "prompt_price_unit": price,
        "prompt_price": price,
        "completion_tokens": usage.completion_tokens,
        "completion_unit_price": price,
        "completion_price_unit": price,
        "completion_price": price,
        "total_tokens": usage.total_tokens,
        "total_price": price,
        "currency": "USD",
        "latency": time.perf_counter() - started,
    }


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
    written = [WrittenJson.model_construct(data=vector) for vector in vectors]
    return {"model": model, "embeddings": written, "usage": usage.model_dump(mode="json")}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


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

"""Our chunks and answers to the SDK's.

Enters: chunks of the translator, or its one answer. Leaves: the SDK's objects of the same meaning; nothing is decided here.
"""

import time
from collections.abc import Iterator
from decimal import Decimal

from dify_plugin.entities.model.llm import LLMResult, LLMResultChunk, LLMResultChunkDelta, LLMUsage
from dify_plugin.entities.model.message import AssistantPromptMessage

from translator.response.chunks import Chunk
from translator.response.collect import Answer
from translator.shapes.dify import ToolCall, Usage

NOTHING = Decimal(0)


def chunks_to_sdk(model: str, chunks: Iterator[Chunk], started: float) -> Iterator[LLMResultChunk]:
    """Gives one SDK chunk per chunk, `index` counting from 0; `started` is a `time.perf_counter` reading."""
    for index, chunk in enumerate(chunks):
        yield chunk_to_sdk(model, index, chunk, started)


def chunk_to_sdk(model: str, index: int, chunk: Chunk, started: float) -> LLMResultChunk:
    """Gives the SDK chunk of one chunk, the one with this index in its answer."""
    delta = LLMResultChunkDelta(
        index=index,
        message=_message(chunk.text, chunk.tool_calls),
        usage=None if chunk.usage is None else usage_to_sdk(chunk.usage, started),
        finish_reason=None if chunk.finish_reason is None else chunk.finish_reason.value,
    )
    return LLMResultChunk(model=model, delta=delta)


def answer_to_sdk(model: str, answer: Answer, started: float) -> LLMResult:
    """Gives the one result of a call that does not stream."""
    message = _message(answer.text, answer.tool_calls)
    return LLMResult(model=model, message=message, usage=usage_to_sdk(answer.usage, started))


def usage_to_sdk(usage: Usage, started: float) -> LLMUsage:
    """Tokens as the server counted them; a model of one's own has no price. Latency in seconds since `started`."""
    return LLMUsage(
        prompt_tokens=usage.prompt_tokens,
        prompt_unit_price=NOTHING,
        prompt_price_unit=NOTHING,
        prompt_price=NOTHING,
        completion_tokens=usage.completion_tokens,
        completion_unit_price=NOTHING,
        completion_price_unit=NOTHING,
        completion_price=NOTHING,
        total_tokens=usage.total_tokens,
        total_price=NOTHING,
        currency="USD",
        latency=time.perf_counter() - started,
    )


def _message(text: str, calls: tuple[ToolCall, ...]) -> AssistantPromptMessage:
    return AssistantPromptMessage(content=text, tool_calls=[_call(call) for call in calls])


def _call(call: ToolCall) -> AssistantPromptMessage.ToolCall:
    function = AssistantPromptMessage.ToolCall.ToolCallFunction(name=call.name, arguments=call.arguments)
    return AssistantPromptMessage.ToolCall(id=call.id, type="function", function=function)

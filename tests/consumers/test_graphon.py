"""Dify's own code reads every recorded answer, as the plugin sends it, to the same text, calls and tokens: the accumulator of callers that
do not stream, and the LLM node of workflows in both of its ways to treat thinking.

Read with graphon 0.8; Dify pins it exactly.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from graphon.model_runtime.entities.llm_entities import LLMResult, LLMResultChunk
from graphon.model_runtime.entities.message_entities import AssistantPromptMessage
from graphon.model_runtime.model_providers.base.large_language_model import merge_tool_call_deltas, normalize_non_stream_runtime_result
from graphon.node_events import ModelInvokeCompletedEvent, StreamChunkEvent, StreamReasoningEvent
from graphon.nodes.llm.file_saver import LLMFileSaver
from graphon.nodes.llm.node import LLMNode
from graphon.nodes.llm.reasoning import split_reasoning
from graphon.nodes.llm.runtime_protocols import LLMProtocol

from fixtures.recordings import Exchange
from tests.stdio.recorded_replies import model_of, replies
from tests.stdio.whole_answers import WholeAnswer, recorded_answer
from tests.translator.stream_player import answers, label

EVERY = pytest.mark.parametrize("exchange", answers(), ids=label)
THINKING = re.compile(r"<think>\n(.*?)\n</think>", re.DOTALL)


def read(exchange: Exchange) -> WholeAnswer:
    return recorded_answer(exchange, model_of(exchange))


def chunks_of(exchange: Exchange) -> list[LLMResultChunk]:
    """The plugin's chunks as Dify's entities, whose validation is a test of its own."""
    return [LLMResultChunk.model_validate(payload) for payload in replies()[exchange.address].payloads]


def arguments_of(calls: Sequence[AssistantPromptMessage.ToolCall]) -> tuple[tuple[str, str], ...]:
    return tuple((call.function.name, call.function.arguments) for call in calls)


@EVERY
def test_caller_that_does_not_stream(exchange: Exchange) -> None:
    told = read(exchange)
    result = normalize_non_stream_runtime_result("m", [], iter(chunks_of(exchange)))
    # an answer without text is an empty list there
    assert (result.message.content or "") == told.text
    assert arguments_of(result.message.tool_calls) == told.calls
    assert_same_usage(result, told)


def assert_same_usage(result: LLMResult, told: WholeAnswer) -> None:
    usage = result.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    if told.usage is None:
        assert usage.total_tokens == 0
    elif told.usage[0] > 0:
        assert (usage.prompt_tokens, usage.completion_tokens) == told.usage


@EVERY
def test_calls_merge_to_what_they_are(exchange: Exchange) -> None:
    """Nothing fuses and nothing doubles, and no call needs an id from Dify."""
    merged: list[AssistantPromptMessage.ToolCall] = []
    for chunk in chunks_of(exchange):
        merge_tool_call_deltas(chunk.delta.message.tool_calls, merged, id_generator=lambda: pytest.fail("a call without an id"))
    assert arguments_of(merged) == read(exchange).calls


class Watched:
    """The events of one run of an LLM node."""

    def __init__(self, exchange: Exchange, reasoning_format: Any) -> None:
        def stream() -> Iterator[LLMResultChunk]:
            yield from chunks_of(exchange)

        self.text, self.reasoning = "", ""
        for event in LLMNode.handle_invoke_result(
            invoke_result=cast("Any", stream()),
            file_saver=cast("LLMFileSaver", None),
            file_outputs=[],
            node_id="node",
            model_instance=cast("LLMProtocol", object()),
            reasoning_format=reasoning_format,
        ):
            self._take(event)

    def _take(self, event: object) -> None:
        match event:
            case StreamChunkEvent():
                self.text += event.chunk
            case StreamReasoningEvent():
                self.reasoning += event.chunk
            case ModelInvokeCompletedEvent():
                self.end = event


@EVERY
def test_workflow_node_that_keeps_the_tags(exchange: Exchange) -> None:
    told, seen = read(exchange), Watched(exchange, "tagged")
    assert (seen.text, seen.end.text, seen.reasoning) == (told.text, told.text, "")
    assert seen.end.finish_reason == told.finish_reason
    if told.usage is not None and told.usage[0] > 0:
        assert (seen.end.usage.prompt_tokens, seen.end.usage.completion_tokens) == told.usage


@EVERY
def test_workflow_node_that_separates_thinking(exchange: Exchange) -> None:
    told, seen = read(exchange), Watched(exchange, "separated")
    clean = THINKING.sub("", told.text)
    thoughts = THINKING.findall(told.text)
    assert seen.text == clean.lstrip()
    assert "".join(seen.reasoning.split()) == "".join("".join(thoughts).split())
    assert (seen.end.text, seen.end.reasoning_content) == split_reasoning(told.text, "separated")
    assert "think>" not in seen.end.text

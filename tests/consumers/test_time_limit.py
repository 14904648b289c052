"""What Dify's own consumers make of an answer that ended at its time limit: they keep its text, its calls and its usage."""

import time
from typing import Any, cast

import orjson
import pytest
from graphon.model_runtime.entities.llm_entities import LLMResultChunk
from graphon.model_runtime.model_providers.base.large_language_model import normalize_non_stream_runtime_result
from graphon.node_events import ModelInvokeCompletedEvent
from graphon.nodes.llm.file_saver import LLMFileSaver
from graphon.nodes.llm.node import LLMNode
from graphon.nodes.llm.runtime_protocols import LLMProtocol

from plugin_entry.dify.objects import chunk_to_sdk
from tests.translator.stream_player import new_stream
from translator.failures.build import time_is_up
from translator.response.chunks import deltas_to_chunks

CALL = {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]}
SAID: dict[str, tuple[list[dict[str, Any]], str, str, list[str]]] = {
    "text": ([{"content": "So far"}], "So far", "length", []),
    "thinking open": ([{"thinking": "hm"}], "<think>\nhm\n</think>", "length", []),
    "calls held": ([{"content": "I look."}, CALL], "I look.", "tool_calls", ["f"]),
}


def chunks_of(messages: list[dict[str, Any]]) -> list[LLMResultChunk]:
    stream = new_stream()
    deltas = [delta for message in messages for delta in stream.feed(orjson.dumps({"message": message, "done": False}) + b"\n")]
    deltas += stream.time_is_up(time_is_up(570, "m"))
    started = time.perf_counter()
    sent = [chunk_to_sdk("m", index, chunk, started) for index, chunk in enumerate(deltas_to_chunks(deltas))]
    return [LLMResultChunk.model_validate(chunk) for chunk in sent]


@pytest.mark.parametrize(("messages", "text", "reason", "called"), SAID.values(), ids=SAID)
def test_callers_that_do_not_stream(messages: list[dict[str, Any]], text: str, reason: str, called: list[str]) -> None:
    del reason
    result = normalize_non_stream_runtime_result("m", [], iter(chunks_of(messages)))
    assert result.message.content == text
    assert [call.function.name for call in result.message.tool_calls] == called
    assert result.usage.prompt_tokens > 0
    assert result.usage.completion_tokens > 0


@pytest.mark.parametrize(("messages", "text", "reason", "called"), SAID.values(), ids=SAID)
def test_workflow_node(messages: list[dict[str, Any]], text: str, reason: str, called: list[str]) -> None:
    del called
    events = LLMNode.handle_invoke_result(
        invoke_result=cast("Any", iter(chunks_of(messages))),
        file_saver=cast("LLMFileSaver", None),
        file_outputs=[],
        node_id="node",
        model_instance=cast("LLMProtocol", object()),
        reasoning_format="tagged",
    )
    (end,) = [event for event in events if isinstance(event, ModelInvokeCompletedEvent)]
    assert (end.text, end.finish_reason) == (text, reason)
    assert end.usage.total_tokens > 0

"""A frame too long for Dify becomes an error that Dify shows as it is: what was too long, how long, and what to do."""

import json
from decimal import Decimal
from queue import Queue
from typing import Any

import orjson
import pytest
from dify_plugin.core.server.__base.response_writer import ResponseWriter
from dify_plugin.core.server.__base.writer_entities import Event
from dify_plugin.core.server.serverless.response_writer import ServerlessResponseWriter
from dify_plugin.core.server.stdio.response_writer import StdioResponseWriter
from dify_plugin.entities.model.rerank import RerankDocument, RerankResult
from dify_plugin.errors.model import InvokeBadRequestError

from plugin_entry.dify import frames
from plugin_entry.dify.frames import ChunkDump, FrameWriter, WrittenJson
from plugin_entry.dify.objects import answer_to_sdk, chunk_to_sdk
from plugin_entry.dify.output import LINE_LIMIT
from translator.response.chunks import Answer, Chunk
from translator.shapes.dify import FinishReason, ToolCall, Usage

pytestmark = pytest.mark.usefixtures("_plugin_rests")

USAGE = Usage(prompt_tokens=1, completion_tokens=1)
LONG = "x" * LINE_LIMIT

type Kept = list[bytes]


def only(chunk: Chunk) -> ChunkDump:
    return chunk_to_sdk("m", 0, chunk, 0.0)


def blocking() -> ChunkDump:
    """As the SDK makes one chunk of a whole answer."""
    answer = Answer(text=LONG, tool_calls=(), finish_reason=FinishReason.STOP, usage=USAGE)
    result = answer_to_sdk("m", answer, 0.0)
    return only(Chunk(str(result.message.content), (), FinishReason.STOP, USAGE))


PAYLOADS: dict[str, tuple[Any, str, str]] = {
    "vectors": (
        {"model": "m", "embeddings": WrittenJson(data=orjson.dumps([[0.123456789] * 4096] * 100)), "usage": {}},
        "The vectors of 4.7 MiB",
        "max chunks",
    ),
    "ranked documents": (
        RerankResult(model="m", docs=[RerankDocument(index=number, text="x" * (1 << 20), score=1.0) for number in range(5)]),
        "The ranked documents of 5.0 MiB",
        "top N",
    ),
    "tool calls": (only(Chunk(tool_calls=(ToolCall(id="a", name="f", arguments=LONG),))), "The tool calls of 4.0 MiB", "num_predict"),
    "an answer in one piece": (blocking(), "The answer in one piece of 4.0 MiB", "stream the answer"),
    "text": (only(Chunk(LONG)), "The answer in one piece of 4.0 MiB", "stream the answer"),
    "token counts": ({"num_tokens": [1000] * (1 << 20)}, "The token counts of", "fewer texts"),
    "anything else": ({"x": LONG}, "The reply of 4.0 MiB", "less at once"),
}


@pytest.fixture(params=["stdio", "serverless"])
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[ResponseWriter, Kept]:
    """A writer of each kind, and what it wrote."""
    kept: Kept = []
    if request.param == "stdio":

        class Output:
            def write(self, data: bytes, owner: object = None) -> None:
                assert len(data) <= LINE_LIMIT
                kept.append(data)

        monkeypatch.setattr(FrameWriter, "output", Output(), raising=False)
        return FrameWriter(), kept
    monkeypatch.setattr(ResponseWriter, "put", frames.limited_put)

    class Lines(Queue[Any]):
        def put(self, item: str, *_: Any, **__: Any) -> None:
            kept.append(item.encode())

    return ServerlessResponseWriter(Lines()), kept


@pytest.mark.parametrize("name", PAYLOADS)
def test_what_is_too_long_is_refused_with_its_remedy(writer: tuple[ResponseWriter, Kept], name: str) -> None:
    payload, what, remedy = PAYLOADS[name]
    with pytest.raises(InvokeBadRequestError) as caught:
        writer[0].session_message("s", writer[0].stream_object(payload))
    assert str(caught.value).startswith(what)
    assert "which takes 4 MiB at once" in str(caught.value)
    assert remedy in str(caught.value)
    assert len(str(caught.value)) < 400
    assert writer[1] == []


def test_an_error_that_is_too_long_is_shortened_because_somebody_waits_for_it(writer: tuple[ResponseWriter, Kept]) -> None:
    error = {"error_type": "ValidationError", "message": "bad " + LONG, "args": {"traceback": LONG}}
    writer[0].session_message("s", writer[0].stream_error_object(error))
    (line,) = writer[1]
    data = json.loads(line)["data"]
    assert data["type"] == "error"
    assert data["data"]["error_type"] == "ValidationError"
    assert data["data"]["message"].startswith("bad xxx")
    assert len(line) < 10_000


class Sdk(StdioResponseWriter):
    """The SDK's own spelling."""

    def __init__(self) -> None:
        self.data = ""

    def write(self, data: str) -> None:
        self.data += data


def test_what_is_short_enough_is_spelled_as_the_sdk_does(monkeypatch: pytest.MonkeyPatch) -> None:
    own, theirs = Sdk(), Sdk()
    payloads: list[Any] = [{"num_tokens": 1}, only(Chunk("é", (), FinishReason.STOP, USAGE)), {"price": Decimal("0.01")}]
    for payload in payloads:
        theirs.session_message("s", theirs.stream_object(payload))
    theirs.put(Event.HEARTBEAT, None, {})
    monkeypatch.setattr(ResponseWriter, "put", frames.limited_put)
    for payload in payloads:
        own.session_message("s", own.stream_object(payload))
    own.put(Event.HEARTBEAT, None, {})
    assert own.data == theirs.data

"""Typical faults through the whole plugin process: the frames that Dify's daemon gets, in its own strictness."""

from collections.abc import Iterator, Mapping
from typing import Any

import gevent
import orjson
import pytest
from dify_plugin.entities.model.llm import LLMResultChunk

from plugin_entry.cli.daemon.requests import (
    LLM,
    invoke_llm,
    invoke_rerank,
    invoke_text_embedding,
    tool,
    user_message,
    validate_model_credentials,
)
from tests.faults.cells import Cell, Kind
from tests.faults.faults import CELLS
from tests.faults.places import PLACES, plain
from tests.faults.proxied import SHORT
from tests.faults.replies import ROUTES
from tests.faults.run import PROMPT, SECRETS, saved_of, script_of
from tests.faults.server import FaultServer
from tests.faults.transcript import Transcript
from tests.stdio.daemon import Daemon, Reply
from tests.stdio.processes import beating_plugin

pytestmark = pytest.mark.usefixtures("_plugin_rests")

SAID: Mapping[str, str] = {
    "connection-refused/stream/chat": "Nothing accepts connections at http://127.0.0.1:",
    "certificate-of-an-unknown-authority/blocking/validate": "is not trusted",
    "never-answered/stream/generate": f"answered nothing within {SHORT} seconds",
    "cut-inside-a-line/stream/chat": "ended in the middle of the answer",
    "stalled-stream/stream/generate": f"sent nothing more within {SHORT} seconds",
    "broken-chunk-size/stream/chat": "ended in the middle of the answer",
    "error-after-thinking-opened/stream/chat": "crashed",
    "error-between-tool-calls/stream/chat": "crashed",
    "web-page/stream/chat": "A web page answered instead of Ollama",
    "endless-line/blocking/chat": "more than a reply line may have",
    "done-missing/blocking/generate": "broke off",
    "empty-answer/blocking/embed": "something else than vectors",
    "429-plain/blocking/rerank": "overloaded or a quota is used up",
    "reverse-proxy-cuts/stream/chat": "A proxy (caddy) in between may have ended it",
    "reverse-proxy-cuts-in-order/blocking/generate": "A proxy (caddy) in between may have ended it",
    "reverse-proxy-forbids/stream/chat": "either by a proxy (caddy) in between or by the server for its API key",
    "kept-open-after-done/stream/chat": "",
    "gzip/stream/generate": "",
}
"""Cells of the matrix, and a piece of what the user reads; empty where it works."""


PLUGIN = beating_plugin()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with PLUGIN as plugin:
        yield Daemon(plugin)
        assert (plugin.stray, plugin.complaints) == ((), ())
        assert not [secret for secret in SECRETS if secret in plugin.stderr]


def request_of(cell: Cell, saved: Mapping[str, Any]) -> dict[str, Any]:
    """The cell's call in the daemon's words."""
    match cell.operation.kind:
        case Kind.EMBED:
            return invoke_text_embedding("embedder", saved, [PROMPT, "other"])
        case Kind.RERANK:
            return invoke_rerank("reranker", saved, PROMPT, ["first one", "second one"])
        case Kind.VALIDATE:
            return validate_model_credentials(LLM, "m", saved)
        case kind:
            tools = [tool("look", "A tool", {"type": "object", "properties": {}})] if kind is Kind.CHAT else []
            return invoke_llm("m", saved, [user_message(PROMPT)], tools=tools, stream=cell.operation.streams)


def told(reply: Reply) -> str:
    transcript = Transcript()
    for payload in reply.payloads:
        transcript.add(LLMResultChunk.model_validate(payload))
    return transcript.told(failed=reply.error is not None)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell.name in SAID], ids=lambda cell: cell.name)
def test_fault_reaches_dify(daemon: Daemon, cell: Cell) -> None:
    fault = cell.fault
    server = FaultServer(script_of(fault), ROUTES[cell.operation.kind.value], fault.reply)
    with PLACES.get(fault.name, plain)(server) as url:
        # the frames are waited for in a thread of their own: the server lives in greenlets of this one
        reply = gevent.get_hub().threadpool.apply(daemon.invoke, (request_of(cell, saved_of(cell, url)),))
        assert server.is_left_alone(2.5)
    assert (reply.error_type, told(reply)) == (cell.error_class, cell.expected.delivered)
    assert SAID[cell.name] in reply.message
    assert not [secret for secret in SECRETS if secret.encode() in orjson.dumps(reply.error)]


def test_every_named_cell_is_in_the_matrix() -> None:
    assert set(SAID) <= {cell.name for cell in CELLS}

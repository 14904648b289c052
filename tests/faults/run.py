"""Runs cells of the fault matrix: each a whole call through the classes that Dify loads, over real sockets.

Cells run at the same time, those about time last and apart, so that the work of
others cannot make them late. What would only take time is shortened: waits between tries, the time limits of further questions, and the
size of a whole answer.
"""

import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import attrs
import gevent
from dify_plugin.entities.model import EmbeddingInputType
from dify_plugin.entities.model.llm import LLMResultChunk
from dify_plugin.entities.model.message import PromptMessage, PromptMessageTool, UserPromptMessage
from gevent.pool import Pool

from plugin_entry.models.llm import OllamaLargeLanguageModel
from plugin_entry.models.rerank import OllamaRerankModel
from plugin_entry.models.text_embedding import OllamaTextEmbeddingModel
from plugin_entry.network import client, retries, server
from plugin_entry.network.retries import RetryingBridge
from plugin_entry.serving import chat, embedding, facts, rerank
from tests.faults.cells import Cell, Fault, Kind, Operation
from tests.faults.places import PLACES, plain, proxy_of_environment
from tests.faults.proxy_scripts import PROXY_SCRIPTS
from tests.faults.replies import ROUTES
from tests.faults.scripts import SCRIPTS, good, refusing
from tests.faults.server import FaultServer, Script
from tests.faults.transcript import Transcript, told_whole
from tests.sdk_chunks import as_models
from translator.errors import TranslatorError

AT_ONCE = 24
QUESTION_LIMIT_S = 0.3
SMALL_REPLY = 1024 * 1024
LEFT_WITHIN_S = 20.0
"""No connection is waited for longer. The plugin gives a server that lingers after its answer one second."""
HANGS_AFTER_S = 60.0
"""A call that has not ended by then never will; `tests/load` measures how long those take that wait for a limit."""

KEY, PROMPT, USER, PASSWORD, HEADER = "KEYmark4711", "PROMPTmark words", "USERmark", "PASSmark", "HEADERmark"
SECRETS = (KEY, PROMPT, PASSWORD, HEADER)
TOOLS = [PromptMessageTool(name=name, description="A tool", parameters={"type": "object", "properties": {}}) for name in ("look", "find")]


class HungError(BaseException):
    """A call that does not end."""


@attrs.frozen(slots=True, kw_only=True)
class Observed:
    """What came of a call. `said` is the text a user reads, `trace` all that Dify logs; `code` is the plugin's own word for the error."""

    error_class: str
    code: str
    said: str
    trace: str
    delivered: str
    tries: int
    seconds: float
    is_left_alone: bool


def call_of(cell: Cell, saved: dict[str, Any]) -> str | Iterator[LLMResultChunk]:
    """Makes the call."""
    match cell.operation.kind:
        case Kind.EMBED:
            vectors: Any = OllamaTextEmbeddingModel([]).invoke("embedder", saved, [PROMPT, "other"], input_type=EmbeddingInputType.DOCUMENT)
            return f"vectors[{len(vectors['embeddings'])}]"
        case Kind.RERANK:
            return f"documents[{len(OllamaRerankModel([]).invoke('reranker', saved, PROMPT, ['first one', 'second one']).docs)}]"
        case Kind.VALIDATE:
            OllamaLargeLanguageModel([]).validate_credentials("m", saved)
            return "accepted[]"
        case _:
            tools = TOOLS if cell.operation.kind is Kind.CHAT else None
            messages: list[PromptMessage] = [UserPromptMessage(content=PROMPT)]
            return as_models(OllamaLargeLanguageModel([]).invoke("m", saved, messages, {}, tools, None, cell.operation.streams))


def observe(cell: Cell, route: str = "") -> Observed:
    """Runs one cell, with the fault on the route of its operation or on another one."""
    fault = cell.fault
    server = FaultServer(script_of(fault), route or ROUTES[cell.operation.kind.value], fault.reply)
    with PLACES.get(fault.name, plain)(server) as url:
        started = time.perf_counter()
        with gevent.Timeout(HANGS_AFTER_S, HungError(cell.name)):
            delivered, error = _delivered(cell, saved_of(cell, url), server)
        seconds = time.perf_counter() - started
        return Observed(
            error_class=type(error).__name__ if error else "",
            code=code_of(error),
            said=str(error) if error else "",
            trace="".join(traceback.format_exception(error)) if error else "",
            delivered=delivered,
            tries=server.tries,
            seconds=seconds,
            is_left_alone=server.is_left_alone(LEFT_WITHIN_S),
        )


def _delivered(cell: Cell, saved: dict[str, Any], server: FaultServer) -> tuple[str, Exception | None]:
    """What the caller got, and the error after it; an exception that no caller should get counts as one like any other."""
    transcript = Transcript()
    try:
        result = call_of(cell, saved)
        if isinstance(result, str):
            return result, None
        if not cell.operation.streams:
            return told_whole(result), None
        for chunk in result:
            transcript.add(chunk)
            server.heard.set()
        return transcript.told(failed=False), None
    except Exception as error:  # noqa: BLE001  # it is compared with the table
        return transcript.told(failed=True), error


def script_of(fault: Fault) -> Script:
    if fault.status:
        return refusing(fault.status, fault.shape)
    return {**SCRIPTS, **PROXY_SCRIPTS}.get(fault.name, good)


def saved_of(cell: Cell, url: str) -> dict[str, Any]:
    """Credentials that have every kind of secret: a key, or user and password where a stream is not wanted, and a header."""
    headers = f"X-Secret: {HEADER}\nX-Cell: {cell.name}"  # a port may be given out twice, and what was learned of its last owner remains
    saved = {"base_url": url, "extra_headers": headers, "rerank_service": "jina", **cell.fault.saved}
    match cell.operation.kind:
        case Kind.GENERATE:
            saved["mode"] = "completion"
        case Kind.RERANK:
            saved["base_url"] += ROUTES["rerank"]
    if cell.operation in {Operation.CHAT, Operation.GENERATE, Operation.EMBED}:
        return saved | {"base_url": saved["base_url"].replace("//", f"//{USER}:{PASSWORD}@")}
    return saved | {"api_key": KEY}


def code_of(error: Exception | None) -> str:
    """The plugin's own code, which stays behind the exception that Dify gets."""
    seen: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in seen:
        if isinstance(link, TranslatorError):
            return link.code
        seen.append(link)
        link = link.__cause__ if link.__cause__ not in (None, link) else link.__context__
    return type(seen[-1]).__name__ if seen else ""


@contextmanager
def hurried() -> Iterator[None]:
    """Leaves out what only takes time, and keeps names that do not exist from the network."""
    impatient = partial(RetryingBridge, sleep=_at_once)
    with (
        patch.object(chat, "CHAT", attrs.evolve(chat.CHAT, sleep=_at_once)),
        patch.object(embedding, "RetryingBridge", impatient),
        patch.object(rerank, "RetryingBridge", impatient),
        patch.object(server, "proxy_for", proxy_of_environment),
        patch.object(client, "reply_bytes_of", lambda _: SMALL_REPLY),
        patch.object(socket, "getaddrinfo", partial(_resolved, socket.getaddrinfo)),
    ):
        yield


def _at_once(_: float) -> None:
    gevent.sleep(0)


def _resolved(resolve: Callable[..., Any], host: str, *more: Any, **named: Any) -> Any:
    if str(host).endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return resolve(host, *more, **named)


def run(cells: Sequence[Cell], route: str = "") -> Mapping[str, Observed]:
    """What came of each cell, by its name; `route` is for faults on another route than the operation's own."""
    timed = [cell for cell in cells if is_about_time(cell.fault)]
    others = [cell for cell in cells if not is_about_time(cell.fault)]
    with hurried():
        seen = _together(others, route)
        with patch.object(facts, "QUESTION_LIMIT_S", QUESTION_LIMIT_S), patch.object(retries, "PS_LIMIT_S", QUESTION_LIMIT_S):
            return dict(seen + _together(timed, route))


def is_about_time(fault: Fault) -> bool:
    return any(name.endswith("_timeout") for name in fault.saved)


def _together(cells: Sequence[Cell], route: str) -> list[tuple[str, Observed]]:
    pool = Pool(AT_ONCE)
    return list(pool.imap(lambda cell: (cell.name, observe(cell, route)), cells))

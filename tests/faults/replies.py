"""What a healthy server says to each request, as the lines of its answer: an operation's whole answer is one line unless it streams.

Lines have their line ends.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tests.faults.cells import Reply

CREATED = "2026-11-23T07:00:00.5Z"
COUNTS = {"done": True, "done_reason": "stop", "prompt_eval_count": 5, "eval_count": 2, "total_duration": 9_000_000}
SHOWN = {
    "capabilities": ["completion", "tools", "thinking"],
    "model_info": {"general.architecture": "llama", "llama.context_length": 4096, "llama.embedding_length": 4},
    "details": {"family": "llama"},
}
EMBEDDER = {**SHOWN, "capabilities": ["embedding"]}
ROUTES = {"chat": "/api/chat", "generate": "/api/generate", "embed": "/api/embed", "rerank": "/v1/rerank", "validate": "/api/show"}


def line(value: object) -> bytes:
    """One line of an answer."""
    return orjson.dumps(value) + b"\n"


def piece(route: str, *, text: str = "", thinking: str = "", calls: tuple[str, ...] = (), **more: object) -> bytes:
    """One line of a streamed answer in the words of its route."""
    known: dict[str, Any] = {"model": "m", "created_at": CREATED, "done": False}
    said: dict[str, Any] = {"thinking": thinking} if thinking else {}
    if calls:
        said["tool_calls"] = [{"id": f"call_{name}", "function": {"index": 0, "name": name, "arguments": {"q": "x"}}} for name in calls]
    spoken = {"message": {"role": "assistant", "content": text, **said}} if route == ROUTES["chat"] else {"response": text, **said}
    return line(known | spoken | more)


def done(route: str, **more: object) -> bytes:
    """The last line of a streamed answer."""
    return piece(route, **{**COUNTS, **more})  # type: ignore[arg-type]  # counters beside the named parts of a line


def refused(text: str) -> bytes:
    """An error as a line."""
    return line({"error": text})


STREAMED: Mapping[Reply, Callable[[str], list[bytes]]] = {
    Reply.PLAIN: lambda route: [piece(route, text="Hel"), piece(route, text="lo"), done(route)],
    Reply.THOUGHT: lambda route: [piece(route, thinking="hm"), piece(route, text="Hello"), done(route)],
    Reply.CALLS: lambda route: [piece(route, calls=("look",)), piece(route, calls=("find",)), done(route)],
}


def lines_of(route: str, asked: Mapping[str, Any], reply: Reply) -> list[bytes]:
    """The good answer to a request. Raises LookupError for a route that the server does not have."""
    if route in {ROUTES["chat"], ROUTES["generate"]}:
        return STREAMED[reply](route)
    return [line(WHOLE[route](asked))]


WHOLE: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "/api/version": lambda asked: {"version": "0.33.0"},
    "/api/show": lambda asked: EMBEDDER if asked.get("model") == "embedder" else SHOWN,
    "/api/embed": lambda asked: {"embeddings": [[0.5, 0.5, 0.5, 0.5] for _ in asked["input"]], "prompt_eval_count": 4},
    "/v1/rerank": lambda asked: {"results": [{"index": n, "relevance_score": 0.5 + n} for n in range(len(asked["documents"]))]},
}

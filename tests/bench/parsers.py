"""The translator beside other libraries that read the same reply: `python -m tests.bench.parsers TOKENS REPEATS`.

It needs `ollama` and `langchain-ollama`, so it runs in an environment of its own (`tests/bench/library.py`). The other libraries get the
bytes from a transport in memory. Theirs includes what they do per line by themselves: httpx's lines, pydantic, LangChain's callbacks.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Any

from tests.bench.cost import best_us
from tests.bench.replies import LAST, lines, thinking_lines, tool_lines
from translator.limits import DEFAULT_LIMITS, Limits
from translator.response.stream import ReplyStream

MOST_CALLS = 1_000
"""Of one answer; more are refused."""
MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
OURS, PARSING, CLIENT, LANGCHAIN = "ours", "ollama, ready lines", "ollama", "langchain-ollama"


def feed(parts: Iterable[bytes], limits: Limits = DEFAULT_LIMITS) -> int:
    """A whole reply through the translator; gives the number of deltas."""
    numbers = count()
    stream = ReplyStream(model="m", new_id=lambda: f"call_new_{next(numbers)}", estimate_prompt=lambda: 1, limits=limits)
    return sum(len(stream.feed(part)) for part in parts)


def parsed_alone(rows: Sequence[bytes]) -> int:
    """What `ollama` does with a line, without its client."""
    import ollama

    return sum(1 for _ in (ollama.ChatResponse(**json.loads(row)) for row in rows))


def transport(rows: Sequence[bytes]) -> Any:
    """A connection that has the reply already, a line a read."""
    import httpx

    class Body(httpx.SyncByteStream):
        def __iter__(self) -> Any:
            return iter(rows)

    return httpx.MockTransport(lambda _: httpx.Response(200, stream=Body()))


def consumed(parts: Iterable[object]) -> int:
    """The number of parts."""
    return sum(1 for _ in parts)


def readers(rows: Sequence[bytes]) -> dict[str, Callable[[], int]]:
    """A job for each library: the whole reply, to what its user gets."""
    import ollama
    from langchain_ollama import ChatOllama

    through = transport(rows)
    client, chat = ollama.Client(transport=through), ChatOllama(model="m", client_kwargs={"transport": through})
    return {
        OURS: partial(feed, rows),
        PARSING: partial(parsed_alone, rows),
        CLIENT: lambda: consumed(client.chat("m", MESSAGES, stream=True)),
        LANGCHAIN: lambda: consumed(chat.stream(MESSAGES)),
    }


def main() -> None:
    """Prints nanoseconds per line, by the kind of the reply and by library: the best of a few runs, in turn."""
    tokens, repeats = int(sys.argv[1]), int(sys.argv[2])
    found: dict[str, dict[str, float]] = {}
    for kind, row in (("text", lines(tokens)), ("thinking", thinking_lines(tokens)), ("tool calls", tool_lines(min(tokens, MOST_CALLS)))):
        jobs = readers([*row, LAST])
        runs = [{name: best_us(job, 1) for name, job in jobs.items()} for _ in range(repeats)]
        found[kind] = {name: min(run[name] for run in runs) / len(row) * 1e3 for name in jobs}
    print(json.dumps(found))


if __name__ == "__main__":
    main()

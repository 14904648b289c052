"""Separates thinking from the answer in the stream of another server, here one that speaks OpenAI's protocol.

curl -N http://localhost:8000/v1/chat/completions -d '{"stream": true, ...}' | python examples/split_thinking.py
"""

import json
import sys
from collections.abc import Iterable, Iterator

from translator import ThinkSplitter


def texts(lines: Iterable[str]) -> Iterator[str]:
    """The pieces of text in server-sent events."""
    for line in lines:
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data != "[DONE]":
            for choice in json.loads(data)["choices"]:
                yield choice["delta"].get("content") or ""


def main(lines: Iterable[str]) -> None:
    splitter = ThinkSplitter()
    for text in texts(lines):
        show(splitter.feed(text))
    show(splitter.end())
    print()


def show(pieces: Iterable[tuple[str, str]]) -> None:
    """Thinking in grey."""
    for kind, piece in pieces:
        print(f"\x1b[90m{piece}\x1b[0m" if kind == "thinking" else piece, end="", flush=True)


if __name__ == "__main__":
    main(sys.stdin)

"""Readers of chunks in Dify that are no library: re-stated in a few lines each, from what their code does.

Each takes chunks as decoded JSON and gives what that reader believes the answer was. Where readers disagree about the same chunks,
a plugin must send what all of them read alike.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from tests.stdio.whole_answers import calls_of, text_of, usage_of

type Chunk = Mapping[str, Any]
type Calls = list[tuple[str, dict[str, Any]]]

OPEN, CLOSE = "<think>", "</think>"


@attrs.define
class Round:
    """One round of an agent: tools to run with their arguments, text for the history, text that the person saw, summed tokens."""

    calls: Calls = attrs.field(factory=list)
    ids: list[str] = attrs.field(factory=list)
    text: str = ""
    shown: str = ""
    thinking: str = ""
    tokens: int = 0


def function_calling_agent(chunks: Iterable[Chunk]) -> Round:
    """The streaming function-calling strategy: extends its list by the calls of each chunk and parses their arguments at once; sums usages;
    sees thinking only by chunks that are a tag and nothing else; shows no text after a call.
    """
    found, inside = Round(), False
    for chunk in chunks:
        for call in calls_of(chunk):
            found.calls.append((call["function"]["name"], json.loads(call["function"]["arguments"] or "{}")))
            found.ids.append(call["id"])
        text = text_of(chunk)
        found.text += text
        found.tokens += sum(usage_of(chunk)) if chunk["delta"]["usage"] else 0
        if text.strip() in {OPEN, CLOSE}:
            inside = text.strip() == OPEN
        elif inside:
            found.thinking += text
        elif not found.calls:
            found.shown += text
    return found


def blocking_agent(chunks: Iterable[Chunk]) -> Round:
    """The SDK's backwards invocation for agents that do not stream: text joined, tokens summed, calls replaced by those of the latest chunk
    that has any.
    """
    found, latest = Round(), list[dict[str, Any]]()
    for chunk in chunks:
        found.text += text_of(chunk)
        found.tokens += sum(usage_of(chunk)) if chunk["delta"]["usage"] else 0
        latest = calls_of(chunk) or latest
    found.calls = [(call["function"]["name"], json.loads(call["function"]["arguments"] or "{}")) for call in latest]
    found.ids = [call["id"] for call in latest]
    return found


def react_parser(chunks: Iterable[Chunk]) -> str:
    """The ReAct strategy: drops thinking by literal tags within one chunk, counting their depth; a tag cut in two is text to it, and an
    open one swallows the rest.
    """
    depth, kept = 0, ""
    for chunk in chunks:
        rest = text_of(chunk)
        while rest:
            places = [(rest.find(tag), tag) for tag in (OPEN, CLOSE) if tag in rest]
            at, tag = min(places, default=(len(rest), ""))
            kept += "" if depth else rest[:at]
            depth = max(0, depth + {OPEN: 1, CLOSE: -1, "": 0}[tag])
            rest = rest[at + len(tag) :]
    return kept


def first_chunk_only(chunks: Sequence[Chunk]) -> Chunk:
    """Dify before 1.13, asked for an answer in one piece: the first chunk is all it reads."""
    return chunks[0]

"""Whole answers, added up from Dify's chunks or read from a recording, so that the two compare."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from fixtures.recordings import Exchange
from plugin_entry.dify.errors import CLASSES
from tests.stdio.daemon import Reply
from tests.translator.stream_player import new_stream, outcome
from translator.response.chunks import CLOSE_TAG, OPEN_TAG
from translator.shapes.dify import Usage
from translator.shapes.events import FailureDelta

ESTIMATED = -1
"""Stands for a number of tokens that the plugin estimated because the server did not say."""


@attrs.frozen(slots=True, kw_only=True)
class WholeAnswer:
    """A whole answer. `calls` are (name, arguments); `usage` (prompt, completion) tokens; the error's class name and its text."""

    text: str
    calls: tuple[tuple[str, str], ...] = ()
    finish_reason: str | None = None
    usage: tuple[int, int] | None = None
    error_type: str = ""
    message: str = ""

    def without_estimates(self, expected: "WholeAnswer") -> "WholeAnswer":
        """The same, with numbers blanked where `expected` does not know them; an estimate must be positive."""
        if self.usage is None or expected.usage is None or expected.usage[0] != ESTIMATED:
            return self
        assert self.usage[0] > 0
        return attrs.evolve(self, usage=(ESTIMATED, self.usage[1]))


def whole_answer(reply: Reply) -> WholeAnswer:
    """What the chunks of a reply add up to."""
    chunks = reply.payloads
    calls = [call for chunk in chunks for call in calls_of(chunk)]
    finals = [chunk["delta"] for chunk in chunks if chunk["delta"]["finish_reason"] is not None]
    usages = [usage_of(chunk) for chunk in chunks if chunk["delta"]["usage"] is not None]
    return WholeAnswer(
        text="".join(text_of(chunk) for chunk in chunks),
        calls=tuple((call["function"]["name"], call["function"]["arguments"]) for call in calls),
        finish_reason=finals[-1]["finish_reason"] if finals else None,
        usage=usages[-1] if usages else None,
        error_type=reply.error_type,
        message=reply.message,
    )


def recorded_answer(exchange: Exchange, model: str) -> WholeAnswer:
    """What a recording says when it is read without any plugin around it."""
    stream = new_stream(model)
    deltas = [*stream.feed(exchange.body), *stream.end()]
    read = outcome(deltas)
    failures = [delta.error for delta in deltas if isinstance(delta, FailureDelta)]
    return WholeAnswer(
        text=read.text,
        calls=tuple(read.call_facts),
        finish_reason=None if read.finish_reason is None else read.finish_reason.value,
        usage=None if read.usage is None else (_prompt_tokens(read.usage), read.usage.completion_tokens),
        error_type=CLASSES[failures[0].family].__name__ if failures else "",
        message=failures[0].problem.message if failures else "",
    )


def _prompt_tokens(usage: Usage) -> int:
    return ESTIMATED if usage.estimated else usage.prompt_tokens


def text_of(chunk: Mapping[str, Any]) -> str:
    """The text of a chunk."""
    text: str = chunk["delta"]["message"]["content"]
    return text


def calls_of(chunk: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tool calls of a chunk."""
    calls: list[dict[str, Any]] = chunk["delta"]["message"]["tool_calls"]
    return calls


def usage_of(chunk: Mapping[str, Any]) -> tuple[int, int]:
    """Prompt and completion tokens of a chunk that has a usage."""
    usage = chunk["delta"]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    return usage["prompt_tokens"], usage["completion_tokens"]


def check_order(chunks: Sequence[Mapping[str, Any]], *, failed: bool) -> None:
    """The one order that every consumer in Dify reads right: text, tags alone and balanced, one chunk with all calls, one final chunk."""
    deltas = [chunk["delta"] for chunk in chunks]
    assert [delta["index"] for delta in deltas] == list(range(len(deltas)))
    _check_tags([text_of(chunk) for chunk in chunks])
    _check_calls([calls_of(chunk) for chunk in chunks])
    ends = [position for position, delta in enumerate(deltas) if delta["finish_reason"] is not None or delta["usage"] is not None]
    assert ends == ([] if failed else [len(deltas) - 1])
    for end in ends:
        assert deltas[end]["finish_reason"]
        assert deltas[end]["usage"]


def _check_tags(texts: list[str]) -> None:
    tags = [text for text in texts if "think>" in text]
    assert tags == [OPEN_TAG, CLOSE_TAG] * (len(tags) // 2), tags


def _check_calls(calls: list[list[dict[str, Any]]]) -> None:
    places = [position for position, each in enumerate(calls) if each]
    assert len(places) <= 1
    if places:
        assert places[0] == len(calls) - 2, "the calls stand right before the final chunk"
        ids = [call["id"] for call in calls[places[0]]]
        assert len(set(ids)) == len(ids)
        assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in calls[places[0]])

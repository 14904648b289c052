"""Dify's agents read every recorded answer, as the plugin sends it, to the same end."""

import json
import re

import pytest

from fixtures.recordings import Exchange
from tests.consumers.doubles import blocking_agent, function_calling_agent, react_parser
from tests.stdio.recorded_replies import model_of, replies
from tests.stdio.told import Told, told_by_recording
from tests.translator.replaying import answers, label

THINKING = re.compile(r"<think>\n(.*?)\n</think>", re.DOTALL)
EVERY = pytest.mark.parametrize("exchange", answers(), ids=label)


def read(exchange: Exchange) -> Told:
    return told_by_recording(exchange, model_of(exchange))


def wanted_calls(told: Told) -> list[tuple[str, object]]:
    return [(name, json.loads(arguments)) for name, arguments in told.calls]


@EVERY
def test_streaming_agent(exchange: Exchange) -> None:
    told, found = read(exchange), function_calling_agent(replies()[exchange.address].payloads)
    assert found.calls == wanted_calls(told)
    assert (found.text, found.thinking) == (told.text, "".join(THINKING.findall(told.text)))
    assert found.shown == THINKING.sub("", told.text) if not told.calls else THINKING.sub("", told.text).startswith(found.shown)
    assert bool(found.tokens) == (told.usage is not None)


@EVERY
def test_agent_that_does_not_stream(exchange: Exchange) -> None:
    told, found = read(exchange), blocking_agent(replies()[exchange.address].payloads)
    assert (found.calls, found.text) == (wanted_calls(told), told.text)
    assert len(set(found.ids)) == len(found.ids)


@EVERY
def test_both_agents_count_the_same_tokens(exchange: Exchange) -> None:
    chunks = replies()[exchange.address].payloads
    told = read(exchange)
    counted = {function_calling_agent(chunks).tokens, blocking_agent(chunks).tokens}
    assert len(counted) == 1
    if told.usage is not None and told.usage[0] > 0:
        assert counted == {sum(told.usage)}


@EVERY
def test_react_parser(exchange: Exchange) -> None:
    assert react_parser(replies()[exchange.address].payloads) == THINKING.sub("", read(exchange).text)


def test_the_recordings_hold_what_is_compared() -> None:
    """Otherwise equal results would be empty results."""
    told = [read(exchange) for exchange in answers()]
    assert sum(bool(THINKING.search(each.text)) for each in told) > 50
    assert sum(len(each.calls) > 1 for each in told) > 5
    assert sum(bool(each.error_type) for each in told) > 20

"""Dify's agents read every recorded answer, as the plugin sends it, to the same end."""

import functools
import json
import re

import pytest

from fixtures.recordings import Exchange, load
from tests.consumers.doubles import blocking_agent, function_calling_agent, react_parser
from tests.stdio.recorded_replies import model_of, replies
from tests.stdio.whole_answers import WholeAnswer, recorded_answer
from tests.translator.stream_player import answers, label

THINKING = re.compile(r"<think>\n(.*?)\n</think>", re.DOTALL)


def read(exchange: Exchange) -> WholeAnswer:
    return _read(exchange.address)


@functools.cache
def _read(address: str) -> WholeAnswer:
    exchange = load(*address.split("/"))
    return recorded_answer(exchange, model_of(exchange))


def wanted_calls(told: WholeAnswer) -> list[tuple[str, object]]:
    return [(name, json.loads(arguments)) for name, arguments in told.calls]


def streaming_agent(exchange: Exchange) -> None:
    told, found = read(exchange), function_calling_agent(replies()[exchange.address].payloads)
    assert found.calls == wanted_calls(told)
    assert (found.text, found.thinking) == (told.text, "".join(THINKING.findall(told.text)))
    assert found.shown == THINKING.sub("", told.text) if not told.calls else THINKING.sub("", told.text).startswith(found.shown)
    assert bool(found.tokens) == (told.usage is not None)


def agent_that_does_not_stream(exchange: Exchange) -> None:
    told, found = read(exchange), blocking_agent(replies()[exchange.address].payloads)
    assert (found.calls, found.text) == (wanted_calls(told), told.text)
    assert len(set(found.ids)) == len(found.ids)


def both_agents_count_the_same_tokens(exchange: Exchange) -> None:
    chunks = replies()[exchange.address].payloads
    told = read(exchange)
    counted = {function_calling_agent(chunks).tokens, blocking_agent(chunks).tokens}
    assert len(counted) == 1
    if told.usage is not None and told.usage[0] > 0:
        assert counted == {sum(told.usage)}


def react_strategy(exchange: Exchange) -> None:
    assert react_parser(replies()[exchange.address].payloads) == THINKING.sub("", read(exchange).text)


@pytest.mark.parametrize("exchange", answers(), ids=label)
def test_every_agent_reads_the_same_end(exchange: Exchange) -> None:
    for check in (streaming_agent, agent_that_does_not_stream, both_agents_count_the_same_tokens, react_strategy):
        check(exchange)


def test_the_recordings_hold_what_is_compared() -> None:
    """Otherwise equal results would be empty results."""
    told = [read(exchange) for exchange in answers()]
    assert sum(bool(THINKING.search(each.text)) for each in told) > 50
    assert sum(len(each.calls) > 1 for each in told) > 5
    assert sum(bool(each.error_type) for each in told) > 20

"""Every recorded answer of every server version: the stream adds up to what the blocking reply says, whatever the cut of its bytes."""

import random

import pytest

from fixtures.recordings import Exchange, load, scenarios, versions
from tests.translator.stream_player import GENERATING, Outcome, answers, label, outcome, play

EXPLAINED = {
    "0.5.13/think-with-schema": "the model samples freely inside the grammar, two runs differ",
    "0.9.6/think-with-schema": "the model samples freely inside the grammar, two runs differ",
    "0.33.0-rc2/logprobs-with-tools": "the server does not keep the order of argument keys from run to run",
}
"""Pairs whose texts or arguments differ although both were read right."""

ERROR_OF_BOTH = {
    "0.24.0/coder-malformed-call": "tool_call_unreadable",
    "0.24.0/harmony-malformed-call": "tool_call_unreadable",
    "0.33.0-rc2/builtin-crash-midway": "runner_crashed",
    "0.33.0-rc2/coder-malformed-call": "tool_call_unreadable",
    "0.33.0-rc2/harmony-malformed-call": "tool_call_unreadable",
    "0.33.0-rc2/harmony-tool-cut-by-length": "tool_call_unreadable",
    "0.33.0-rc2/native-crash-midway": "runner_crashed",
    "0.33.0-rc2/native-crash-midway-message": "gpu_failed",
    "0.33.0-rc2/native-error-midway": "answer_unreadable",
    "0.33.0-rc2/native-generate-error": "runner_crashed",
    "0.33.0-rc2/qwen3-malformed-call": "tool_call_unreadable",
    "0.33.0-rc2/template-crash-midway": "runner_crashed",
    "0.33.0-rc2/template-crash-midway-message": "gpu_failed",
}
"""Failures in the middle: the blocking reply is a 5xx, the stream delivers its text and then the same error in band."""


def pairs() -> list[tuple[Exchange, Exchange]]:
    found = []
    for version in versions():
        names = set(scenarios(version))
        for name in sorted(names):
            if f"{name}-blocking" in names and load(version, name).path in GENERATING and load(version, name).status == 200:
                found.append((load(version, name), load(version, f"{name}-blocking")))
    return found


PAIRS = pairs()


def facts(result: Outcome) -> tuple[object, ...]:
    counted = result.usage and (result.usage.prompt_tokens, result.usage.completion_tokens)
    return result.text, result.call_facts, result.finish_reason, result.error, counted


@pytest.mark.parametrize(("stream", "blocking"), PAIRS, ids=[label(stream) for stream, _ in PAIRS])
def test_stream_equals_blocking(stream: Exchange, blocking: Exchange) -> None:
    streamed = outcome(play([stream.body]))
    if blocking.status != 200:
        assert streamed.error == ERROR_OF_BOTH[stream.address]
        return
    whole = outcome(play([blocking.body]))
    if stream.address in EXPLAINED:
        assert (streamed.finish_reason, streamed.error) == (whole.finish_reason, whole.error)
        assert sorted(name for name, _ in streamed.call_facts) == sorted(name for name, _ in whole.call_facts)
        return
    assert facts(streamed) == facts(whole)


def test_enough_pairs_are_compared() -> None:
    assert len(PAIRS) > 150


@pytest.mark.parametrize("exchange", answers(), ids=label)
def test_any_cut_of_the_bytes_gives_the_same_outcome(exchange: Exchange) -> None:
    body = exchange.body
    original = outcome(play([data for _, data in exchange.chunks]))
    assert outcome(play([body[at : at + 1] for at in range(len(body))])) == original
    dice = random.Random(exchange.address)
    for _ in range(4):
        cuts = sorted(dice.randrange(len(body) + 1) for _ in range(dice.randrange(1, 20)))
        parts = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        assert outcome(play(parts)) == original

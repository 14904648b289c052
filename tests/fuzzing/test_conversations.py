"""Whole conversations: every answer belongs to its own request and is whole, or ends in an error.

More of it: uv run python -m tests.fuzzing --conversations 2000 --seed N.
"""

from random import Random

import attrs
import pytest
from gevent.pool import Pool

from tests.fuzzing.conversations import (
    BAD,
    GOOD,
    TENANTS,
    Heard,
    StrayAnswerError,
    callers_of,
    check,
    converse,
    fuzz_conversations,
    one_later,
)

pytestmark = pytest.mark.usefixtures("_plugin_rests")

CONVERSATIONS = 48
SEED = 20261129


def test_every_answer_belongs_to_its_own_request() -> None:
    figures = fuzz_conversations(CONVERSATIONS, SEED)
    assert figures.conversations == CONVERSATIONS
    assert min(figures.whole, figures.errors, figures.left) > figures.calls / 20, "a run without much of each proves little"


def test_the_same_seed_gives_the_same_callers() -> None:
    assert callers_of(Random(1)) == callers_of(Random(1))
    assert {caller.kind for seed in range(40) for caller in callers_of(Random(seed))} == {"chat", "blocking", "completion", "embed"}


def test_a_server_has_all_its_ways() -> None:
    played = Pool(12).imap_unordered(lambda seed: converse(callers_of(Random(seed)), Random(seed))[1], range(24))
    assert {way for ways in played for each in ways.values() for way in each} == {*GOOD, *BAD}


@pytest.mark.parametrize("told", ["", "the beginning of it", "all of another"])
def test_a_wrong_answer_is_seen(told: str) -> None:
    one, other, *_ = callers_of(Random("two"))
    texts = {"the beginning of it": one.text[:-1], "all of another": other.text}
    with pytest.raises(StrayAnswerError):
        check(one, Heard(texts.get(told, told)), [one, other], {})
    assert not check(one, Heard(str(one.vector) if one.kind == "embed" else one.text), [one, other], {})


def test_the_words_of_another_tenant_are_wrong_whatever_the_server_does() -> None:
    first, *_ = callers_of(Random("two"))
    one, own, other = (
        attrs.evolve(first, name=name, tenant=tenant) for name, tenant in (("11111111", "a"), ("22222222", "a"), ("33333333", "b"))
    )
    ways = {caller.name: [one_later] for caller in (one, own, other)}
    assert check(one, Heard(own.text), [one, own, other], ways)
    with pytest.raises(StrayAnswerError):
        check(one, Heard(other.text), [one, own, other], ways)
    with pytest.raises(StrayAnswerError):
        check(one, Heard(TENANTS["b"].text), [one, own, other], ways)
    with pytest.raises(StrayAnswerError):
        check(one, Heard(own.text), [one, own, other], {other.name: [one_later]})

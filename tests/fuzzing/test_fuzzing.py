"""A slice of the fuzzing, the same in every run, and what it found so far.

More of it: uv run python -m tests.fuzzing --lines 1000000 --seed N.
"""

from random import Random
from unittest.mock import patch

import pytest

from tests.fuzzing import run
from tests.fuzzing.mutations import MUTATIONS, RAW, Mutation, cut, damaged
from tests.fuzzing.readers import READERS, Reader, check_deltas, read_stream
from tests.fuzzing.run import FuzzError, fuzz, recorded_lines
from tests.translator.stream_player import ESTIMATED_PROMPT, outcome, play
from translator.codec import dumps
from translator.shapes.dify import FinishReason
from translator.shapes.events import Delta, TextDelta, ThinkOpen

LINES = 20_000
SEED = 20261123


def test_nothing_but_documented_errors_comes_out() -> None:
    figures = fuzz(LINES, SEED)
    assert figures.lines >= LINES


# --- what it found -----------------------------------------------------------------------------------------------------------------


def call(arguments: bytes) -> bytes:
    return b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":' + arguments + b'}}]},"done":false}\n'


FOUND: dict[str, tuple[bytes, str]] = {
    "counter without end": (b'{"done":true,"eval_count":1e999}\n', "empty_answer"),
    "counter that is no number": (b'{"done":true,"eval_count":NaN}\n', "empty_answer"),
    "arguments as deep as JSON goes": (call(b'{"a":' * 1000 + b"1" + b"}" * 1000), "garbled_line"),
    "arguments deeper than can be sent back": (call(b'{"a":' * 201 + b"1" + b"}" * 201), "garbled_line"),
    "arguments that cannot be sent back": (call(b'{"a":[1e999]}'), "garbled_line"),
    "web page as the first line": (b"<html><head><title>Sign in</title>\n", "not_ollama"),
    "web page on one line": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "not_ollama"),
    "web page in the middle": (b'{"message":{"content":"a"},"done":false}\n<html>\n', "garbled_line"),
}


@pytest.mark.parametrize(("body", "code"), FOUND.values(), ids=FOUND)
def test_strange_line_is_an_error_like_any_other(body: bytes, code: str) -> None:
    assert outcome(play([body])).error == code


def test_arguments_may_be_as_deep_as_they_can_be_sent_back() -> None:
    deep = b'{"a":' * 200 + b"1" + b"}" * 200
    (found,) = outcome(play([call(deep), b'{"done":true}\n'])).calls
    assert found.arguments.encode() == deep


@pytest.mark.parametrize("counter", [-1, 2**53 + 1, 2**64, 10**30, 1e30], ids=str)
def test_counter_that_cannot_be_meant_counts_as_none(counter: float) -> None:
    counters = dict.fromkeys(("prompt_eval_count", "eval_count", "total_duration", "load_duration"), counter)
    found = outcome(play([dumps({"message": {"content": "abcdefgh"}, "done": True, **counters})]))
    assert found.finish_reason is FinishReason.STOP
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.estimated) == (ESTIMATED_PROMPT, 2, True)
    assert (found.usage.total_ns, found.usage.load_ns) == (0, 0)


# --- the fuzzing itself ------------------------------------------------------------------------------------------------------------


def test_same_seed_gives_the_same_damage() -> None:
    lines = recorded_lines()["answers"]

    def some(seed: int) -> list[bytes]:
        chance = Random(seed)
        return [damaged(chance.choice(lines), chance, lines) for _ in range(200)]

    assert some(1) == some(1)
    assert some(1) != some(2)


@pytest.mark.parametrize("mutation", set(MUTATIONS), ids=lambda mutation: mutation.__name__)
def test_every_mutation_damages(mutation: Mutation) -> None:
    lines, chance = recorded_lines()["answers"], Random(SEED)
    changed = [mutation(line, chance, lines) != line for line in lines[:100]]
    assert sum(changed) > 60


DOCUMENTS = (b"%b", b'{"error":%b}', b'{"message":%b,"done":true}', b'{"embeddings":[%b]}', b'{"results":%b}', b'{"model_info":%b}')


@pytest.mark.parametrize("reader", [*READERS.values(), read_stream], ids=[*READERS, "stream"])
def test_every_strange_value_alone(reader: Reader) -> None:
    for value in RAW:
        for document in DOCUMENTS:
            reader(document % value, Random(SEED))


@pytest.mark.parametrize("size", [0, 1, 10_000])
def test_pieces_are_the_whole(size: int) -> None:
    data = Random(size).randbytes(size)
    assert b"".join(cut(data, Random(SEED))) == data


def test_deltas_out_of_order_are_seen() -> None:
    disorders: tuple[list[Delta], ...] = ([ThinkOpen()], [TextDelta("a")], [ThinkOpen(), TextDelta("a")])
    for wrong in disorders:
        with pytest.raises(AssertionError):
            check_deltas(wrong)


def test_failure_names_its_case() -> None:
    def fails(data: bytes, chance: Random) -> None:
        raise ZeroDivisionError("oh")

    with patch.object(run, "read_stream", fails), pytest.raises(FuzzError, match=r"seed 5, case \d+, stream: ZeroDivisionError: oh"):
        fuzz(100, 5)

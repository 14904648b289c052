"""A piece that changes nothing: the way without an event gives the same deltas and the same counters as the way through the table."""

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.translator.stream_player import new_stream
from translator.limits import Limits
from translator.response.stream import ReplyStream
from translator.response.table import TABLE
from translator.shapes.events import Delta

TEXTS = st.sampled_from(["a", " ", "é", "<", "<think>", "</think>", "</thi", "nk>", "", "\n"])
PIECES = st.lists(st.tuples(st.sampled_from(["content", "thinking"]), TEXTS), max_size=40)
DONE = b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n'


def reply(pieces: list[tuple[str, str]]) -> bytes:
    rows: list[Any] = [{"message": {"content": "", key: text}, "done": False} for key, text in pieces]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def told(stream: ReplyStream, data: bytes, size: int) -> list[Delta]:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return [delta for part in parts for delta in stream.feed(part)] + stream.end()


@given(pieces=PIECES, size=st.integers(min_value=1, max_value=200), most=st.sampled_from([10, 10_000]), is_whole=st.booleans())
def test_nothing_differs_from_the_table(pieces: list[tuple[str, str]], size: int, most: int, is_whole: bool) -> None:
    data = reply(pieces) + (DONE if is_whole else b"")
    outcomes = []
    for is_short in (True, False):
        stream = attrs.evolve(new_stream(), limits=Limits(answer_bytes=most))
        with pytest.MonkeyPatch.context() as patch:
            if not is_short:
                patch.setattr("translator.response.stream.STEADY", {state: {} for state in TABLE})
            outcomes.append(([(repr(delta), getattr(delta, "text", "")) for delta in told(stream, data, size)], stream.state, stream.lines))
    assert outcomes[0] == outcomes[1]

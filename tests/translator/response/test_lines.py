"""Framing: whatever the cut, the same lines come out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.limits import Limits
from translator.response.lines import LineSplitter, LongLine

CASES = {
    "plain": (b"a\nb\n", [(1, b"a"), (2, b"b")]),
    "crlf": (b"a\r\nb\r\n", [(1, b"a"), (2, b"b")]),
    "bom": (b"\xef\xbb\xbfa\n", [(1, b"a")]),
    "bom only at the start": (b"a\n\xef\xbb\xbfb\n", [(1, b"a"), (2, b"\xef\xbb\xbfb")]),
    "blank lines are counted, not given": (b"\n\r\na\n  \nb\n", [(3, b"a"), (5, b"b")]),
    "no line end at the end": (b"a\nb", [(1, b"a"), (2, b"b")]),
    "nothing": (b"", []),
    "only a line end": (b"\n", []),
    "next line character stays inside": ("a\u0085b\u2028c\n".encode(), [(1, "a\u0085b\u2028c".encode())]),
    "form feed and lone cr stay inside": (b"a\x0cb\rc\n", [(1, b"a\x0cb\rc")]),
}


def split(parts: list[bytes]) -> list[tuple[int, bytes]]:
    splitter = LineSplitter()
    lines = [line for part in parts for line in splitter.feed(part)]
    return lines + splitter.end()


@pytest.mark.parametrize(("data", "lines"), CASES.values(), ids=CASES.keys())
def test_lines_whole_and_byte_by_byte(data: bytes, lines: list[tuple[int, bytes]]) -> None:
    assert split([data]) == lines
    assert split([data[at : at + 1] for at in range(len(data))]) == lines


@given(st.lists(st.binary(max_size=12)), st.lists(st.integers(0, 60)))
def test_any_cut_gives_the_same_lines(raw: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(raw)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    parts = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert split(parts) == split([data])


def test_a_line_of_many_megabytes_is_joined_once() -> None:
    line = b"x" * (5 * 1024 * 1024)
    assert split([line[at : at + 4096] for at in range(0, len(line), 4096)] + [b"\n"]) == [(1, line)]


@pytest.mark.parametrize("parts", [[b"ok\n", b"x" * 9, b"x" * 9], [b"ok\n" + b"x" * 18 + b"\n"]], ids=["in pieces", "at once"])
def test_a_line_over_the_limit_is_reported_with_its_number(parts: list[bytes]) -> None:
    splitter = LineSplitter(Limits(line_bytes=16))
    lines = [line for part in parts for line in splitter.feed(part)]
    assert lines[0] == (1, b"ok")
    assert splitter.too_long == LongLine(2, 18)

"""The standard input, read without a thread."""

import os
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent import monkey

from plugin_entry import sdk_stdin

CLOSE = monkey.get_original("os", "close")
"""At once, as the daemon's end is closed; gevent's waits for its hub."""


@pytest.fixture(name="pipe")
def own_pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    yield out, into
    CLOSE(out)


def test_gives_what_is_there_and_then_the_end(pipe: tuple[int, int]) -> None:
    out, into = pipe
    os.write(into, b"one\ntwo\n")
    assert sdk_stdin.read(out, 4) == b"one\n"
    assert sdk_stdin.read(out, 100) == b"two\n"
    CLOSE(into)
    assert sdk_stdin.read(out, 100) == b""


def test_others_run_while_nothing_comes(pipe: tuple[int, int]) -> None:
    out, into = pipe
    reader = gevent.spawn(sdk_stdin.read, out, 100)
    gevent.idle()
    assert not reader.ready()
    os.write(into, b"late")
    assert reader.get(timeout=5) == b"late"
    CLOSE(into)


def test_the_pipe_itself_is_left_as_it_was(pipe: tuple[int, int]) -> None:
    """Its other users, if there are any, expect one that waits."""
    out, into = pipe
    os.write(into, b"x")
    sdk_stdin.read(out, 1)
    assert os.get_blocking(out)
    CLOSE(into)


def test_a_file_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "requests"
    path.write_bytes(b"line\n")
    with path.open("rb") as file:
        assert sdk_stdin.read(file.fileno(), 100) == b"line\n"
        assert sdk_stdin.read(file.fileno(), 100) == b""

"""A daemon that does not read stops nobody but those who have too much to say, and nothing is lost."""

import os
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.dify.frames import LogStream
from plugin_entry.dify.output import LINE_LIMIT, MOST_OF_ONE_STREAM, MOST_WAITING, FairQueue, FrameOutput, nonblocking_copy
from tests.servers.loopback import PATIENCE_S
from translator.limits import FRAME_BYTES

PIECE = 64 * 1024
TURN_S = 0.0005
PIPE_HOLDS = 64 * 1024
"""Bytes, where nothing else was asked for."""


class Pipe:
    """An output that nobody reads until `read` is called."""

    def __init__(self) -> None:
        self.read_end, blocking = os.pipe()
        os.set_blocking(self.read_end, False)
        self.output = FrameOutput(nonblocking_copy(blocking))
        os.close(blocking)

    def read(self, size: int = 1 << 20) -> bytes:
        try:
            return os.read(self.read_end, size)
        except BlockingIOError:
            return b""

    def read_until(self, end: bytes) -> bytes:
        """Reads until a word comes; gives what came before it."""
        data = b""
        with gevent.Timeout(PATIENCE_S):
            while end not in data:
                data += self.read(PIECE)
                gevent.sleep(0)
        return data.partition(end)[0]

    def read_all(self) -> bytes:
        """Reads until nothing waits any more."""
        parts: list[bytes] = []
        with gevent.Timeout(PATIENCE_S):
            while self.output.waiting:
                parts.append(self.read())
                gevent.sleep(0 if parts[-1] else TURN_S)
        return b"".join([*parts, self.read(1 << 24)])


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.read_end)


def frame(number: int, size: int = PIECE) -> bytes:
    return b"%08d" % number + b"x" * (size - 10) + b"\n\n"


def test_a_full_pipe_blocks_nobody_and_loses_nothing(pipe: Pipe) -> None:
    frames = [frame(number) for number in range(MOST_WAITING // PIECE)]
    with gevent.Timeout(PATIENCE_S):
        for owner, each in enumerate(frames):
            pipe.output.write(each, owner)
            gevent.sleep(0)
    assert 0 < pipe.output.waiting <= MOST_WAITING
    assert pipe.read_all() == b"".join(frames)
    pipe.output.write(b"after\n\n")
    gevent.idle()
    assert pipe.read() == b"after\n\n"


def test_who_has_too_much_to_say_waits_and_the_memory_is_bounded(pipe: Pipe) -> None:
    said: list[int] = []
    writers, each = 20, 20

    def talk(writer: int) -> None:
        for number in range(each):
            pipe.output.write(frame(writer * each + number), writer)
            said.append(writer)

    talking = [gevent.spawn(talk, writer) for writer in range(writers)]
    gevent.sleep(0.05)
    assert pipe.output.waiting <= MOST_WAITING + PIECE
    assert len(said) < writers * each
    stuck = len(said)
    gevent.sleep(0.05)
    assert len(said) == stuck
    data = pipe.read_all()
    gevent.joinall(talking, timeout=PATIENCE_S, raise_error=True)
    data += pipe.read_all()
    numbers = [int(part[:8]) for part in data.split(b"\n\n") if part]
    assert sorted(numbers) == list(range(writers * each))
    for writer in range(writers):
        own = [number for number in numbers if number // each == writer]
        assert own == sorted(own), "the frames of one stream changed places"


def test_a_flood_waits_for_itself_and_stands_before_nobody(pipe: Pipe) -> None:
    said: list[int] = []

    def flood() -> None:
        for number in range(1000):
            pipe.output.write(frame(number), "flood")
            said.append(number)

    talking = gevent.spawn(flood)
    gevent.sleep(0.05)
    stuck = len(said)
    assert MOST_OF_ONE_STREAM <= stuck * PIECE <= MOST_OF_ONE_STREAM + PIPE_HOLDS + 3 * PIECE
    assert pipe.output.offer(b"a word of another\n\n", "other")
    assert not pipe.output.offer(b"a word of its own\n\n", "flood")
    before_it = pipe.read_until(b"a word of another\n\n")
    assert len(before_it) <= PIPE_HOLDS + 4 * PIECE
    talking.kill()


@given(sizes=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), max_size=30), least=st.integers(1, 40))
def test_streams_have_their_turns(sizes: list[tuple[int, int]], least: int) -> None:
    queue = FairQueue()
    waiting: dict[int, list[bytes]] = {}
    for number, (owner, size) in enumerate(sizes):
        waiting.setdefault(owner, []).append(b"%d" % number + b"x" * size + b"\n")
        queue.put(owner, waiting[owner][-1])
    assert [queue.size_of(owner) for owner in range(4)] == [sum(map(len, waiting.get(owner, []))) for owner in range(4)]
    portions: list[bytes] = []
    while queue:
        portions.append(queue.take(least))
    rounds = zip_longest(*waiting.values(), fillvalue=b"")
    assert b"".join(portions) == b"".join(frame for each in rounds for frame in each)
    assert all(len(portion) >= least for portion in portions[:-1])
    assert [queue.size_of(owner) for owner in range(4)] == [0] * 4


def test_a_writer_that_waits_can_be_ended(pipe: Pipe) -> None:
    fill(pipe)
    writer = gevent.spawn(pipe.output.write, b"never\n\n")
    gevent.idle()
    writer.kill(timeout=PATIENCE_S)
    assert b"never" not in pipe.read_all()


def fill(pipe: Pipe) -> None:
    number = 0
    while pipe.output.has_room(number):
        pipe.output.write(frame(0), number)
        number += 1


def test_who_logs_never_waits(pipe: Pipe, capsys: pytest.CaptureFixture[str]) -> None:
    fill(pipe)
    LogStream(pipe.output).write('{"event":"log"}\n\n')
    LogStream(pipe.output).write("x" * (LINE_LIMIT + 1))
    assert '{"event":"log"}' in capsys.readouterr().err
    assert b"log" not in pipe.read_all()


def test_the_hub_itself_never_waits(pipe: Pipe) -> None:
    fill(pipe)
    done = Event()

    def write() -> None:
        pipe.output.write(b"from the hub\n\n")
        done.set()

    gevent.get_hub().loop.run_callback(write)
    assert done.wait(PATIENCE_S)
    assert pipe.read_all().endswith(b"from the hub\n\n")


def test_a_reader_that_has_gone_is_told_once_and_nobody_waits() -> None:
    pipe, lost = Pipe(), list[str]()
    pipe.output.on_lost = lambda: lost.append("lost")
    assert pipe.output.has_reader()
    fill(pipe)
    writer = gevent.spawn(pipe.output.write, b"late\n\n")
    gevent.idle()
    os.close(pipe.read_end)
    gevent.sleep(0.01)  # gevent's `close` is done a little later
    writer.get(timeout=PATIENCE_S)
    pipe.output.write(b"later\n\n")
    gevent.idle()
    assert (lost, pipe.output.is_lost, pipe.output.waiting, pipe.output.has_reader()) == (["lost"], True, 0, False)
    assert not pipe.output.drain(PATIENCE_S)


def test_the_end_waits_for_the_last_frames_but_not_for_ever(pipe: Pipe) -> None:
    fill(pipe)
    assert not pipe.output.drain(0.05)
    reader = gevent.spawn(pipe.read_all)
    assert pipe.output.drain(PATIENCE_S)
    reader.get(timeout=PATIENCE_S)


def test_a_call_that_is_interrupted_or_takes_a_part_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = b""

    def reluctant(_: int, data: memoryview) -> int:
        nonlocal taken
        taken += bytes(data[:3])
        return min(3, len(data))

    monkeypatch.setattr(os, "write", reluctant)
    output = FrameOutput(-1)
    output.write(b"one whole line\n\n")
    output.flush()
    assert (taken, output.waiting) == (b"one whole line\n\n", 0)


def test_the_shared_end_of_a_pipe_stays_as_it_was(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    own = nonblocking_copy(write_end)
    assert os.get_blocking(write_end)
    assert os.get_blocking(own) is (not Path("/proc/self/fd").exists())
    for each in (own, write_end, read_end):
        os.close(each)
    with (tmp_path / "file").open("wb") as file:
        file.write(b"before ")
        file.flush()
        os.write(nonblocking_copy(file.fileno()), b"after")
    assert (tmp_path / "file").read_bytes() == b"before after"


def test_vectors_are_planned_for_the_longest_line() -> None:
    """Two constants, as `frame_output` is there before the translator is imported; a plan for longer lines would fail at the last step."""
    assert FRAME_BYTES == LINE_LIMIT

"""When a stream is read again."""

import pytest

from plugin_entry.network.selector import (
    BUSY_LINES,
    FLOOD_LINES,
    FULL_LINES,
    LONGEST_REST_S,
    REQUEST_LINES,
    WINDOW_S,
    Pace,
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def rests_after(pace: Pace, lines: int) -> bool | None:
    """Whether a stream rests after a read of so many lines, None when that was not said."""
    said: list[bool] = []
    pace.set_rest = lambda _, rests: said.append(rests)
    pace.note_read(lines, descriptor=7)
    return said[-1] if said else None


def reads(pace: Pace, clock: Clock, count: int, seconds: float) -> bool | None:
    """`count` reads of one line, evenly over so many seconds."""
    rests: bool | None = False
    for _ in range(count):
        clock.now += seconds / count
        rests = rests_after(pace, 1)
    return rests


def test_an_idle_process_reads_at_once() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert reads(pace, clock, 50, 1.0) is False
    assert pace.rest_s == 0.0


@pytest.mark.parametrize(
    ("lines", "rest"),
    [
        pytest.param(BUSY_LINES - 1, 0.0, id="below"),
        pytest.param(BUSY_LINES, LONGEST_REST_S * BUSY_LINES / FULL_LINES, id="begins"),
        pytest.param(FULL_LINES // 2, LONGEST_REST_S / 2, id="half"),
        pytest.param(FULL_LINES * 10, LONGEST_REST_S, id="never longer"),
    ],
)
def test_the_rest_grows_with_the_load_up_to_its_limit(lines: int, rest: float) -> None:
    clock = Clock()
    pace = Pace(clock)
    reads(pace, clock, 1, 0.0)
    reads(pace, clock, lines - 1, WINDOW_S * 0.9)
    assert pace.rest_s == pytest.approx(rest)


def test_many_lines_make_streams_rest_before_their_window_is_over() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert reads(pace, clock, FULL_LINES, WINDOW_S / 2) is True


def test_new_requests_are_load() -> None:
    pace = Pace(Clock())
    for _ in range(BUSY_LINES // REQUEST_LINES):
        pace.begin()
    assert pace.rest_s > 0


def test_one_quiet_window_ends_the_rests() -> None:
    clock = Clock()
    pace = Pace(clock)
    reads(pace, clock, FULL_LINES, WINDOW_S / 2)
    clock.now += 3 * WINDOW_S
    assert rests_after(pace, 1) is False


def test_the_last_window_still_counts_in_the_next() -> None:
    clock = Clock()
    pace = Pace(clock)
    reads(pace, clock, FULL_LINES, WINDOW_S * 0.99)
    clock.now += WINDOW_S / 10
    assert rests_after(pace, 1) is True


@pytest.mark.parametrize(("lines", "rests"), [(FLOOD_LINES, False), (FLOOD_LINES - 1, True)])
def test_a_flood_does_not_rest(lines: int, rests: bool) -> None:
    """It is faster than any model."""
    clock = Clock()
    pace = Pace(clock)
    reads(pace, clock, FULL_LINES, WINDOW_S / 2)
    assert rests_after(pace, lines) is rests


def test_a_piece_of_a_whole_is_wanted_at_once_in_a_busy_process_too() -> None:
    """Vectors come as one line of megabytes: 256 texts took a tenth of a second longer while 500 streams talked."""
    clock = Clock()
    pace = Pace(clock)
    reads(pace, clock, FULL_LINES, WINDOW_S / 2)
    assert rests_after(pace, 1) is True
    assert rests_after(pace, 0) is False


def test_a_body_that_is_here_leaves_its_descriptor_alone() -> None:
    """The connection belongs to the next request by then."""
    pace = Pace(Clock())
    pace.set_rest = lambda *_: pytest.fail("it was touched")
    pace.note_read(FLOOD_LINES, descriptor=None)


def test_text_never_waits_longer_than_promised() -> None:
    assert LONGEST_REST_S < 0.05

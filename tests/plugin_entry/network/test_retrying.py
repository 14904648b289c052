"""How often and how long: two more tries, within 45 seconds, as the server asks or with growing waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.network.retries import LONGEST_S, RETRIES, Retries

NOW = 1_800_000_000.0


def waits(chance: float, *asked: str) -> list[float | None]:
    retries = Retries(chance=lambda: chance, now=lambda: NOW)
    return [retries.wait(text) for text in asked]


@pytest.mark.parametrize(
    ("chance", "asked", "expected"),
    [
        pytest.param(0.0, ("", "", ""), [0.25, 1.0, None], id="shortest"),
        pytest.param(1.0, ("", "", ""), [0.5, 2.0, None], id="longest"),
        pytest.param(0.0, ("0", "0", "0"), [0.0, 0.0, None], id="at once"),
        pytest.param(0.5, ("30", "30"), [31.5, None], id="Xinference loads: once, not twice"),
        pytest.param(0.0, ("3600", ""), [None, 0.25], id="more than there is"),
        pytest.param(0.0, ("Fri, 15 Jan 2027 08:00:07 GMT",), [7.0], id="a date"),
        pytest.param(0.0, ("Fri, 15 Jan 2016 08:00:07 GMT",), [0.0], id="a date that is over"),
        pytest.param(0.0, ("soon",), [0.25], id="no time"),
        pytest.param(0.0, ("-1",), [0.25], id="no time at all"),
    ],
)
def test_waits(chance: float, asked: tuple[str, ...], expected: list[float | None]) -> None:
    assert waits(chance, *asked) == pytest.approx(expected)


@given(st.lists(st.one_of(st.text(max_size=8), st.integers(0, 100).map(str)), max_size=9), st.floats(0, 1))
def test_all_waits_are_bounded(asked: list[str], chance: float) -> None:
    given_ = [seconds for seconds in waits(chance, *asked) if seconds is not None]
    assert len(given_) <= RETRIES
    assert sum(given_) <= LONGEST_S
    assert all(seconds >= 0 for seconds in given_)

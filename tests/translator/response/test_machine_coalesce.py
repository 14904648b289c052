"""Joining neighbours: the outputs put together are the inputs put together."""

from hypothesis import given
from hypothesis import strategies as st

from translator.limits import Limits
from translator.response.machine import DeltaBuffer
from translator.shapes.events import THINK_CLOSE, THINK_OPEN, Delta, TextDelta, ThinkDelta

ITEMS = st.lists(
    st.one_of(
        st.text(min_size=1, max_size=6).map(TextDelta),
        st.text(min_size=1, max_size=6).map(ThinkDelta),
        st.sampled_from([THINK_OPEN, THINK_CLOSE]),
    ),
    max_size=30,
)


def spelled(deltas: list[Delta]) -> list[tuple[str, str]]:
    """One entry per character or tag, which joining must not change."""
    return [(type(delta).__name__, char) for delta in deltas for char in (getattr(delta, "text", "") or "-")]


@given(ITEMS, st.integers(1, 8), st.lists(st.integers(0, 30)))
def test_outputs_are_inputs(items: list[Delta], frame: int, takes: list[int]) -> None:
    buffer = DeltaBuffer(Limits(frame_chars=frame))
    out: list[Delta] = []
    for position, item in enumerate(items):
        if isinstance(item, TextDelta | ThinkDelta):
            buffer.text(type(item), item.text)
        else:
            buffer.add(item)
        if position in takes:
            out += buffer.take()
    out += buffer.take()
    assert spelled(out) == spelled(items)
    assert all(len(delta.text) <= frame for delta in out if isinstance(delta, TextDelta | ThinkDelta))


def test_neighbours_of_one_kind_leave_as_one() -> None:
    buffer = DeltaBuffer()
    for word in ("a", "b", "c"):
        buffer.text(TextDelta, word)
    buffer.text(ThinkDelta, "d")
    assert buffer.take() == [TextDelta("abc"), ThinkDelta("d")]
    assert buffer.take() == []

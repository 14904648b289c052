"""keep_alive in all its spellings, held against what servers accepted and refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import Exchange, every
from tests.go.go_server import Refused, read_keep_alive
from translator.errors import Family, RequestError
from translator.request.keep_alive import MAX_SECONDS, keep_alive_to_wire

GOOD: dict[str, tuple[object, object]] = {
    "seconds": (300, 300),
    "seconds as text": ("300", 300),
    "fraction": (1.5, 1.5),
    "fraction as text": ("1.5", 1.5),
    "whole float": (300.0, 300),
    "zero": (0, 0),
    "zero as text": ("0", 0),
    "minus one": (-1, -1),
    "minus one as text": ("-1", -1),
    "very negative": (-1e300, -1),
    "forever": ("Forever", -1),
    "never": ("never", 0),
    "minutes": ("5m", "5m"),
    "hours and minutes": (" 1h30m ", "1h30m"),
    "fraction of an hour": ("1.5h", "1.5h"),
    "milliseconds": ("500ms", "500ms"),
    "micro": ("3µs", "3µs"),
    "negative duration": ("-1s", "-1s"),
    "longest": (MAX_SECONDS, MAX_SECONDS),
    "nothing": (None, None),
    "blank": ("  ", None),
}
BAD = ["1d", "soon", "5 m", "m5", "1h30", True, False, [], {}, math.nan, math.inf, MAX_SECONDS + 1, "9999999h", "٥m", "1e400", "5m;"]


@pytest.mark.parametrize(("value", "expected"), GOOD.values(), ids=GOOD)
def test_spelling(value: object, expected: object) -> None:
    wire = keep_alive_to_wire(value)
    assert wire == expected
    assert type(wire) is type(expected)
    read_keep_alive(wire)


@pytest.mark.parametrize("value", BAD, ids=lambda value: repr(value)[:20])
def test_refused(value: object) -> None:
    with pytest.raises(RequestError, match=r"^keep_alive is not a time .*5m") as caught:
        keep_alive_to_wire(value)
    assert caught.value.code == "keep_alive_invalid"
    assert caught.value.family is Family.BAD_REQUEST


def _sent_keep_alive(exchange: Exchange) -> bool:
    return isinstance(exchange.request_body, dict) and "keep_alive" in exchange.request_body


@pytest.mark.parametrize("exchange", every(_sent_keep_alive), ids=lambda exchange: exchange.address)
def test_double_agrees_with_servers(exchange: Exchange) -> None:
    """And what a server refused comes out in a form the double takes."""
    value = exchange.request_body["keep_alive"]
    if exchange.status == 400:
        with pytest.raises(Refused) as refused:
            read_keep_alive(value)
        assert str(refused.value).replace('"', '\\"').encode() in exchange.body
    else:
        read_keep_alive(value)
    read_keep_alive(keep_alive_to_wire(value))


@given(
    st.one_of(st.integers(), st.floats(), st.text(max_size=8), st.from_regex(r"-?[0-9.]{1,4}(h|m|s|ms|d)?([0-9]{1,2}m)?", fullmatch=True))
)
def test_never_what_the_server_refuses(value: object) -> None:
    try:
        wire = keep_alive_to_wire(value)
    except RequestError:
        return
    read_keep_alive(wire)

"""Loosely typed values: converted where the meaning is plain, refused otherwise."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.scalars import MAX_EXACT, as_bool, as_float, as_int, is_blank

INTS = {
    "int": (7, 7),
    "text": (" 40 ", 40),
    "negative text": ("-1", -1),
    "plus": ("+5", 5),
    "whole float": (4096.0, 4096),
    "text of a whole float": ("4096.0", 4096),
    "exponent": ("1.048576e+06", 1048576),
    "largest": (MAX_EXACT, MAX_EXACT),
}
NO_INTS = [
    True,
    False,
    40.5,
    "40.5",
    "40 tokens",
    "1_000",
    "٤٠",
    "0x10",
    "",
    None,
    [],
    math.inf,
    math.nan,
    "nan",
    "inf",
    2**60,
    "9" * 400,
    10**400,
]
FLOATS = {"float": (0.7, 0.7), "int stays int": (0, 0), "text": ("0.7", 0.7), "leading point": (".5", 0.5), "text of an int": ("2", 2)}
NO_FLOATS = [True, "hot", "1,5", "", None, math.nan, math.inf, -math.inf, "NaN", "1e999", {}, 10**400]
BOOLS = {
    "true": (True, True),
    "false": (False, False),
    "word": ("True", True),
    "no": ("no", False),
    "one": (1, True),
    "zero text": ("0", False),
}


@pytest.mark.parametrize(("value", "expected"), INTS.values(), ids=INTS)
def test_as_int(value: object, expected: int) -> None:
    assert as_int(value) == expected
    assert type(as_int(value)) is int


@pytest.mark.parametrize("value", NO_INTS, ids=lambda value: repr(value)[:20])
def test_as_int_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"^a whole number$"):
        as_int(value)


@pytest.mark.parametrize(("value", "expected"), FLOATS.values(), ids=FLOATS)
def test_as_float(value: object, expected: float) -> None:
    assert as_float(value) == expected
    assert type(as_float(value)) is type(expected)


@pytest.mark.parametrize("value", NO_FLOATS, ids=lambda value: repr(value)[:20])
def test_as_float_refuses(value: object) -> None:
    with pytest.raises(ValueError, match=r"^a number$"):
        as_float(value)


@pytest.mark.parametrize(("value", "expected"), BOOLS.values(), ids=BOOLS)
def test_as_bool(value: object, expected: bool) -> None:
    assert as_bool(value) is expected


@pytest.mark.parametrize("value", ["maybe", 2, None, 1.0, []], ids=repr)
def test_as_bool_refuses(value: object) -> None:
    with pytest.raises(ValueError, match="true or false"):
        as_bool(value)


@pytest.mark.parametrize(("value", "blank"), [(None, True), ("", True), (" \n", True), ("a", False), (0, False), (False, False)], ids=repr)
def test_is_blank(value: object, blank: bool) -> None:
    assert is_blank(value) is blank


@given(st.integers(-MAX_EXACT, MAX_EXACT))
def test_whole_numbers_survive_as_text(number: int) -> None:
    assert as_int(str(number)) == number == as_int(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_as_text(number: float) -> None:
    assert as_float(str(number)) == number

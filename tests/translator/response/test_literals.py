"""Values in Python's notation and in Gemma's."""

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.response.literals import read_pairs, read_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(VALUES)
def test_what_python_writes_is_read(value: Any) -> None:
    text = repr(value)
    if "\\U" not in text:  # models write JSON's escapes and Python's short ones
        assert read_value(text, 0) == (ast.literal_eval(text), len(text))


READ = {
    '{city:<|"|>a "b"<|"|>, n:1}': {"city": 'a "b"', "n": 1},
    "{a:<escape>\\n<escape>,b:[true,false,null]}": {"a": "\\n", "b": [True, False, None]},
    " ( 1 , 2.5e3 , ) ": [1, 2500.0],
    "'\\u00e9\\x41\\q'": "éA\\q",
}


@pytest.mark.parametrize(("text", "expected"), READ.items())
def test_values_are_read(text: str, expected: Any) -> None:
    assert read_value(text, 0)[0] == expected


BROKEN = ["", "x", "[1", "[1 2]", "{1:2}", "{'a' 1}", "{'a':1,'a':2}", "'a", "<escape>a", "f(1)", "9" * 5_000, "[,]"]


@pytest.mark.parametrize("text", BROKEN)
def test_anything_else_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"no |twice|limit"):
        read_value(text, 0)


def test_too_deep_is_an_error() -> None:
    with pytest.raises(RecursionError):
        read_value("[" * 100_000, 0)


def test_arguments_of_a_call() -> None:
    assert read_pairs("a=1, b='c')x", 0, "=", ")") == ({"a": 1, "b": "c"}, 11)
    with pytest.raises(ValueError, match="no key"):
        read_pairs("1)", 0, "=", ")")

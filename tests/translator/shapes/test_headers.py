"""Headers as they came: several lines of one name, names in any case."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.failures.proxies import proxy_in
from translator.shapes.exchange import HttpReply
from translator.shapes.headers import Headers, as_headers

LINES = (("Via", "1.1 far"), ("Retry-After", "3"), ("via", "1.1 near"), ("RETRY-AFTER", "9"))


def test_lines_of_one_name_are_one_list() -> None:
    headers = as_headers(LINES)
    assert headers["VIA"] == "1.1 far, 1.1 near"
    assert headers.first("retry-after") == "3"
    assert headers.first("none") == ""
    assert headers.get("none") is None
    assert list(headers) == ["Via", "Retry-After"]
    assert (len(headers), "vIA" in headers) == (2, True)


def test_the_nearest_of_two_proxies_is_named() -> None:
    assert proxy_in(as_headers(LINES)).name == "near"
    assert proxy_in({"Via": "1.1 far", "via": "1.1 near"}).name == "near"
    assert proxy_in(as_headers([("Via", "1.1 far" + ", 1.1 x" * 1000), ("Via", "1.1 near")])).name == "near"


def test_a_reply_takes_them_in_every_form() -> None:
    for given_ in (dict(LINES[:2]), LINES[:2], as_headers(LINES[:2])):
        assert HttpReply(status=200, headers=given_).headers == {"via": "1.1 far", "Retry-After": "3"}
    assert HttpReply(status=200, headers={"content-TYPE": "a/b"}).content_type == "a/b"


def test_they_are_not_shown() -> None:
    assert "secret" not in repr(as_headers({"Set-Cookie": "secret"}))


@pytest.mark.parametrize("other", [{"a": "1"}, as_headers({"A": "1"})])
def test_equality_is_that_of_what_they_say(other: Mapping[str, str]) -> None:
    assert as_headers([("A", "1")]) == other
    assert as_headers([("A", "2")]) != other
    assert as_headers([]) != 5


@given(st.lists(st.tuples(st.sampled_from(["a", "A", "b", "X-Y"]), st.text("xyz", max_size=3))))
def test_it_is_a_mapping(lines: list[tuple[str, str]]) -> None:
    headers = as_headers(lines)
    assert set(map(str.lower, headers)) == {name.lower() for name, _ in lines}
    assert Headers(tuple(headers.items())) == headers
    assert hash(Headers(tuple(headers.items()))) == hash(headers)

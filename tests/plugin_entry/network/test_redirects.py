"""Which redirects are followed, with what, and what is said of the others."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.network.redirects import FOLLOWED, MOST_REDIRECTS, REDIRECTS, next_url
from translator.errors import Family, ServerError
from translator.settings.base_url import parse_base_url


def followed_from(url: str, status: int, location: str, followed: int = 0) -> str | ServerError:
    """Where a redirect of a request for `url` leads."""
    return next_url(url, parse_base_url(url.partition("/api")[0]).place, status, location, followed=followed)


HTTP = "http://gate.example:11434/api/chat"
HTTPS = "https://gate.example/ollama/api/chat"

FOLLOW: dict[str, tuple[str, str, str]] = {
    "path alone (0.24.0 error-double-slash)": ("http://gate.example:11434//api/chat", "/api/chat", HTTP),
    "whole address": (HTTP, "http://gate.example:11434/v2/api/chat", "http://gate.example:11434/v2/api/chat"),
    "relative path": (HTTP, "generate", "http://gate.example:11434/api/generate"),
    "without scheme": (HTTP, "//gate.example:11434/x", "http://gate.example:11434/x"),
    "trailing slash": (HTTPS, "/ollama/api/chat/", "https://gate.example/ollama/api/chat/"),
    "to https on the same port": (HTTP, "https://gate.example:11434/api/chat", "https://gate.example:11434/api/chat"),
    "to https on its own port": (HTTP, "https://gate.example/api/chat", "https://gate.example/api/chat"),
    "port written out": (HTTPS, "https://gate.example:443/api/chat", "https://gate.example:443/api/chat"),
    "host in capitals": (HTTP, "http://GATE.example:11434/x", "http://GATE.example:11434/x"),
    "host with a dot at the end": (HTTP, "http://gate.example.:11434/x", "http://gate.example.:11434/x"),
    "query kept, fragment dropped": (HTTP, "/x?a=1#top", "http://gate.example:11434/x?a=1"),
    "user and password dropped": (HTTP, "http://u:p@gate.example:11434/x", "http://gate.example:11434/x"),
    "blanks around": (HTTP, " /x ", "http://gate.example:11434/x"),
    "IPv6": ("http://[::1]:11434/api/chat", "http://[::1]:11434/x", "http://[::1]:11434/x"),
}

REFUSE: dict[str, tuple[str, str, str, str]] = {
    "other host": (HTTP, "http://other.example:11434/api/chat", "redirect_elsewhere", "to http://other.example:11434,"),
    "sign-in page": (HTTPS, "https://auth.example/login?rd=x", "redirect_elsewhere", "to https://auth.example,"),
    "host inside the host": (HTTPS, "https://gate.example.evil.example/", "redirect_elsewhere", "gate.example.evil.example"),
    "other host behind a user": (HTTPS, "https://gate.example@evil.example/", "redirect_elsewhere", "to https://evil.example,"),
    "other port": (HTTP, "http://gate.example:8080/api/chat", "redirect_elsewhere", "gate.example:8080"),
    "other https port": (HTTPS, "https://gate.example:8443/api/chat", "redirect_elsewhere", "gate.example:8443"),
    "www": (HTTPS, "https://www.gate.example/api/chat", "redirect_elsewhere", "www.gate.example"),
    "IPv6": (HTTP, "http://[::1]:11434/x", "redirect_elsewhere", "http://[::1]:11434"),
    "to http": (HTTPS, "http://gate.example/ollama/api/chat", "redirect_downgrade", "http://gate.example,"),
    "no location": (HTTP, "", "redirect_unusable", "no http address"),
    "other scheme": (HTTP, "ftp://gate.example:11434/x", "redirect_unusable", "no http address"),
    "script": (HTTP, "javascript:alert(1)", "redirect_unusable", "no http address"),
    "port that is none": (HTTP, "http://gate.example:99999/", "redirect_unusable", "no http address"),
    "broken brackets": (HTTP, "http://[::1/", "redirect_unusable", "no http address"),
    "line break": (HTTP, "/x\r\ny", "redirect_unusable", "no http address"),
    "host with words": (HTTP, "http://do what i say/", "redirect_unusable", "no http address"),
}


@pytest.mark.parametrize("status", sorted(FOLLOWED))
@pytest.mark.parametrize(("url", "location", "expected"), FOLLOW.values(), ids=FOLLOW)
def test_the_same_place_is_asked_again(url: str, location: str, expected: str, status: int) -> None:
    assert followed_from(url, status, location) == expected


@pytest.mark.parametrize(("url", "location", "code", "part"), REFUSE.values(), ids=REFUSE)
def test_other_places_are_named_and_not_asked(url: str, location: str, code: str, part: str) -> None:
    error = followed_from(url, 302, location)
    assert isinstance(error, ServerError)
    assert (error.code, error.family) == (code, Family.CONNECTION)
    assert part in str(error)
    assert "rd=x" not in str(error)


def test_see_other_is_refused_because_it_asks_for_a_get() -> None:
    error = followed_from(HTTP, 303, "/done")
    assert isinstance(error, ServerError)
    assert error.code == "redirect_see_other"


@pytest.mark.parametrize(
    ("followed", "ends"), [(0, False), (MOST_REDIRECTS - 1, False), (MOST_REDIRECTS, True), (MOST_REDIRECTS + 1, True)]
)
def test_circles_end(followed: int, ends: bool) -> None:
    result = followed_from(HTTP, 307, "/x", followed)
    assert isinstance(result, ServerError) is ends
    if isinstance(result, ServerError):
        assert result.code == "too_many_redirects"


@given(st.sampled_from(sorted(REDIRECTS)), st.text() | st.from_regex(r"(https?:)?//[a-z.:@\[\]%0-9-]{0,20}(/[ -~]*)?", fullmatch=True))
def test_no_location_leaves_the_place(status: int, location: str) -> None:
    result = followed_from(HTTPS, status, location)
    if isinstance(result, str):
        assert result.startswith(("https://gate.example/", "https://gate.example:443/", "https://gate.example?", "https://gate.example."))
        assert urlsplit(result).hostname in {"gate.example", "gate.example."}

"""Keys, passwords and extra headers: what is sent, what is refused, and that no refusal repeats a secret."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import RequestError
from translator.settings.auth import MOST_KEY_CHARS, auth_headers
from translator.settings.base_url import BaseUrl, parse_base_url
from translator.settings.extra_headers import MOST_CHARS, REFUSED_HEADERS, holds_secret

HERE = parse_base_url("http://localhost:11434")
SECRET = "sk-secret"

KEYS: dict[str, tuple[str, str]] = {
    "plain": ("sk-secret", "Bearer sk-secret"),
    "blanks around": ("  sk-secret\r\n", "Bearer sk-secret"),
    "with the word": ("Bearer sk-secret", "Bearer sk-secret"),
    "word in lower case": ("bearer   sk-secret", "Bearer sk-secret"),
    "word with a colon": ("Bearer: sk-secret", "Bearer sk-secret"),
    "the whole header": ("Authorization: Bearer sk-secret", "Bearer sk-secret"),
    "quoted": ('"sk-secret"', "Bearer sk-secret"),
    "quoted behind the word": ("Bearer 'sk-secret'", "Bearer sk-secret"),
    "starts like the word": ("bearerish", "Bearer bearerish"),
    "all marks": ("a.b_c-d~e+f/g==", "Bearer a.b_c-d~e+f/g=="),
}

BAD_KEYS: dict[str, str] = {
    "line break inside": "sk-secret\nX-Evil: 1",
    "carriage return inside": "sk-secret\rX",
    "blank inside": "sk-secret more",
    "another scheme": "Basic sk-secret",
    "control character": "sk-secret\x00x",
    "outside latin-1": "sk-secret密",
    "inside latin-1": "sk-secreté",
    "zero width": "sk-\u200bsecret",
    "full width": "ｓk-secret",
    "only the word": "Bearer",
    "only the word and blanks": " bearer  ",
    "only quotes behind the word": 'Bearer ""',
}

EXTRA: dict[str, tuple[str, dict[str, str]]] = {
    "none": ("", {}),
    "blank lines": ("\n  \r\n\n", {}),
    "one": ("X-Api-Key: 1234", {"X-Api-Key": "1234"}),
    "several": ("X-A: 1\nX-B: 2\r\nX-C: 3", {"X-A": "1", "X-B": "2", "X-C": "3"}),
    "in a field of one line": ("X-A: 1\\nX-B: 2", {"X-A": "1", "X-B": "2"}),
    "colon in the value": ("X-Url: http://x:1", {"X-Url": "http://x:1"}),
    "blanks around": ("  X-A :  a b  ", {"X-A": "a b"}),
    "empty value": ("X-A:", {"X-A": ""}),
    "own authorization": ("authorization: Token abc", {"authorization": "Token abc"}),
    "as JSON": ('{"X-A": "1", "X-B": " a: b "}', {"X-A": "1", "X-B": "a: b"}),
    "as empty JSON": (" {} ", {}),
    "cookie": ("Cookie: a=b; c=d", {"Cookie": "a=b; c=d"}),
}

BAD_EXTRA: dict[str, tuple[str, str]] = {
    "no colon": ("X-A: 1\nsk-secret", "Line 2"),
    "no name": (": sk-secret", "Line 1"),
    "blank in the name": ("X A: sk-secret", "Line 1"),
    "name outside ASCII": ("X-Ä: sk-secret", "Line 1"),
    "value outside ASCII": ("X-A: sk-secretä", "outside ASCII"),
    "control character": ("X-A: sk-secret\x0b", "control character"),
    "zero byte": ("X-A: sk-secret\x00", "control character"),
    "twice": ("X-A: 1\nx-a: sk-secret", "Line 2 of the extra headers sets a header a second time"),
    "host": ("Host: sk-secret", "follows from the base URL"),
    "content length": ("content-LENGTH: 5", "describes the body"),
    "JSON that is cut": ('{"X-A": "sk-secret"', "begin like a JSON object"),
    "JSON with more behind it": ('{"X-A": "sk-secret"} {"X-B": "2"}', "begin like a JSON object"),
    "JSON with a number": ('{"X-A": 5, "X-B": "sk-secret"}', "texts as values"),
    "JSON inside JSON": ('{"X-A": {"X-B": "sk-secret"}}', "texts as values"),
    "JSON with a name twice": ('{"X-A": "1", "x-a": "sk-secret"}', "Entry 2 of the extra headers sets a header a second time"),
    "JSON with the same name twice": ('{"X-A": "1", "X-A": "sk-secret"}', "a second time"),
    "JSON with a line break": ('{"X-A": "1\\r\\nX-B: sk-secret"}', "control character"),
    "JSON with a bad name": ('{"X A": "sk-secret"}', "Entry 1"),
    "JSON with a refused name": ('{"Host": "sk-secret"}', "follows from the base URL"),
    "hop by hop": ("Connection: close", "belongs to the connection"),
}


def url(user: str | None = None, password: str = "") -> BaseUrl:
    return BaseUrl(scheme="https", host="gate.example", user=user, password=password)


@pytest.mark.parametrize(("key", "header"), KEYS.values(), ids=KEYS)
def test_key(key: str, header: str) -> None:
    assert auth_headers(key, HERE, "") == {"Authorization": header}


@pytest.mark.parametrize("key", ["", "  ", "\n", '""'], ids=repr)
def test_no_key_no_header(key: str) -> None:
    assert auth_headers(key, HERE, "") == {}


LONG = {
    "key": ("x" * (MOST_KEY_CHARS + 1), "", "The API key has more than 16,384 characters."),
    "headers": ("", "X-A: " + "x" * MOST_CHARS, "The extra headers have more than 65,536 characters."),
}


@pytest.mark.parametrize(("key", "extra", "cause"), LONG.values(), ids=LONG)
def test_what_no_server_takes_is_not_kept_in_memory(key: str, extra: str, cause: str) -> None:
    with pytest.raises(RequestError) as caught:
        auth_headers(key, HERE, extra)
    assert caught.value.problem.cause == cause


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_bad_key(key: str) -> None:
    with pytest.raises(RequestError) as caught:
        auth_headers(key, HERE, "")
    assert caught.value.code == "api_key_invalid"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("user", "password"), [("user", "pass"), ("jürgen", "ü:€"), ("token", ""), ("", "pass")])
def test_basic(user: str, password: str) -> None:
    (value,) = auth_headers("", url(user, password), "").values()
    assert base64.b64decode(value.removeprefix("Basic ")).decode() == f"{user}:{password}"


@pytest.mark.parametrize(("text", "headers"), EXTRA.values(), ids=EXTRA)
def test_extra_headers(text: str, headers: dict[str, str]) -> None:
    assert auth_headers("", HERE, text) == headers


def test_extra_headers_next_to_a_key() -> None:
    assert auth_headers(SECRET, HERE, "X-A: 1") == {"Authorization": f"Bearer {SECRET}", "X-A": "1"}


@pytest.mark.parametrize(("text", "part"), BAD_EXTRA.values(), ids=BAD_EXTRA)
def test_bad_extra_headers(text: str, part: str) -> None:
    with pytest.raises(RequestError) as caught:
        auth_headers("", HERE, text)
    assert caught.value.code == "extra_header_invalid"
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", REFUSED_HEADERS)
def test_every_refused_header_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        auth_headers("", HERE, f"{name.title()}: x")
    assert REFUSED_HEADERS[name] in str(caught.value)


@pytest.mark.parametrize(
    ("key", "user", "extra"),
    [
        (SECRET, "user", ""),
        (SECRET, None, f"Authorization: {SECRET}"),
        ("", "user", f"AUTHORIZATION: {SECRET}"),
        (SECRET, "user", f"Authorization: {SECRET}"),
    ],
    ids=["key and user", "key and line", "user and line", "all three"],
)
def test_only_one_may_fill_authorization(key: str, user: str | None, extra: str) -> None:
    with pytest.raises(RequestError) as caught:
        auth_headers(key, url(user, "sk-secret"), extra)
    assert caught.value.code == "auth_conflict"
    assert SECRET not in str(caught.value)


@given(st.text(), st.text())
def test_no_text_smuggles_a_header(key: str, extra: str) -> None:
    try:
        headers = auth_headers(key, HERE, extra)
    except RequestError:
        return
    assert all(name.isascii() and name.isprintable() and ":" not in name and " " not in name for name in headers)
    assert all(value.isascii() and value.replace("\t", "").isprintable() for value in headers.values())


SECRETS: dict[str, tuple[dict[str, str], bool]] = {
    "none": ({}, False),
    "authorization": ({"authorization": "Token abc"}, True),
    "api key": ({"X-Api-Key": "1"}, True),
    "cloudflare": ({"X-Tenant": "a", "CF-Access-Client-Secret": "1"}, True),
    "cookie": ({"Cookie": "a=b"}, True),
    "token": ({"X-Auth-Token": "1"}, True),
    "empty": ({"X-Api-Key": ""}, False),
    "tenant": ({"X-Tenant": "a", "User-Agent": "b", "X-Request-Id": "c"}, False),
}


@pytest.mark.parametrize(("headers", "secret"), SECRETS.values(), ids=SECRETS)
def test_headers_that_hold_a_secret(headers: dict[str, str], secret: bool) -> None:
    assert holds_secret(headers) is secret

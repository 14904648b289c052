"""Which links are fetched, where redirects may lead, and that no message shows more of a link than its host."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import Family, RequestError
from translator.media.urls import (
    Download,
    bare_base64,
    is_data_url,
    plan_download,
)

DOWNLOADS: dict[str, tuple[str, str, str]] = {
    "https": ("https://files.example/a.png", "https://files.example/a.png", "files.example"),
    "signed": ("http://api:5001/files/1?sign=a%3D&nonce=2", "http://api:5001/files/1?sign=a%3D&nonce=2", "api"),
    "scheme-case": ("HTTPS://Files.Example/A", "https://Files.Example/A", "files.example"),
    "surrounded": (" https://a.example/x\n", "https://a.example/x", "a.example"),
    "fragment": ("https://a.example/x#page", "https://a.example/x", "a.example"),
    "user": ("https://me:SECRET@a.example/x", "https://me:SECRET@a.example/x", "a.example"),
    "ipv6": ("http://[fd00::1]:80/x", "http://[fd00::1]:80/x", "fd00::1"),
    "localhost": ("http://127.0.0.1/files/x", "http://127.0.0.1/files/x", "127.0.0.1"),
    "idn": ("https://例え.jp/画像.png", "https://例え.jp/画像.png", "例え.jp"),
}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_web_links_are_downloaded(name: str) -> None:
    url, fetched, host = DOWNLOADS[name]
    assert plan_download(url) == Download(url=fetched, host=host)


def test_plans_do_not_show_links() -> None:
    assert repr(plan_download("https://me:SECRET@a.example/SECRET?sign=SECRET")) == "Download(host='a.example')"


@pytest.mark.parametrize(
    ("url", "data"),
    [
        ("data:image/png;base64,aGk=", b"hi"),
        ("DATA:image/png;BASE64,aGk", b"hi"),
        ("data:,a%20b", b"a b"),
        ("data:image/png;base64,-_-_", b"\xfb\xff\xbf"),
        ("data:image/png;base64,%2B%2F%2B%2F", b"\xfb\xff\xbf"),
    ],
    ids=["plain", "upper-case", "percent", "url-safe", "percent-base64"],
)
def test_data_urls_hold_their_data(url: str, data: bytes) -> None:
    assert is_data_url(f"\n {url}")
    assert base64.b64decode(bare_base64(url), validate=True) == data


def test_a_broken_data_url_is_refused_without_showing_it() -> None:
    with pytest.raises(RequestError, match="base64") as caught:
        bare_base64("data:image/png;base64,SECRET!")
    assert caught.value.code == "media-base64"
    assert "SECRET" not in str(caught.value)


REFUSED: dict[str, tuple[str, str, str]] = {
    "dify-relative": ("/files/SECRET/file-preview?timestamp=1&sign=SECRET", "media-url-relative", "FILES_URL"),
    "relative-path": ("files/SECRET?sign=SECRET", "media-url-relative", "MULTIMODAL_SEND_FORMAT=base64"),
    "scheme-relative": ("//files.example/SECRET", "media-url-relative", "FILES_URL"),
    "no-host": ("http:///files/SECRET", "media-url-relative", "without a host"),
    "only-user": ("http://me:SECRET@/x", "media-url-relative", "without a host"),
    "empty": ("", "media-url-relative", "FILES_URL"),
    "file": ("file:///etc/SECRET", "media-url-scheme", "file on some other machine"),
    "ftp": ("ftp://me:SECRET@host/x", "media-url-scheme", "FTP"),
    "blob": ("blob:https://dify.example/SECRET", "media-url-scheme", "browser"),
    "s3": ("s3://bucket/SECRET", "media-url-scheme", "storage bucket"),
    "gopher": ("gopher://SECRET/", "media-url-scheme", "not a web address"),
    "windows-path": ("C:\\SECRET.png", "media-url-scheme", "not a web address"),
    "port": ("http://host:SECRET/x", "media-url-malformed", "well-formed"),
    "port-range": ("http://host:99999/SECRET", "media-url-malformed", "well-formed"),
    "bracket": ("http://[::1/SECRET", "media-url-malformed", "well-formed"),
    "space": ("http://host/SECRET GET", "media-url-malformed", "well-formed"),
    "control": ("http://host/\x00SECRET", "media-url-malformed", "well-formed"),
    "backslash": ("http://good.example\\@SECRET/", "media-url-malformed", "well-formed"),
    "data": ("data:image/png;base64,SECRET", "media-url-scheme", "its data itself"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_links_are_refused_without_showing_them(name: str) -> None:
    url, code, words = REFUSED[name]
    with pytest.raises(RequestError) as caught:
        plan_download(url)
    assert (caught.value.code, caught.value.family) == (code, Family.BAD_REQUEST)
    assert words in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert caught.value.problem.remedy


@given(st.text(max_size=80))
def test_any_text_gives_a_plan_or_a_refusal(text: str) -> None:
    try:
        plan = plan_download(text)
    except RequestError:
        return
    assert plan.url.startswith(("http://", "https://"))


LONG = {
    "host": ("http://" + "a" * 70_000 + "/picture.png", "The host of a file link is longer than 253 characters."),
    "host of labels": ("http://" + "a." * 200 + "example/picture.png", "longer than 253"),
    "path": ("http://h/" + "a" * 70_000, "A file link is longer than 16,384 characters."),
}


@pytest.mark.parametrize(("url", "text"), LONG.values(), ids=LONG)
def test_what_is_too_long_is_refused_in_few_words(url: str, text: str) -> None:
    with pytest.raises(RequestError) as caught:
        plan_download(url)
    assert text in str(caught.value)
    assert len(str(caught.value)) < 300


@given(data=st.binary(max_size=120), spaces=st.text(alphabet=" \r\n\t", max_size=3))
def test_bare_base64_undoes_every_spelling(data: bytes, spaces: str) -> None:
    clean = base64.b64encode(data).decode()
    for text in (clean, clean.rstrip("="), base64.urlsafe_b64encode(data).decode(), spaces.join(clean), f"data:x/y;base64,{clean}"):
        assert bare_base64(text) == clean
        assert base64.b64decode(bare_base64(text), validate=True) == data


@given(st.text(max_size=60) | st.text(alphabet="Az09+/-_= \n", max_size=60))
def test_bare_base64_is_always_what_the_server_decodes(text: str) -> None:
    try:
        result = bare_base64(text)
    except RequestError:
        return
    assert len(result) % 4 == 0
    assert base64.b64decode(result, validate=True) == base64.b64decode(result)

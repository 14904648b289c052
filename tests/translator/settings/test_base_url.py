"""Spellings of the base URL: what each becomes, and that nothing secret or malformed comes out of any text."""

from urllib.parse import quote, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import RequestError
from translator.settings.base_url import BaseUrl, parse_base_url

LOCAL = "http://localhost:11434"

SPELLINGS: dict[str, str] = {
    # a scheme decides the port, no scheme means Ollama's
    "http://localhost:11434": LOCAL,
    "localhost:11434": LOCAL,
    "localhost": LOCAL,
    "http://localhost": "http://localhost",
    "http://localhost:80": "http://localhost",
    "https://ollama.example.com": "https://ollama.example.com",
    "https://ollama.example.com:443": "https://ollama.example.com",
    "https://ollama.example.com:8443": "https://ollama.example.com:8443",
    "ollama.example.com": "http://ollama.example.com:11434",
    "ollama.example.com:443": "https://ollama.example.com",
    "ollama.example.com:80": "http://ollama.example.com",
    "http://ollama.example.com:443": "http://ollama.example.com:443",
    "192.168.1.5": "http://192.168.1.5:11434",
    "192.168.1.5:8080": "http://192.168.1.5:8080",
    "ollama": "http://ollama:11434",
    "http://my_ollama-1:11434": "http://my_ollama-1:11434",
    "host.docker.internal:11434": "http://host.docker.internal:11434",
    ":11434": "http://127.0.0.1:11434",
    "http://:8080": "http://127.0.0.1:8080",
    "localhost:": LOCAL,
    "http://localhost:/": "http://localhost",
    "https:8443": "http://https:8443",
    # slashes and schemes that went wrong
    "http://localhost:11434/": LOCAL,
    "http://localhost:11434///": LOCAL,
    "http:///localhost:11434": LOCAL,
    "http:/localhost:11434": LOCAL,
    "http//localhost:11434": LOCAL,
    "http:localhost:11434": LOCAL,
    "http:192.168.1.5:11434": "http://192.168.1.5:11434",
    "//localhost:11434": LOCAL,
    "http://http://localhost:11434": LOCAL,
    "http://https://ollama.example.com": "https://ollama.example.com",
    "http:\\\\localhost:11434\\": LOCAL,
    "HTTP://LocalHost:11434": LOCAL,
    "Https://OLLAMA.Example.COM": "https://ollama.example.com",
    "http://localhost.:11434": LOCAL,
    "http://localhost:11434/?": LOCAL,
    "http://localhost:11434#": LOCAL,
    # routes copied along, with and without a real prefix
    "http://localhost:11434/api": LOCAL,
    "http://localhost:11434/api/": LOCAL,
    "http://localhost:11434/api/chat": LOCAL,
    "http://localhost:11434/api/generate/": LOCAL,
    "http://localhost:11434/api/tags": LOCAL,
    "http://localhost:11434/API/Version": LOCAL,
    "http://localhost:11434/v1": LOCAL,
    "http://localhost:11434/v1/": LOCAL,
    "http://localhost:11434/v1/chat/completions": LOCAL,
    "http://localhost:11434/v1/embeddings": LOCAL,
    "http://localhost:11434/v1/api/chat": LOCAL,
    "http://localhost:11434/api/v1": LOCAL,
    "http://localhost:11434/chat/completions": LOCAL,
    "http://localhost:11434//api//chat": LOCAL,
    "localhost:11434/v1": LOCAL,
    "https://gate.example.com/ollama": "https://gate.example.com/ollama",
    "https://gate.example.com/ollama/": "https://gate.example.com/ollama",
    "https://gate.example.com//ollama//gpu1/": "https://gate.example.com/ollama/gpu1",
    "https://gate.example.com/ollama/api/chat": "https://gate.example.com/ollama",
    "https://gate.example.com/ollama/v1/chat/completions": "https://gate.example.com/ollama",
    "https://gate.example.com/api/api": "https://gate.example.com/api",
    "https://gate.example.com/apis": "https://gate.example.com/apis",
    "https://gate.example.com/my-api": "https://gate.example.com/my-api",
    "https://gate.example.com/Größe/a%2Fb/100%": "https://gate.example.com/Gr%C3%B6%C3%9Fe/a%2Fb/100%25",
    # IPv6
    "::1": "http://[::1]:11434",
    "[::1]": "http://[::1]:11434",
    "[::1]:8080": "http://[::1]:8080",
    "http://[::1]": "http://[::1]",
    "http://[::1]:11434/api": "http://[::1]:11434",
    "http://::1/": "http://[::1]",
    "http://[2001:DB8:0:0::5]:11434": "http://[2001:db8::5]:11434",
    "http://[fe80::1%25eth0]:11434": "http://[fe80::1%eth0]:11434",
    "http://[fe80::1%eth0]:11434": "http://[fe80::1%eth0]:11434",
    "[192.168.1.5]:11434": "http://192.168.1.5:11434",
    # addresses to listen on are no addresses to ask
    "0.0.0.0": "http://127.0.0.1:11434",
    "0.0.0.0:11434": "http://127.0.0.1:11434",
    "http://0.0.0.0:11434/": "http://127.0.0.1:11434",
    "[::]:11434": "http://[::1]:11434",
    # what copying and input methods add
    "  http://localhost:11434 \n": LOCAL,
    "\thttp://localhost:11434\r\n": LOCAL,
    '"http://localhost:11434"': LOCAL,
    "'http://localhost:11434'": LOCAL,
    "`http://localhost:11434`": LOCAL,
    "“http://localhost:11434”": LOCAL,
    "<http://localhost:11434>": LOCAL,
    "http://localhost:11434,": LOCAL,
    "\ufeffhttp://local\u200bhost:11434\u00a0": LOCAL,
    "http：//localhost：11434": LOCAL,
    "http:／／localhost:11434／api": LOCAL,
    "ｈｔｔｐ：／／１９２．１６８．１．５：１１４３４": "http://192.168.1.5:11434",
    "http://192。168。1。5:11434\u3000": "http://192.168.1.5:11434",
    # international names
    "http://bücher.example:11434": "http://xn--bcher-kva.example:11434",
    "http://BÜCHER.example:11434": "http://xn--bcher-kva.example:11434",
    "http://例え.jp": "http://xn--r8jz45g.jp",
    "http://xn--bcher-kva.example": "http://xn--bcher-kva.example",
    # the cloud
    "ollama.com": "https://ollama.com",
    "www.ollama.com": "https://ollama.com",
    "http://ollama.com": "https://ollama.com",
    "https://ollama.com/": "https://ollama.com",
    "https://www.ollama.com/api": "https://ollama.com",
    "https://ollama.com/api/chat": "https://ollama.com",
    "https://ollama.com/v1": "https://ollama.com",
    "https://api.ollama.com": "https://ollama.com",
    "OLLAMA.COM": "https://ollama.com",
    "https://ollama.com:443": "https://ollama.com",
    "http://ollama.com:80": "https://ollama.com",
    "ollama.com:11434": "https://ollama.com",
    "https://ollama.com.": "https://ollama.com",
    # names that only look like it
    "https://notollama.com": "https://notollama.com",
    "https://ollama.com.example.org": "https://ollama.com.example.org",
}

REFUSED: dict[str, str] = {
    "": "empty",
    "   ": "empty",
    '""': "empty",
    "h" * 3000: "too_long",
    "http://local host:11434": "blank_inside",
    "http://localhost:\t11434": "blank_inside",
    "http://localhost\x00:11434": "blank_inside",
    "http://localhost\n/evil": "blank_inside",
    "ftp://localhost": "scheme",
    "ws://localhost:11434": "scheme",
    "htpp://localhost:11434": "scheme",
    "unix:///var/run/ollama.sock": "scheme",
    "file:/etc/passwd": "scheme",
    "http+unix://socket": "scheme",
    "http://": "no_host",
    "http:///": "no_host",
    "/": "no_host",
    "https://user:secret@": "no_host",
    "http://-bad-.example": "host",
    "http://a..b": "host",
    "http://exa$mple.com": "host",
    "http://*:11434": "host",
    "http;//localhost": "host",
    "http://192.168.1.300": "host",
    "http://192.168.1": "host",
    "http://192.168.001.005": "host",
    "http://2130706433": "host",
    "http://0x7f000001": "host",
    "11434": "host",
    "http://[fe80::1%]:11434": "host",
    "http://[fe80::1%e$]:11434": "host",
    "http://[1:2]": "host",
    "http://[]": "host",
    "http://" + "a" * 64: "host",
    "http://" + "a." * 130 + "b": "host",
    "http://℀.example": "host",
    "http://\ue000.example": "host",
    "http://straße.example": "host_spelling",
    "http://localhost:11434:11434": "colons",
    "::1:11434": "colons",
    "http://[::1": "colons",
    "http://localhost:abc": "port",
    "http://localhost:0": "port",
    "http://localhost:65536": "port",
    "http://localhost:114340000": "port",
    "http://localhost:-1": "port",
    "http://localhost:١١": "port",
    "http://[::1]:x": "port",
    "http://localhost:11434/?key=secret": "query",
    "http://localhost:11434?key=secret": "query",
    "http://localhost:11434/#/settings": "query",
    "http://user:sec/ret@localhost": "password",
    "http://user:1234/secret@localhost": "password",
    "http://user:sec#ret@localhost": "password",
    "http://user:sec?ret@localhost": "password",
    "http://user:sec\\ret@localhost": "password",
    "http://user:%ff@localhost": "credentials",
    "http://us%3Aer:secret@localhost": "credentials",
    "http://user:sec%0Aret@localhost": "credentials",
    "http://localhost/a/../b": "dots",
    "http://localhost/%2e%2e/b": "dots",
    "http://webui:3000/api/chat/completions": "open_webui",
    "https://ollama.com/library/llama3": "cloud_page",
    "https://ollama.com/settings/keys": "cloud_page",
    "https://user:secret@ollama.com": "cloud_credentials",
    "https://ollama.com:8443": "cloud_port",
    "http://169.254.169.254/latest/meta-data": "metadata",
    "169.254.169.254": "metadata",
    "http://[::ffff:169.254.169.254]:80": "metadata",
    "http://[fd00:ec2::254]": "metadata",
    "http://100.100.100.200": "metadata",
    "http://metadata.google.internal": "metadata",
    "http://Metadata.Google.Internal.:80/computeMetadata/v1": "metadata",
    "http://" + "a" * 70_000: "too_long",
}

CREDENTIALS: dict[str, tuple[str, str | None, str]] = {
    "plain": ("https://user:secret@host.example/ollama", "user", "secret"),
    "no scheme": ("user:secret@host.example:11434", "user", "secret"),
    "percent-encoded": ("https://us%40er:p%40ss%2Fw%3A%25@host.example", "us@er", "p@ss/w:%"),
    "bare @ in the password": ("https://user:p@ss@host.example", "user", "p@ss"),
    "colon in the password": ("https://user:a:b@host.example", "user", "a:b"),
    "lone percent": ("https://user:100%@host.example", "user", "100%"),
    "letters beyond ASCII": ("https://jürgen:%C3%BC@host.example", "jürgen", "ü"),
    "no password": ("https://token@host.example", "token", ""),
    "no user": ("https://:secret@host.example", "", "secret"),
    "nothing": ("https://@host.example", None, ""),
    "only a colon": ("https://:@host.example", None, ""),
    "user like a scheme": ("http://https:secret@host.example", "https", "secret"),
    "user like a scheme, no scheme": ("https:secret@host.example", "https", "secret"),
    "IPv6": ("http://user:secret@[::1]:11434", "user", "secret"),
}


def test_the_table_is_long_enough() -> None:
    assert len(SPELLINGS) >= 60


@pytest.mark.parametrize(("text", "expected"), SPELLINGS.items(), ids=[ascii(text) for text in SPELLINGS])
def test_spelling_works(text: str, expected: str) -> None:
    assert parse_base_url(text).url_for("/api/chat") == f"{expected}/api/chat"


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=[ascii(text)[:60] for text in REFUSED])
def test_spelling_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_base_url(text)
    assert caught.value.code == f"base_url_{reason}"
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("text", "user", "password"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials_are_read_and_never_shown(text: str, user: str | None, password: str) -> None:
    url = parse_base_url(text)
    assert (url.user, url.password) == (user, password)
    shown = " ".join([repr(url), str(url), url.origin, url.place, url.url_for("/api/chat")])
    assert not any(secret in shown for secret in (user, password) if secret)


@pytest.mark.parametrize(
    ("text", "place", "port"),
    [
        ("http://localhost", "http://localhost:80", 80),
        ("localhost", "http://localhost:11434", 11434),
        ("https://user:pw@gate.example/ollama", "https://gate.example:443", 443),
        ("[::1]", "http://[::1]:11434", 11434),
    ],
)
def test_place_names_the_port_and_neither_path_nor_credentials(text: str, place: str, port: int) -> None:
    url = parse_base_url(text)
    assert (url.place, url.tcp_port) == (place, port)


@pytest.mark.parametrize(
    ("text", "is_cloud"), [("www.ollama.com", True), ("http://localhost", False), ("https://ollama.com.example.org", False)]
)
def test_cloud(text: str, is_cloud: bool) -> None:
    assert parse_base_url(text).is_cloud is is_cloud


@pytest.mark.parametrize("route", ["/api/chat", "api/chat", "//api/chat"])
@pytest.mark.parametrize("path", ["", "/ollama"])
def test_url_for_never_has_a_double_slash(route: str, path: str) -> None:
    url = BaseUrl(scheme="http", host="localhost", port=11434, path=path)
    assert url.url_for(route) == f"http://localhost:11434{path}/api/chat"


@pytest.mark.parametrize("text", list(SPELLINGS), ids=ascii)
def test_reading_the_result_again_changes_nothing(text: str) -> None:
    url = parse_base_url(text)
    again = parse_base_url(url.url_for("/api/chat"))
    assert again == url


PIECES = st.sampled_from(
    ["http", "https", ":", "/", "//", "@", "[", "]", "::1", "localhost", "0.0.0.0", "api", "v1", "%", "?", "#", ".", "..", "：", "é"]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_gives_a_sound_url_or_a_refusal(text: str) -> None:
    try:
        url = parse_base_url(text)
    except RequestError:
        return
    whole = url.url_for("/api/chat")
    parts = urlsplit(whole)
    assert whole.isascii()
    assert (parts.scheme, unquote(parts.hostname or ""), parts.port) == (url.scheme, url.host, url.port)
    assert "//" not in parts.path
    assert not any((parts.username, parts.password, parts.query, parts.fragment))


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(lambda user: ":" not in user),
    st.text(st.characters(exclude_categories=["Cc", "Cs"])),
)
def test_encoded_credentials_come_back(user: str, password: str) -> None:
    url = parse_base_url(f"http://{quote(user, safe='')}:{quote(password, safe='')}@localhost:11434")
    assert (url.user, url.password, url.origin) == (user, password, LOCAL)

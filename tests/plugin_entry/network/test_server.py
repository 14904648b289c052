"""Saved credentials to a server: headers, proxy, certificates, and equality, as servers are keys of caches."""

import asyncio
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from plugin_entry.network.server import FILE_LIMIT, OWN_HEADERS, SERVERS, SETTINGS, Server, longest_answer_s, server_of, settings_of, tls_of
from translator.errors import RequestError
from translator.settings.certificates import whole_pem

URL = "http://192.168.1.5:11434"
PUBLIC = "http://gate.example:11434"
TLS = Path(__file__).parents[2] / "data" / "tls"
AUTHORITY = (TLS / "authority.pem").read_text()
PROXY = "http://user:hunter2@proxy.example:3128"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One proxy, and no server from a test before."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    SERVERS.clear()
    yield
    SERVERS.clear()


def server(**saved: object) -> Server:
    return server_of(settings_of({"base_url": URL, **saved}))


HEADERS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "none": ({}, {}),
    "key": ({"api_key": "k"}, {"Authorization": "Bearer k"}),
    "lines": ({"extra_headers": "X-A: 1\nX-B: 2"}, {"X-A": "1", "X-B": "2"}),
    "JSON": ({"extra_headers": '{"X-A": "1", "X-B": "2"}'}, {"X-A": "1", "X-B": "2"}),
    "key and header": ({"api_key": "k", "extra_headers": "X-A: 1"}, {"Authorization": "Bearer k", "X-A": "1"}),
    "own authorization": ({"extra_headers": "Authorization: Token t"}, {"Authorization": "Token t"}),
}


@pytest.mark.parametrize(("saved", "sent"), HEADERS.values(), ids=HEADERS)
def test_headers(saved: dict[str, str], sent: dict[str, str]) -> None:
    assert dict(server(**saved).headers) == OWN_HEADERS | sent


def test_own_header_gives_way_in_any_case() -> None:
    headers = server(extra_headers="user-agent: mine").headers
    assert [(name, value) for name, value in headers if name.lower() == "user-agent"] == [("user-agent", "mine")]


def test_nothing_secret_is_shown() -> None:
    shown = repr(server(base_url=PUBLIC, extra_headers="X-Api-Key: sk-1", allow_insecure_key="true", proxy="always"))
    assert "sk-1" not in shown
    assert "hunter2" not in shown


INSECURE: dict[str, dict[str, str]] = {
    "key": {"api_key": "k"},
    "authorization line": {"extra_headers": "authorization: Bearer k"},
    "key of a gate": {"extra_headers": '{"CF-Access-Client-Secret": "k"}'},
    "user and password": {"base_url": "http://u:p@gate.example"},
}


@pytest.mark.parametrize("saved", INSECURE.values(), ids=INSECURE)
def test_secret_over_plain_http_needs_a_word(saved: dict[str, str]) -> None:
    with pytest.raises(RequestError) as caught:
        server(**{"base_url": PUBLIC} | saved)
    assert caught.value.code == "key_over_plain_http"
    assert server(**{"base_url": PUBLIC} | saved | {"allow_insecure_key": "true"}).headers


def test_harmless_header_may_travel_over_plain_http() -> None:
    assert server(base_url=PUBLIC, extra_headers="X-Tenant: a").headers


PROXIES: dict[str, tuple[str, str, str | None]] = {
    "auto, near": (URL, "auto", None),
    "auto, public": (PUBLIC, "auto", PROXY),
    "always, near": (URL, "always", PROXY),
    "never, public": (PUBLIC, "never", None),
}


@pytest.mark.parametrize(("url", "mode", "proxy"), PROXIES.values(), ids=PROXIES)
def test_proxy(url: str, mode: str, proxy: str | None) -> None:
    assert server(base_url=url, proxy=mode).proxy == proxy


PASTED: dict[str, str] = {
    "as it is": AUTHORITY,
    "blanks for line breaks": AUTHORITY.replace("\n", " "),
    "line breaks lost": AUTHORITY.replace("\n", ""),
    "two characters for one": AUTHORITY.replace("\n", "\\n"),
    "Windows": AUTHORITY.replace("\n", "\r\n"),
    "text around it": f"subject=CN = x\n{AUTHORITY}\n# end",
    "twice": AUTHORITY.replace("\n", "") * 2,
    "old name": AUTHORITY.replace("CERTIFICATE", "X509 CERTIFICATE"),
}


@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED)
def test_pasted_authority_is_made_whole(pasted: str) -> None:
    assert whole_pem(pasted) in (AUTHORITY, AUTHORITY * 2)
    context = server(ca_certificate=pasted).tls
    assert isinstance(context, ssl.SSLContext)
    assert any(certificate["subject"] == ((("commonName", "Test authority of dify-ollama"),),) for certificate in context.get_ca_certs())


BAD_CERTIFICATES: dict[str, tuple[str, str]] = {
    "cut": (AUTHORITY[:-30], "cut off"),
    "second one cut": (AUTHORITY + AUTHORITY[:100], "cut off"),
    "letters lost": (AUTHORITY.replace("M", "", 1), "lost some"),
    "foreign letters": (AUTHORITY.replace("M", "é", 1), "lost some"),
    "empty": ("-----BEGIN CERTIFICATE----------END CERTIFICATE-----", "empty"),
    "no certificate inside": ("-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----", "is no certificate"),
    "private key": ((TLS / "server.key").read_text(), "private key"),
    "key beside a certificate": (AUTHORITY + (TLS / "server.key").read_text(), "private key"),
    "request": (AUTHORITY.replace("CERTIFICATE", "CERTIFICATE REQUEST"), "no certificate"),
    "relative path": ("certs/ca.pem", "absolute path"),
    "zero byte": ("/certs\0/ca.pem", "absolute path"),
    "no such file": ("/no/such/ca-sk-secret.pem", "does not exist"),
    "directory": (str(TLS), "cannot be read"),
    "another file": (str(Path(__file__).parents[2] / "conftest.py"), "no certificate"),
    "device": ("/dev/null", "is empty"),
    "endless device": ("/dev/zero", "too large"),
}


@pytest.mark.parametrize(("text", "part"), BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_bad_certificate_is_refused_and_not_quoted(text: str, part: str) -> None:
    with pytest.raises(RequestError) as caught:
        server(ca_certificate=text)
    assert caught.value.code in {"ca_certificate_invalid", "ca_certificate_unreadable"}
    assert part in str(caught.value)
    assert "secret" not in str(caught.value)


def test_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RequestError, match="is empty"):
        tls_of(verify=True, ca_certificate=str(tmp_path / "pipe"))


def test_large_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(AUTHORITY.encode().ljust(FILE_LIMIT + 1))
    with pytest.raises(RequestError, match="too large"):
        tls_of(verify=True, ca_certificate=str(tmp_path / "ca.pem"))


def test_file_in_both_forms(tmp_path: Path) -> None:
    (tmp_path / "ca.der").write_bytes(ssl.PEM_cert_to_DER_cert(AUTHORITY))
    for path in (TLS / "authority.pem", tmp_path / "ca.der"):
        assert isinstance(tls_of(verify=True, ca_certificate=str(path)), ssl.SSLContext)


EQUAL: dict[str, tuple[dict[str, str], bool]] = {
    "nothing said": ({}, True),
    "no check": ({"verify_tls": "false"}, False),
    "no check, authority pointless": ({"verify_tls": "false", "ca_certificate": AUTHORITY}, False),
}


@pytest.mark.parametrize(("saved", "tls"), EQUAL.values(), ids=EQUAL)
def test_verification(saved: dict[str, str], tls: bool) -> None:
    assert server(**saved).tls is tls


def test_large_settings_are_read_and_not_remembered() -> None:
    """Hundreds of sets with megabytes each would fill the memory of the process."""
    SETTINGS.clear()
    for number in range(60):
        saved = {"base_url": f"http://h{number}", "rerank_template": "{query} {document}" + "x" * 4_000_000}
        assert server_of(settings_of(saved)).place == f"http://h{number}:80"
    assert len(SETTINGS) == 0
    assert len(SERVERS) == 60
    with pytest.raises(RequestError, match="more than 65,536 characters"):
        server(extra_headers="X-A: " + "x" * 4_000_000)
    with pytest.raises(RequestError, match="more than 524,288 characters"):
        server(ca_certificate=AUTHORITY * 1000)


def test_equal_credentials_give_equal_servers() -> None:
    saved = {"extra_headers": "X-A: 1", "proxy": "never"}
    first = server(ca_certificate=AUTHORITY, **saved)
    SERVERS.clear()
    second = server(ca_certificate=AUTHORITY.replace("\n", " "), **saved)
    assert (first, hash(first)) == (second, hash(second))
    assert first != server(**saved)


TRUST: dict[str, tuple[dict[str, str], str]] = {
    "pasted in one line": ({"ca_certificate": AUTHORITY.replace("\n", " ")}, "hello"),
    "the server's own certificate": ({"ca_certificate": (TLS / "server.pem").read_text()}, "hello"),
    "no check": ({"verify_tls": "false"}, "hello"),
    "the machine's authorities": ({}, "ClientConnectorCertificateError"),
}


@pytest.mark.parametrize(("saved", "outcome"), TRUST.values(), ids=TRUST)
def test_real_connection(saved: dict[str, str], outcome: str) -> None:
    assert asyncio.run(ask_over_tls(saved)) == outcome


async def ask_over_tls(saved: dict[str, str]) -> str:
    """The body that a TLS server on the loopback address gives, or the name of the error."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
    listener = await asyncio.start_server(say_hello, "127.0.0.1", 0, ssl=context)
    port = listener.sockets[0].getsockname()[1]
    reached = server(base_url=f"https://localhost:{port}", **saved)
    try:
        async with aiohttp.ClientSession() as session, session.get(reached.base_url.url_for("/"), ssl=reached.tls) as reply:
            return await reply.text()
    except aiohttp.ClientConnectorError as error:
        return type(error).__name__
    finally:
        listener.close()


async def say_hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [("600", 570), ("3600", 3570), (" 45 ", 22.5), ("", 570), ("0", 570), ("10m", 570), ("²", 570), ("9" * 400, 570), (None, 570)],
)
def test_answers_end_before_dify_ends_them(limit: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {} if limit is None else {"PLUGIN_MAX_EXECUTION_TIMEOUT": limit}
    assert longest_answer_s(environment) == seconds
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    SETTINGS.clear()
    limits = server(answer_timeout="").limits
    assert (limits.answer, limits.first_byte) == (seconds, seconds)
    assert server(answer_timeout="900", first_byte_timeout="0").limits.answer == 900
    SETTINGS.clear()

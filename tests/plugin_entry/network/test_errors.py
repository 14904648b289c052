"""Exceptions of aiohttp and of the operating system as sentences: a table of made ones, then real ones from sockets on loopback."""

import asyncio
import errno
import re
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from aiohttp import http_exceptions
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from plugin_entry.network.errors import Phase, ProxyTimeoutError, describe_transport_error, ran_out
from plugin_entry.network.names import PATIENCE_S, NameTimeoutError
from translator.errors import Family, ServerError
from translator.settings.credentials import Timeouts

PLACE = "http://gpu.lan:11434"
CONNECT, FIRST_BYTE, BODY = Phase.CONNECT, Phase.FIRST_BYTE, Phase.BODY


def connector_error(number: int, host: str = "gpu.lan") -> aiohttp.ClientConnectorError:
    return aiohttp.ClientConnectorError(key(host), OSError(number, "secret text"))


def key(host: str = "gpu.lan") -> ConnectionKey:
    return ConnectionKey(host, 11434, False, True, None, None, None)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def info() -> RequestInfo:
    url = URL("http://gpu.lan:11434/secret")
    return RequestInfo(url, "POST", CIMultiDictProxy(CIMultiDict()), url)


def certificate_error(verify_code: int) -> aiohttp.ClientConnectorCertificateError:
    wrong = ssl.SSLCertVerificationError(1, "secret text")
    wrong.verify_code = verify_code
    error = aiohttp.ClientConnectorCertificateError(key(), wrong)
    error.__cause__ = wrong
    return error


MIXED = "Multiple exceptions: [Errno 113] No route to host, [Errno 111] Connect call failed ('10.0.0.1', 1)"

CASES: dict[str, tuple[Exception, Phase, str]] = {
    "refused": (connector_error(errno.ECONNREFUSED), CONNECT, "connection_refused"),
    "refused while sending and connecting are one call": (connector_error(errno.ECONNREFUSED), FIRST_BYTE, "connection_refused"),
    "refused, bare": (ConnectionRefusedError(errno.ECONNREFUSED, "x"), CONNECT, "connection_refused"),
    "several addresses, one refused": (aiohttp.ClientConnectorError(key(), OSError(MIXED)), CONNECT, "connection_refused"),
    "no route": (connector_error(errno.EHOSTUNREACH), CONNECT, "host_unreachable"),
    "no network": (connector_error(errno.ENETUNREACH), CONNECT, "host_unreachable"),
    "no IPv6": (connector_error(errno.EADDRNOTAVAIL), CONNECT, "host_unreachable"),
    "link-local without zone": (connector_error(errno.EINVAL), CONNECT, "host_unreachable"),
    "kernel gave up connecting": (connector_error(errno.ETIMEDOUT), FIRST_BYTE, "connect_timeout"),
    "not allowed": (connector_error(errno.EACCES), CONNECT, "connection_blocked"),
    "not permitted": (connector_error(errno.EPERM), CONNECT, "connection_blocked"),
    "too many files": (connector_error(errno.EMFILE), CONNECT, "too_many_files"),
    "too many files in the system": (connector_error(errno.ENFILE), CONNECT, "too_many_files"),
    "reset in the handshake": (connector_error(errno.ECONNRESET), FIRST_BYTE, "connect_reset"),
    "unknown number": (connector_error(9999), FIRST_BYTE, "connect_failed"),
    "name unknown": (aiohttp.ClientConnectorDNSError(key(), OSError(-2, "x")), CONNECT, "name_not_resolved"),
    "name unknown, bare": (socket.gaierror(-2, "x"), CONNECT, "name_not_resolved"),
    "name unknown, inside": (aiohttp.ClientConnectorError(key(), socket.gaierror(-3, "x")), CONNECT, "name_not_resolved"),
    "name of the proxy unknown": (aiohttp.ClientConnectorDNSError(key("proxy.corp"), OSError(-2, "x")), CONNECT, "proxy_failed"),
    "proxy refused": (aiohttp.ClientProxyConnectionError(key("proxy.corp"), OSError(errno.ECONNREFUSED, "x")), CONNECT, "proxy_failed"),
    "proxy on the same host": (aiohttp.ClientProxyConnectionError(key(), OSError(errno.ECONNREFUSED, "x")), CONNECT, "proxy_failed"),
    "proxy says no": (aiohttp.ClientHttpProxyError(info(), (), status=403, message="secret"), CONNECT, "proxy_refused"),
    "proxy silent": (ProxyTimeoutError(), FIRST_BYTE, "proxy_silent"),
    "certificate": (certificate_error(18), CONNECT, "tls_untrusted"),
    "certificate, bare": (ssl.SSLCertVerificationError(1, "x"), CONNECT, "tls_untrusted"),
    "fingerprint": (aiohttp.ServerFingerprintMismatch(b"a", b"b", "gpu.lan", 1), CONNECT, "tls_untrusted"),
    "no TLS there": (aiohttp.ClientConnectorSSLError(key(), ssl.SSLError(1, "WRONG_VERSION_NUMBER")), CONNECT, "tls_failed"),
    "connect limit": (aiohttp.ConnectionTimeoutError("x"), FIRST_BYTE, "connect_timeout"),
    "limit while connecting": (TimeoutError(), CONNECT, "connect_timeout"),
    "limit before the first byte": (TimeoutError(), FIRST_BYTE, "first_byte_timeout"),
    "limit between chunks": (TimeoutError(), BODY, "stalled"),
    "socket limit before the first byte": (aiohttp.SocketTimeoutError("x"), FIRST_BYTE, "first_byte_timeout"),
    "socket limit between chunks": (aiohttp.SocketTimeoutError("x"), BODY, "stalled"),
    "closed unanswered": (aiohttp.ServerDisconnectedError(), FIRST_BYTE, "connection_reset"),
    "closed in the body": (aiohttp.ServerDisconnectedError(), BODY, "payload_cut"),
    "reset": (aiohttp.ClientOSError(errno.ECONNRESET, "x"), FIRST_BYTE, "connection_reset"),
    "reset, bare": (ConnectionResetError(), FIRST_BYTE, "connection_reset"),
    "reset while sending": (aiohttp.ClientConnectionResetError("x"), FIRST_BYTE, "connection_reset"),
    "broken pipe": (BrokenPipeError(), FIRST_BYTE, "connection_reset"),
    "reset in the body": (ConnectionResetError(), BODY, "payload_cut"),
    "connector closed": (aiohttp.ClientConnectionError("Connector is closed."), FIRST_BYTE, "connection_reset"),
    "body too short": (caused(aiohttp.ClientPayloadError("x"), http_exceptions.ContentLengthError("x")), BODY, "payload_cut"),
    "chunked framing broken": (caused(aiohttp.ClientPayloadError("x"), http_exceptions.TransferEncodingError("x")), BODY, "payload_cut"),
    "not gzip": (caused(aiohttp.ClientPayloadError("x"), http_exceptions.ContentEncodingError("x")), BODY, "payload_encoding"),
    "no HTTP": (aiohttp.ClientResponseError(info(), (), status=400, message="secret"), FIRST_BYTE, "response_invalid"),
    "no URL": (aiohttp.InvalidURL("http://"), CONNECT, "address_invalid"),
    "no http URL": (aiohttp.NonHttpUrlClientError("ftp://x"), CONNECT, "address_invalid"),
    "anything else": (ValueError("secret"), BODY, "transport_failed"),
    "anything else while connecting": (ValueError("secret"), CONNECT, "connect_failed"),
    "unknown number in the body": (OSError(9999, "secret"), BODY, "transport_failed"),
}


@pytest.mark.parametrize(("error", "phase", "code"), CASES.values(), ids=CASES)
def test_exception_has_its_code_and_says_nothing_of_its_text(error: Exception, phase: Phase, code: str) -> None:
    described = describe_transport_error(error, PLACE, phase=phase)
    assert described.code == code
    assert PLACE in described.problem.cause
    assert "secret" not in str(described)
    assert not re.search(r"[{}]", str(described))


@pytest.mark.parametrize("phase", Phase)
def test_only_failures_to_connect_count_as_connection(phase: Phase) -> None:
    families = {
        describe_transport_error(error, PLACE, phase=phase).family for error in (TimeoutError(), ConnectionResetError(), ValueError())
    }
    assert families == {Family.CONNECTION if phase is CONNECT else Family.UNAVAILABLE}


@pytest.mark.parametrize(
    ("verify_code", "reason"),
    [(10, "expired"), (18, "self-signed"), (20, "authority is unknown"), (62, "another host name"), (999, "its check failed")],
)
def test_certificate_error_gives_the_reason(verify_code: int, reason: str) -> None:
    assert reason in str(describe_transport_error(certificate_error(verify_code), PLACE, phase=CONNECT))


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (407, "(squid, HTTP status 407, it wants user and password)"),
        (403, "(squid, HTTP status 403, its rules forbid it)"),
        (502, "(squid, HTTP status 502, it cannot reach the server)"),
        (400, "(squid, HTTP status 400)"),
    ],
)
def test_proxy_that_opens_no_tunnel_gives_its_name_and_the_status(status: int, part: str) -> None:
    error = aiohttp.ClientHttpProxyError(info(), (), status=status, message="x", headers=CIMultiDict({"Via": "1.1 cache7 (squid/5.7)"}))
    assert part in str(describe_transport_error(error, PLACE, phase=CONNECT))


@pytest.mark.parametrize(
    ("phase", "part"),
    [
        (CONNECT, "accept a connection within 2.5 seconds."),
        (FIRST_BYTE, "nothing within 2.5 seconds."),
        (BODY, "nothing more within 2.5 seconds."),
    ],
)
def test_time_limit_is_named(phase: Phase, part: str) -> None:
    assert part in describe_transport_error(TimeoutError(), PLACE, phase=phase, limit_seconds=2.5).problem.cause
    assert "second" not in describe_transport_error(TimeoutError(), PLACE, phase=phase).problem.cause


@pytest.mark.parametrize(
    ("connect", "first_byte", "said"), [(3, 5, 3), (0, 5, 5), (0, 0, PATIENCE_S), (60, 90, PATIENCE_S), (0, 90, PATIENCE_S)]
)
def test_a_name_is_waited_for_as_long_as_for_the_connection(connect: float, first_byte: float, said: float) -> None:
    assert ran_out(NameTimeoutError(), Timeouts(connect=connect, first_byte=first_byte)) == said


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ("http://user:secret@gpu.lan:11434/secret?secret#secret", "http://gpu.lan:11434."),
        ("http://[fe80::1%eth0]:11434", "http://[fe80::1%eth0]:11434."),
        ("", "the base URL."),
        ("secret", "the base URL."),
        ("http://[secret", "the base URL."),
        ("http://gpu.lan:secret", "the base URL."),
    ],
)
def test_only_scheme_host_and_port_of_the_place_are_shown(place: str, shown: str) -> None:
    described = describe_transport_error(ConnectionRefusedError(errno.ECONNREFUSED, "x"), place, phase=CONNECT)
    assert described.problem.cause == f"Nothing accepts connections at {shown}"
    assert "secret" not in str(described)


def test_an_ipv6_zone_is_no_other_host() -> None:
    error = connector_error(errno.ECONNREFUSED, "fe80::1%eth0")
    assert describe_transport_error(error, "http://[fe80::1%eth0]:11434", phase=CONNECT).code == "connection_refused"


def test_an_exception_that_wraps_itself_ends() -> None:
    error = aiohttp.ClientPayloadError("x")
    error.__cause__ = error
    assert describe_transport_error(error, PLACE, phase=BODY).code == "payload_cut"


type Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class NoNames(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def close(self) -> None:
        pass


def answers(data: bytes, *, reset: bool = False) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(data)
        await writer.drain()
        if reset:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    return handle


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)
    writer.close()


async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"5\r\nhello\r\n")
    await silence(reader, writer)


async def garbage(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await writer.drain()
    writer.close()


async def ask(place: str, resolver: AbstractResolver | None, proxy: str | None) -> ServerError:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=0.1)
    phase = FIRST_BYTE
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=resolver), timeout=timeout) as session:
        try:
            async with session.post(f"{place}/api/chat", data=b"{}", proxy=proxy, allow_redirects=False) as response:
                phase = BODY
                await response.read()
        except aiohttp.ClientError as error:
            return describe_transport_error(error, place, phase=phase)
    raise AssertionError("no error")


async def ask_server(handler: Handler, scheme: str) -> ServerError:
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        return await ask(f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}", None, None)


@pytest.mark.parametrize(
    ("handler", "scheme", "code"),
    [
        (answers(b""), "http", "connection_reset"),
        (answers(b"", reset=True), "http", "connection_reset"),
        (silence, "http", "first_byte_timeout"),
        (stall, "http", "stalled"),
        (answers(HEAD + b"5\r\nhel"), "http", "payload_cut"),
        (answers(HEAD + b"5\r\nhello\r\n", reset=True), "http", "payload_cut"),
        (answers(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"), "http", "payload_cut"),
        (answers(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"), "http", "payload_encoding"),
        (answers(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "http", "response_invalid"),
        (garbage, "https", "tls_failed"),
    ],
    ids=["closed", "reset", "silent", "stalled", "cut chunk", "reset in the body", "cut length", "not gzip", "no HTTP", "no TLS"],
)
def test_real_server(handler: Handler, scheme: str, code: str) -> None:
    assert asyncio.run(ask_server(handler, scheme)).code == code


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_real_refusal() -> None:
    described = asyncio.run(ask(f"http://localhost:{free_port()}", None, None))
    assert (described.code, described.family) == ("connection_refused", Family.CONNECTION)


def test_real_name_error() -> None:
    described = asyncio.run(ask("http://ollama:11434", NoNames(), None))
    assert (described.code, described.family) == ("name_not_resolved", Family.CONNECTION)


def test_real_proxy_that_is_gone() -> None:
    assert asyncio.run(ask("https://public.example:443", None, f"http://127.0.0.1:{free_port()}")).code == "proxy_failed"


def test_real_proxy_without_a_name() -> None:
    assert asyncio.run(ask("https://public.example:443", NoNames(), "http://proxy.example:3128")).code == "proxy_failed"

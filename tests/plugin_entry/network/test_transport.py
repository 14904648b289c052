"""aiohttp as this plugin sets it up."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import Iterator
from typing import Any

import aiohttp
import gevent
import pytest
from gevent.event import Event

from plugin_entry.network import connections
from plugin_entry.network.bridge import Bridge
from plugin_entry.network.connections import CONNECTS_AT_ONCE, new_session
from plugin_entry.network.inbox import Inbox
from plugin_entry.network.names import NameLookups
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit, serving
from translator.errors import ServerError
from translator.settings.credentials import Timeouts


@pytest.fixture(scope="module", name="bridge")
def own_bridge() -> Iterator[Bridge]:
    """A bridge of this module; the plugin's own has another thread (see conftest)."""
    bridge = Bridge()
    yield bridge
    bridge.close()


def test_connections_are_opened_a_few_at_a_time_until_the_server_answers(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer ends a turn, and lets the next connection be opened."""
    monkeypatch.setattr(connections, "LONGEST_TURN_S", 3600.0)
    go = Event()
    arrived: list[int] = []

    def answer(visit: Visit) -> None:
        arrived.append(visit.connection)
        go.wait()
        visit.whole(b"x")

    with serving(answer) as server:
        many = CONNECTS_AT_ONCE + 10
        readers = [gevent.spawn(bridge.fetch, server.call()) for _ in range(many)]
        with gevent.Timeout(PATIENCE_S):
            while len(arrived) < CONNECTS_AT_ONCE:
                gevent.sleep(0)
        gevent.idle()
        assert len(arrived) == CONNECTS_AT_ONCE
        go.set()
        gevent.joinall(readers, timeout=PATIENCE_S, raise_error=True)
    assert [reader.value.body for reader in readers] == [b"x"] * many


def test_without_any_answer_a_turn_lasts_a_moment(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """One slow server does not stop its own users either."""
    monkeypatch.setattr(connections, "LONGEST_TURN_S", 0.01)
    go, all_here = Event(), Event()
    arrived: list[int] = []
    many = CONNECTS_AT_ONCE + 10

    def answer(visit: Visit) -> None:
        arrived.append(visit.connection)
        if len(arrived) == many:
            all_here.set()
        go.wait()
        visit.whole(b"x")

    with serving(answer) as server:
        readers = [gevent.spawn(bridge.fetch, server.call()) for _ in range(many)]
        assert all_here.wait(PATIENCE_S)
        go.set()
        gevent.joinall(readers, timeout=PATIENCE_S, raise_error=True)
    assert [reader.value.body for reader in readers] == [b"x"] * many


def test_the_limit_for_the_first_byte_begins_with_the_connection(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine connecting may take long; the reply has its whole limit all the same."""
    limits, connect = Timeouts(connect=PATIENCE_S, first_byte=0.3), aiohttp.TCPConnector._create_connection

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(2 * limits.first_byte)
        return await connect(*args)

    monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", slow)
    with serving(lambda visit: visit.whole(b"here")) as server:
        assert bridge.fetch(server.call(limits=limits)).body == b"here"


def test_more_than_a_hundred_requests_are_under_way_at_once(bridge: Bridge) -> None:
    """aiohttp's own limit is 100; one slow model must not block the others."""
    count = 120
    all_here = Event()
    arrived: list[int] = []

    def answer(visit: Visit) -> None:
        arrived.append(visit.connection)
        if len(arrived) == count:
            all_here.set()
        all_here.wait()
        visit.whole(b"x")

    with serving(answer) as server:
        readers = [gevent.spawn(bridge.fetch, server.call()) for _ in range(count)]
        gevent.joinall(readers, timeout=PATIENCE_S, raise_error=True)
    assert sorted(arrived) == list(range(1, count + 1))


def test_a_compressed_reply_is_read_plain(bridge: Bridge) -> None:
    packed = gzip.compress(b'{"n":1}\n')

    def answer(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(packed), packed))

    with serving(answer) as server:
        assert bridge.fetch(server.call()).body == b'{"n":1}\n'


PIECES = [b"a" * size for size in (1, 10, 70_000, 3)]


def in_pieces(visit: Visit) -> None:
    visit.send(HEAD)
    for piece in PIECES:
        visit.chunk(piece)
        gevent.sleep(0)
    visit.send(END)


def packed(visit: Visit) -> None:
    packer = zlib.compressobj(wbits=31)
    visit.send(HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"))
    for piece in PIECES:
        if data := packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH):
            visit.chunk(data)
        gevent.sleep(0)
    visit.chunk(packer.flush())
    visit.send(END)


def until_the_end(visit: Visit) -> None:
    visit.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for piece in PIECES:
        visit.send(piece)
        gevent.sleep(0)
    visit.sock.shutdown(socket.SHUT_WR)


BODIES = {"in pieces": in_pieces, "packed": packed, "until the end of the connection": until_the_end}


@pytest.mark.parametrize("answer", BODIES.values(), ids=BODIES)
def test_a_body_is_read_whole(bridge: Bridge, answer: Any) -> None:
    with serving(answer) as server:
        assert bridge.fetch(server.call()).body == b"".join(PIECES)


def broken(visit: Visit) -> None:
    visit.send(b"no number\r\n")
    visit.wait_for_the_end()


def cut(visit: Visit) -> None:
    visit.sock.shutdown(socket.SHUT_WR)


FAULTS = {"a chunk size that is no number": broken, "the connection ends": cut}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_cuts_a_body_short_is_an_error_at_once(bridge: Bridge, fault: Any) -> None:
    go = Event()

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(b"good")
        go.wait()
        fault(visit)

    with serving(answer) as server:
        bursts = bridge.open(server.call(limits=Timeouts(between_chunks=0))).bursts()
        with gevent.Timeout(PATIENCE_S):
            assert next(bursts) == b"good"
            go.set()
            with pytest.raises(ServerError):
                next(bursts)


FLOOD = 64 * 1024 * 1024


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "kept"])
def test_others_have_their_turn_between_the_pieces_of_a_compressed_flood(
    bridge: Bridge, closes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One read from the connection brings all of it."""
    waiting: list[int] = []
    most, size = 0, 0

    def answer(visit: Visit) -> None:
        packed_flood = zlib.compress(bytes(FLOOD), wbits=31)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed_flood))
        visit.send(packed_flood)
        if closes:
            visit.sock.shutdown(socket.SHUT_WR)

    def put(inbox: Inbox, data: bytes) -> bool:
        """Leaves a callback behind, as others would; those that have not run are waiting."""
        nonlocal most, size
        size += len(data)
        most = max(most, len(waiting))
        waiting.append(size)
        asyncio.get_running_loop().call_soon(waiting.clear)
        return False

    monkeypatch.setattr(Inbox, "put", put)
    with serving(answer) as server:
        assert b"".join(bridge.open(server.call()).bursts()) == b""
    assert size == FLOOD
    assert most <= 1


def redirecting(status: int, location: str) -> bytes:
    return f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


def test_a_redirect_to_another_place_is_not_followed(bridge: Bridge) -> None:
    """The key and the prompt go where the user said, and nowhere else."""
    with (
        serving(lambda visit: visit.send(redirecting(307, "http://127.0.0.1:1/"))) as server,
        pytest.raises(ServerError, match=r"redirects to http://127\.0\.0\.1:1, where the request was not sent"),
    ):
        bridge.fetch(server.call())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_server_keeps_method_and_body(bridge: Bridge, status: int) -> None:
    def answer(visit: Visit) -> None:
        if visit.path == "/api/chat":
            visit.whole(visit.body)
        else:
            visit.send(redirecting(status, "/api/chat"))

    with serving(answer) as server:
        reply = bridge.fetch(server.call("//api/chat", b'{"model":"m"}'))
    assert (reply.status, reply.body) == (200, b'{"model":"m"}')


def test_a_circle_of_redirects_ends(bridge: Bridge) -> None:
    with (
        serving(lambda visit: visit.send(redirecting(307, "/api/chat"))) as server,
        pytest.raises(ServerError, match="circle"),
    ):
        bridge.fetch(server.call())


def test_the_environment_is_not_read(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's environment is not the user's; a proxy is chosen per server elsewhere."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(lambda visit: visit.whole(b"direct")) as server:
        assert bridge.fetch(server.call()).body == b"direct"


def trickling(visit: Visit) -> None:
    """One answer, and then blanks until the client leaves."""
    visit.send(HEAD)
    visit.chunk(b'{"n":1}\n')
    while True:
        visit.chunk(b"\n")
        gevent.sleep(0.001)


def test_blanks_are_no_progress(bridge: Bridge) -> None:
    """A thousand answers that said one word and then a line break every 20 s took every slot for ever."""
    with serving(trickling) as server, pytest.raises(ServerError) as caught:
        bridge.fetch(server.call(limits=Timeouts(between_chunks=0.05)))
    assert caught.value.code == "stalled"
    assert server.gone.wait(PATIENCE_S)


def test_what_counts_as_progress_is_the_readers_to_say(bridge: Bridge) -> None:
    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        while True:
            visit.chunk(b"more\n")
            gevent.sleep(0.001)

    with serving(answer) as server:
        reply = bridge.open(server.call(limits=Timeouts(between_chunks=0.05)))
        with pytest.raises(ServerError) as caught:
            for _ in reply.bursts(lambda: 0):
                pass
        assert caught.value.code == "stalled"


def test_a_session_keeps_no_cookies(bridge: Bridge) -> None:
    async def cookies() -> int:
        async with new_session(NameLookups()) as session:
            session.cookie_jar.update_cookies({"a": "b"})
            return len(session.cookie_jar)

    assert bridge.run(cookies) == 0

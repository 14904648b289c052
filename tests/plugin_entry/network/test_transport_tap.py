"""A body's bytes when they arrive: nothing is lost, repeated or left behind, whoever reads the connection."""

import asyncio
import socket
import zlib
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event

from plugin_entry.network import transport, transport_tap
from plugin_entry.network.bridge import Bridge
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit, serving
from translator.errors import ServerError
from translator.settings.credentials import Timeouts

PIECES = [b"a" * size for size in (1, 10, 70_000, 3)]


@pytest.fixture(scope="module", name="bridge")
def own_bridge() -> Iterator[Bridge]:
    """A bridge of this module; the plugin's own has another thread (see conftest)."""
    bridge = Bridge()
    yield bridge
    bridge.close()


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
@pytest.mark.parametrize("is_tapped", [True, False], ids=["tapped", "by a task"])
def test_a_body_is_read_whole(bridge: Bridge, answer: Any, is_tapped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transport that cannot be tapped is read as aiohttp wants it."""
    if not is_tapped:
        monkeypatch.setattr(transport, "tap", lambda *_: None)
    with serving(answer) as server:
        assert bridge.fetch(server.call()).body == b"".join(PIECES)


def test_a_connection_is_given_back_as_it_was(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    taps: list[transport_tap.Tap] = []

    def remembered(*arguments: Any) -> transport_tap.Tap | None:
        tapped = transport_tap.tap(*arguments)
        assert tapped is not None
        taps.append(tapped)
        return tapped

    monkeypatch.setattr(transport, "tap", remembered)
    with serving(in_pieces) as server:
        for _ in range(3):
            bridge.fetch(server.call())
        assert server.connections == 1
    assert len(taps) == 3
    assert {type(tapped._transport.get_protocol()) for tapped in taps} == {type(taps[0]._below)}


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


def test_bytes_can_be_dealt_with_where_they_arrive(bridge: Bridge) -> None:
    """Until the one who deals with them gives something back, which the reader gets."""
    taken: list[bytes] = []

    def take(data: bytes) -> bytes | None:
        taken.append(data)
        return b"over" if b"stop" in data else None

    go = Event()

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(b"first")
        go.wait()
        for piece in (b"one", b"two", b"stop"):
            visit.chunk(piece)
        visit.chunk(b"last")
        visit.send(END)

    with serving(answer) as server:
        reply = bridge.open(server.call())
        bursts = reply.bursts()
        assert next(bursts) == b"first"
        reply.divert(take)
        go.set()
        rest = b"".join(bursts)
    assert b"".join(taken).startswith(b"onetwostop")
    assert rest.startswith(b"over")
    assert b"".join(taken) + rest.removeprefix(b"over") == b"onetwostoplast"


FLOOD = 64 * 1024 * 1024


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "kept"])
def test_others_have_their_turn_between_the_pieces_of_a_compressed_flood(bridge: Bridge, closes: bool) -> None:
    """One read from the connection brings all of it."""
    go = Event()
    waiting: list[int] = []
    most, size = 0, 0

    def answer(visit: Visit) -> None:
        packed_flood = zlib.compress(bytes(FLOOD), wbits=31)
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed_flood))
        go.wait()
        visit.send(packed_flood)
        if closes:
            visit.sock.shutdown(socket.SHUT_WR)

    def take(data: bytes) -> None:
        """Leaves a callback behind, as others would; those that have not run are waiting."""
        nonlocal most, size
        size += len(data)
        most = max(most, len(waiting))
        waiting.append(size)
        asyncio.get_running_loop().call_soon(waiting.clear)

    with serving(answer) as server:
        reply = bridge.open(server.call())
        reply.divert(take)
        go.set()
        rest = b"".join(reply.bursts())
    assert (size, rest) == (FLOOD, b"")
    assert most <= 1

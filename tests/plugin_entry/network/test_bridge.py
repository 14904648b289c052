"""From a request greenlet to a real socket and back."""

import asyncio
import gc
import socket
import weakref
from collections.abc import Iterator
from functools import partial

import gevent
import pytest
from gevent.event import Event

from plugin_entry.network import bridge as bridge_module
from plugin_entry.network.bridge import LINGER_S, Bridge, OpenReply
from plugin_entry.network.inbox import HIGH_WATER, Inbox
from plugin_entry.network.selector import LONGEST_REST_S, Pace
from tests.servers.hostile import packed
from tests.servers.loopback import END, HEAD, PATIENCE_S, Visit, serving
from tests.stdio.processes import programs
from translator.errors import ServerError
from translator.limits import REFUSAL_BYTES, REPLY_BYTES, WHOLE_REPLY_BYTES
from translator.settings.credentials import Timeouts

NEVER_S = 3600.0


@pytest.fixture(scope="module", name="bridge")
def own_bridge() -> Iterator[Bridge]:
    """A bridge of this module; the plugin's own has another thread (see conftest)."""
    bridge = Bridge()
    yield bridge
    bridge.close()


def line(number: int, stream: str = "") -> bytes:
    return b'{"n":%d,"stream":"%b"}\n' % (number, stream.encode())


def test_fetches_a_whole_reply(bridge: Bridge) -> None:
    with serving(lambda visit: visit.whole(visit.path.encode() + visit.body, b"404 Not Found")) as server:
        reply = bridge.fetch(server.call("/api/show", b'{"model":"m"}'))
    assert (reply.status, reply.body, reply.headers["X-Test"]) == (404, b'/api/show{"model":"m"}', "yes")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_gives_every_byte_once_and_in_order(bridge: Bridge, size: int) -> None:
    whole = b"".join(line(number) for number in range(100))

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        for at in range(0, len(whole), size):
            visit.chunk(whole[at : at + size])
        visit.send(END)

    with serving(answer) as server:
        assert b"".join(bridge.open(server.call()).bursts()) == whole


def test_a_reply_that_is_given_up_is_freed_at_once(bridge: Bridge) -> None:
    """Not when cycles are looked for: 17 KB of each would be there until then."""

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(line(1))
        visit.wait_for_the_end()

    def give_up() -> "weakref.ref[Inbox]":
        reply = bridge.open(server.call())
        next(reply.bursts())
        reply.close()
        return weakref.ref(reply._inbox)

    gc.disable()
    try:
        with serving(answer) as server:
            inbox = give_up()
            assert server.gone.wait(PATIENCE_S)
            bridge.run(partial(asyncio.sleep, 0))
            assert inbox() is None
    finally:
        gc.enable()


def test_the_headers_do_not_wait_for_the_body(bridge: Bridge) -> None:
    go = Event()

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        go.wait()
        visit.chunk(b"x")
        visit.send(END)

    with serving(answer) as server:
        reply = bridge.open(server.call())
        assert reply.head.status == 200
        go.set()
        assert reply.body() == b"x"


def test_one_connection_serves_one_request_after_the_other(bridge: Bridge) -> None:
    with serving(lambda visit: visit.whole(b"%d" % visit.connection)) as server:
        bodies = [bridge.fetch(server.call()).body for _ in range(5)]
    assert bodies == [b"1"] * 5


def test_a_finished_answer_gives_its_connection_back(bridge: Bridge) -> None:
    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(line(visit.connection))
        visit.send(END)

    with serving(answer) as server:
        for _ in range(3):
            reply = bridge.open(server.call())
            assert next(reply.bursts()) == line(1)
            reply.finish()
            gevent.idle()


def test_a_closed_reply_stops_the_server_at_once(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "LINGER_S", NEVER_S)

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(b"x")
        visit.wait_for_the_end()

    with serving(answer) as server:
        reply = bridge.open(server.call())
        assert next(reply.bursts()) == b"x"
        reply.close()
        assert server.gone.wait(PATIENCE_S)


def test_a_request_that_is_given_up_before_its_headers_stops_the_server(bridge: Bridge) -> None:
    with serving(Visit.wait_for_the_end) as server:
        reader = gevent.spawn(bridge.fetch, server.call())
        gevent.sleep(0.01)
        reader.kill()
        assert server.gone.wait(PATIENCE_S)


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oops"])
def test_a_body_whose_reader_is_ended_stops_the_server(bridge: Bridge, status: bytes) -> None:
    """Nobody else would: a limit between two chunks counts the waiting of a reader."""

    def answer(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\n{" % status)
        visit.wait_for_the_end()

    with serving(answer) as server:
        reader = gevent.spawn(bridge.open(server.call()).body)
        gevent.idle()
        reader.kill()
        assert server.gone.wait(PATIENCE_S)


def test_a_server_that_lingers_after_the_answer_is_cut_off(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LINGER_S == 1.0
    monkeypatch.setattr(bridge_module, "LINGER_S", 0.1)

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(b"x")
        visit.wait_for_the_end()

    with serving(answer) as server:
        reply = bridge.open(server.call())
        next(reply.bursts())
        reply.finish()
        assert server.gone.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("limits", "sent", "code"),
    [
        pytest.param(Timeouts(first_byte=0.05), b"", "first_byte_timeout", id="no first byte"),
        pytest.param(Timeouts(between_chunks=0.05), HEAD + b"2\r\nx\n\r\n", "stalled", id="falls silent"),
    ],
)
def test_a_silent_server_is_given_up_in_time(bridge: Bridge, limits: Timeouts, sent: bytes, code: str) -> None:
    def answer(visit: Visit) -> None:
        visit.send(sent)
        visit.wait_for_the_end()

    with serving(answer) as server, pytest.raises(ServerError) as caught:
        bridge.open(server.call(limits=limits)).body()
    assert caught.value.code == code
    assert server.gone.wait(PATIENCE_S)


def test_a_cut_body_is_an_error_after_its_last_bytes(bridge: Bridge) -> None:
    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        visit.chunk(b"half")
        visit.sock.shutdown(socket.SHUT_RDWR)

    with serving(answer) as server:
        bursts = bridge.open(server.call()).bursts()
        assert next(bursts) == b"half"
        with pytest.raises(ServerError) as caught:
            next(bursts)
    assert caught.value.code == "payload_cut"


def test_a_refused_connection_is_an_error_of_the_connection(bridge: Bridge) -> None:
    with serving(lambda visit: None) as server:
        call = server.call()
    with pytest.raises(ServerError) as caught:
        bridge.fetch(call)
    assert caught.value.code == "connection_refused"


def test_a_reader_who_does_not_read_holds_the_server_up(bridge: Bridge) -> None:
    piece, pieces = b"x" * 65536, 250
    sent = 0

    def answer(visit: Visit) -> None:
        nonlocal sent
        visit.send(HEAD)
        for _ in range(pieces):
            visit.chunk(piece)
            sent += 1
        visit.send(END)

    with serving(answer) as server:
        reply = bridge.open(server.call(limits=Timeouts(between_chunks=0.05)))
        seen = -1
        while seen != sent:
            seen = sent
            gevent.sleep(0.1)
        assert HIGH_WATER / len(piece) < sent < pieces
        assert len(reply.body()) == pieces * len(piece)


def test_fifty_streams_at_once_stay_apart_and_lose_nothing(bridge: Bridge) -> None:
    lines = 60

    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        for number in range(lines):
            visit.chunk(line(number, visit.body.decode()))
            gevent.sleep(0.002)
        visit.send(END)

    with serving(answer) as server:
        readers = [gevent.spawn(lambda name: bridge.open(server.call(body=name)).body(), b"s%d" % number) for number in range(50)]
        gevent.joinall(readers, timeout=3 * PATIENCE_S, raise_error=True)
    for number, reader in enumerate(readers):
        assert reader.value == b"".join(line(at, f"s{number}") for at in range(lines))


def test_a_connection_that_is_used_again_does_not_rest(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bool] = []
    monkeypatch.setattr(Pace, "_open_window", lambda *_: None)
    monkeypatch.setattr(bridge._loop.pace, "rest_s", LONGEST_REST_S)

    def answer(visit: Visit) -> None:
        visit.send(HEAD + b"2\r\nx\n\r\n")
        gevent.sleep(0.01)
        visit.send(END)

    with serving(answer) as server:
        bridge.fetch(server.call())
        set_rest = bridge._loop.pace.set_rest

        def noted(fd: int, rests: bool) -> None:
            said.append(rests)
            set_rest(fd, rests)

        monkeypatch.setattr(bridge._loop.pace, "set_rest", noted)
        bridge.fetch(server.call())
        assert said == [True]
        assert server.connections == 1
        assert not getattr(bridge._loop._selector, "_resting", ())


LOST = """
import dify_plugin, gevent
from plugin_entry.network.bridge import Bridge
from tests.servers.hostile import packed
from tests.servers.loopback import HEAD, serving
from translator.errors import ServerError
bridge = Bridge()
def answer(visit):
    if visit.path == "/hang":
        visit.send(HEAD)
        visit.wait_for_the_end()
    else:
        visit.whole(b"fine")
def fail(*_):
    raise OSError("the kernel is tired")
with serving(answer) as server, gevent.Timeout(60):
    replies = [bridge.open(server.call("/hang")) for _ in range(3)]
    bridge._loop._selector.select = fail
    bridge._loop._selector.wake()
    with gevent.Timeout(60):
        for reply in replies:
            try:
                reply.body()
            except ServerError as error:
                print(error.code)
    print(bridge.fetch(server.call("/fine")).body.decode())
"""


PROGRAMS = programs({"lost": ("-c", LOST)})


def test_a_lost_loop_is_an_error_of_its_streams_and_the_next_request_works() -> None:
    done = PROGRAMS["lost"].done
    assert (done.stdout.split()[-1:], len(done.stdout.split())) == (["fine"], 4), done.stderr


def test_runs_a_coroutine_and_gives_its_result_or_error(bridge: Bridge) -> None:
    async def seven() -> int:
        return 7

    async def broken() -> int:
        raise ValueError("broken")

    assert bridge.run(seven) == 7
    with pytest.raises(ValueError, match="broken"):
        bridge.run(broken)


def test_a_reply_of_any_size_is_not_read_whole(bridge: Bridge) -> None:
    def answer(visit: Visit) -> None:
        visit.send(HEAD)
        while True:
            visit.chunk(b"x" * 1024 * 1024)

    with serving(answer) as server, pytest.raises(ServerError) as caught:
        bridge.fetch(server.call())
    assert caught.value.code == "reply_too_large"
    assert server.gone.wait(PATIENCE_S)


LISTS = b"[]," * 21845
"""64 KiB."""


@pytest.mark.parametrize("path", [*REPLY_BYTES, "/v1/rerank"])
def test_a_reply_is_counted_as_it_is_unpacked(bridge: Bridge, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """61 kB of gzip were 60 MiB of lists."""
    most = REPLY_BYTES.get(path, WHOLE_REPLY_BYTES)
    read: list[int] = []
    bursts = OpenReply.bursts

    def counted(reply: OpenReply) -> Iterator[bytes]:
        for data in bursts(reply):
            read.append(len(data))
            yield data

    monkeypatch.setattr(OpenReply, "bursts", counted)
    with serving(lambda visit: packed(visit, LISTS, 8 * WHOLE_REPLY_BYTES // len(LISTS))) as server, pytest.raises(ServerError) as caught:
        bridge.fetch(server.call(f"/base{path}"))
    assert caught.value.code == "reply_too_large"
    assert f"larger than {most // 1024:,} KiB" in str(caught.value)
    assert sum(read) <= most + HIGH_WATER


def test_of_a_refusal_only_the_beginning_is_read(bridge: Bridge) -> None:
    with serving(lambda visit: visit.whole(b"no" * REFUSAL_BYTES, b"500 Internal Server Error")) as server:
        reply = bridge.fetch(server.call("/api/embed"))
    assert reply.status == 500
    assert REFUSAL_BYTES <= len(reply.body) < 2 * REFUSAL_BYTES

"""Connections that may be used again and those that may not, addresses that nothing is sent to, names that take too long."""

import os
import resource
from collections.abc import Iterator

import attrs
import gevent
import pytest

from plugin_entry.network import names
from plugin_entry.network.bridge import Bridge
from plugin_entry.network.client import Call
from plugin_entry.network.connections import IDLE_KEPT, connector_of
from plugin_entry.network.server import Server
from tests.servers.hostile import HALF, STRAY, EarlyServer, StrayReplies
from tests.servers.loopback import PATIENCE_S, LoopbackServer, Visit, serving
from tests.servers.name_service import naming
from translator.errors import Family, ServerError
from translator.settings.base_url import parse_base_url
from translator.settings.credentials import Timeouts


@pytest.fixture(name="bridge")
def own_bridge() -> Iterator[Bridge]:
    """A bridge whose connections and names are those of one test."""
    bridge = Bridge()
    yield bridge
    bridge.close()


def call_to(url: str, limits: Timeouts | None = None, body: bytes = b"{}") -> Call:
    server = Server(base_url=parse_base_url(url), limits=limits or Timeouts())
    return Call(server=server, method="POST", url=server.base_url.url_for("/api/chat"), body=body)


def failure_of(bridge: Bridge, call: Call) -> ServerError:
    with pytest.raises(ServerError) as caught:
        bridge.fetch(call)
    return caught.value


# --- a connection belongs to one request at a time -------------------------------------------------------------------------------


def test_a_good_connection_is_used_again(bridge: Bridge) -> None:
    replies = StrayReplies()
    with serving(replies) as server:
        assert [bridge.fetch(server.call()).body for _ in range(3)] == [b"answer 1", b"answer 2", b"answer 3"]
        assert server.connections == 1


@pytest.mark.parametrize("stray", [STRAY, HALF, b"\r\n", b"x", STRAY * 3], ids=["a reply", "half a reply", "a line end", "junk", "three"])
def test_a_stray_reply_is_nobodys_answer(bridge: Bridge, stray: bytes) -> None:
    """A gateway that mixes up its replies must not give one tenant another's."""
    replies = StrayReplies(stray)
    with serving(replies) as server:
        assert bridge.fetch(server.call()).body == b"answer 1"
        replies.speak()
        assert bridge.fetch(server.call()).body == b"answer 2"
        assert bridge.fetch(server.call()).body == b"answer 3"
        assert server.connections == 2
        assert server.left.wait(PATIENCE_S), "the connection that said something is closed"


def test_a_stray_reply_behind_the_end_of_a_stream(bridge: Bridge) -> None:
    """In one piece with the last bytes of a good reply."""

    def answer(visit: Visit) -> None:
        visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n")
        gevent.sleep(0)
        visit.send(b"0\r\n\r\n" + STRAY)

    with serving(answer) as server:
        assert [bridge.fetch(server.call()).body for _ in range(3)] == [b"good"] * 3
        assert server.connections == 3


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
def test_a_server_that_answers_before_it_has_the_request_gets_no_second_one_there(bridge: Bridge) -> None:
    """The rest of the first request would be the beginning of the second."""
    with EarlyServer() as server:
        call = call_to(f"http://127.0.0.1:{server.port}", body=b"x" * 32_000_000)
        assert [bridge.fetch(call).body for _ in range(2)] == [b"early"] * 2
        assert server.connections == 2


def owned(server: LoopbackServer, key: str) -> Call:
    """A request with somebody's key."""
    plain = server.call()
    return Call(server=attrs.evolve(plain.server, headers=(("Authorization", key),)), method=plain.method, url=plain.url, body=plain.body)


def test_tenants_never_share_a_connection(bridge: Bridge) -> None:
    """A reply too many, which nobody can tell from an answer, meets its own tenant only."""
    used: dict[bytes, set[int]] = {b"one": set(), b"other": set()}

    def answer(visit: Visit) -> None:
        used[visit.body].add(visit.connection)
        visit.whole(b"x")

    with serving(answer) as server:
        for name in ("one", "other", "one", "other"):
            bridge.fetch(attrs.evolve(owned(server, f"Bearer {name}"), body=name.encode()))
        assert server.connections == 2
    assert not used[b"one"] & used[b"other"]


@pytest.mark.parametrize("status", [b"400 No", b"404 Not Found", b"500 Oops", b"503 Busy"])
def test_a_refusal_is_the_last_reply_of_its_connection(bridge: Bridge, status: bytes) -> None:
    with serving(lambda visit: visit.whole(b"no", status)) as server:
        assert [bridge.fetch(server.call()).body for _ in range(2)] == [b"no", b"no"]
        assert server.connections == 2


def test_after_a_reply_that_could_not_be_read_no_connection_is_used_again(bridge: Bridge) -> None:
    """Also those that are in use meanwhile, each after its reply; other tenants keep theirs."""
    came, go = gevent.event.Event(), gevent.event.Event()

    def answer(visit: Visit) -> None:
        if visit.body == b"late":
            came.set()
            go.wait()
        visit.whole(b"%d" % visit.connection)

    with serving(answer) as server:
        assert bridge.fetch(owned(server, "other")).body == b"1"
        late = gevent.spawn(bridge.fetch, attrs.evolve(server.call(), body=b"late"))
        assert came.wait(PATIENCE_S)
        reply = bridge.open(server.call())
        assert reply.body() == b"3"
        reply.close()
        assert bridge.fetch(server.call()).body == b"4"
        go.set()
        assert late.get(timeout=PATIENCE_S).body == b"2"
        assert server.left.wait(PATIENCE_S)
        assert [bridge.fetch(server.call()).body for _ in range(2)] == [b"4", b"4"]
        assert bridge.fetch(owned(server, "other")).body == b"1"


def test_what_is_kept_is_bounded(bridge: Bridge) -> None:
    many = IDLE_KEPT + 10
    arrived: list[int] = []
    go = gevent.event.Event()

    def answer(visit: Visit) -> None:
        arrived.append(visit.connection)
        if len(arrived) == many:
            go.set()
        go.wait()
        visit.whole(b"x")

    with serving(answer) as server:
        readers = [gevent.spawn(bridge.fetch, server.call()) for _ in range(many)]
        gevent.joinall(readers, timeout=PATIENCE_S, raise_error=True)

        async def idle() -> tuple[int, int]:
            connector = connector_of(bridge._session_of_this_loop())
            return sum(map(len, connector._conns.values())), len(connector._gates)

        kept, gates = bridge.run(idle)
        assert kept == IDLE_KEPT
        assert gates == 0, "nothing is kept of a host that nobody connects to"


# --- names and addresses ---------------------------------------------------------------------------------------------------------


def test_a_name_of_a_metadata_service_is_refused_whoever_it_belongs_to(bridge: Bridge) -> None:
    with naming({"meta.example": ("169.254.169.254",), "both.example": ("fd00:ec2::254", "100.100.100.200")}):
        for name in ("meta.example", "both.example"):
            error = failure_of(bridge, call_to(f"http://{name}"))
            assert (error.code, error.family) == ("address_refused", Family.BAD_REQUEST)


def test_slow_names_of_one_tenant_are_told_and_delay_nobody_else(bridge: Bridge) -> None:
    quick = Timeouts(connect=0.3)
    with serving(lambda visit: visit.whole(b"healthy")) as server, naming({"good.example": ("127.0.0.1",)}, slow=(".slow",)):
        slow = [gevent.spawn(failure_of, bridge, call_to(f"http://n{number}.evil.slow", quick)) for number in range(100)]
        gevent.sleep(0)
        with gevent.Timeout(PATIENCE_S):
            assert bridge.fetch(call_to(f"http://good.example:{server.port}", Timeouts(connect=0))).body == b"healthy"
        gevent.joinall(slow, timeout=PATIENCE_S, raise_error=True)
    errors = [job.value for job in slow]
    assert {error.code for error in errors} == {"name_timeout"}
    assert str(errors[0]).startswith("The host name of http://n0.evil.slow:80 could not be looked up within 0.3 seconds: the name servers")


def test_a_name_that_nobody_answers_for_has_its_own_limit(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "PATIENCE_S", 0.02)
    with naming({}, slow=(".slow",)):
        assert failure_of(bridge, call_to("http://a.slow", Timeouts(connect=0, first_byte=0))).code == "name_timeout"
        assert failure_of(bridge, call_to("http://b.slow", Timeouts(connect=0, first_byte=0.01))).code == "name_timeout"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_addresses_need_no_look_up(bridge: Bridge, host: str) -> None:
    with naming({}) as service:
        assert failure_of(bridge, call_to(f"http://{host}:1")).code == "connection_refused"
        assert service.asked == []


def test_an_unknown_name_is_unknown(bridge: Bridge) -> None:
    with naming({}):
        assert failure_of(bridge, call_to("http://a.example")).code == "name_not_resolved"


# --- descriptors -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "a.example"])
def test_without_free_descriptors_the_error_says_so(bridge: Bridge, host: str) -> None:
    with naming({}):
        failure_of(bridge, call_to("http://127.0.0.1:1"))  # the loop has its own descriptors now
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            error = failure_of(bridge, call_to(f"http://{host}:1"))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert error.code == "too_many_files"
    assert "ulimit" in str(error)


def test_two_tenants_behind_one_gateway_are_two_places() -> None:
    gate = Server(base_url=parse_base_url("http://gate.example/a"), headers=(("Authorization", "Bearer secret-key"),))
    others = [
        attrs.evolve(gate, base_url=parse_base_url("http://gate.example/b")),
        attrs.evolve(gate, headers=(("Authorization", "Bearer other"),)),
        attrs.evolve(gate, headers=()),
        attrs.evolve(gate, base_url=parse_base_url("http://user@gate.example/a")),
        attrs.evolve(gate, proxy="http://proxy:3128"),
        attrs.evolve(gate, tls=False),
    ]
    assert len({gate.identity, *(other.identity for other in others)}) == 1 + len(others)
    assert attrs.evolve(gate, limits=Timeouts(connect=1)).identity == gate.identity, "who asks in a hurry asks the same server"
    assert "secret" not in gate.identity

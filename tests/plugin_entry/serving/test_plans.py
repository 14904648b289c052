"""Plans of the translator over real connections."""

from collections.abc import Generator, Iterator

import gevent
import pytest
from gevent.event import Event

from plugin_entry.network.bridge import Bridge
from plugin_entry.serving.plans import run_plan
from plugin_entry.threads import HEAVY
from tests.servers.loopback import PATIENCE_S, Visit, serving
from translator.errors import ServerError
from translator.shapes.exchange import HttpReply, HttpRequest

type Rounds = Generator[tuple[HttpRequest, ...], tuple[HttpReply, ...], list[bytes]]


@pytest.fixture(scope="module", name="bridge")
def own_bridge() -> Iterator[Bridge]:
    """A bridge of this module; the plugin's own has another thread (see conftest)."""
    bridge = Bridge()
    yield bridge
    bridge.close()


def asking(*rounds: tuple[str, ...]) -> Rounds:
    """A plan of these paths; gives all bodies."""
    bodies: list[bytes] = []
    for paths in rounds:
        replies = yield tuple(HttpRequest(url=path, body=path.encode(), headers={"X-Own": "yes"}) for path in paths)
        bodies.extend(reply.body for reply in replies)
    return bodies


def echo(visit: Visit) -> None:
    visit.whole(visit.path.encode() + b"=" + visit.body)


def test_rounds_follow_each_other_and_replies_keep_their_order(bridge: Bridge) -> None:
    with serving(echo) as server:
        bodies = run_plan(bridge, asking(("/a",), ("/b", "/c", "/d"), ()), server.call().server, concurrency=2)
    assert bodies == [b"/a=/a", b"/b=/b", b"/c=/c", b"/d=/d"]


def test_a_reply_that_a_plan_cannot_read_ends_its_connection(bridge: Bridge) -> None:
    def plan() -> Rounds:
        yield (HttpRequest(url="/a", body=b"", headers={"X-Own": "yes"}),)
        raise ServerError.of("unreadable", "It is no answer.")

    with serving(echo) as server:
        for _ in range(2):
            with pytest.raises(ServerError):
                run_plan(bridge, plan(), server.call().server, concurrency=1)
        assert server.connections == 2


@pytest.mark.parametrize(("weight", "is_apart"), [(HEAVY, True), (HEAVY - 1, False)], ids=["heavy", "light"])
def test_requests_with_heavy_texts_are_written_apart(bridge: Bridge, weight: int, is_apart: bool) -> None:
    hubs: list[object] = []

    def plan() -> Rounds:
        hubs.append(gevent.get_hub())
        yield ()
        return []

    with serving(echo) as server:
        run_plan(bridge, plan(), server.call().server, concurrency=1, weight=weight)
    assert (hubs[0] is not gevent.get_hub()) is is_apart


@pytest.mark.parametrize("concurrency", [1, 3])
def test_only_so_many_requests_run_at_once(bridge: Bridge, concurrency: int) -> None:
    running, most = 0, 0

    def answer(visit: Visit) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        gevent.sleep(0.005)
        running -= 1
        visit.whole(b"x")

    with serving(answer) as server:
        run_plan(bridge, asking(("/a",) * 9), server.call().server, concurrency=concurrency)
    assert most == concurrency


def test_a_whole_address_goes_where_it_says(bridge: Bridge) -> None:
    with serving(lambda visit: visit.whole(b"first")) as first, serving(lambda visit: visit.whole(b"second")) as second:
        bodies = run_plan(bridge, asking(("/a",), (second.call("/b").url,)), first.call().server, concurrency=1)
    assert bodies == [b"first", b"second"]


def test_a_failure_ends_the_plan_and_the_requests_beside_it(bridge: Bridge) -> None:
    closed = Event()

    def plan() -> Rounds:
        try:
            yield (HttpRequest(url="/cut"), HttpRequest(url="/hang"))
        finally:
            closed.set()
        return []

    def answer(visit: Visit) -> None:
        if visit.path == "/cut":
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nx")
            visit.sock.shutdown(2)
        else:
            visit.wait_for_the_end()

    with serving(answer) as server:
        with pytest.raises(ServerError):
            run_plan(bridge, plan(), server.call().server, concurrency=2)
        assert closed.is_set()
        assert server.gone.wait(PATIENCE_S)

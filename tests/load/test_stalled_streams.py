"""Three hundred streams that stall, at each phase of a request, beside fifty healthy ones: those hardly notice."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from itertools import count

import attrs
import gevent
import pytest
from gevent.server import StreamServer

from plugin_entry.cli.daemon import PluginProcess
from plugin_entry.cli.daemon.requests import invoke_llm, user_message
from plugin_entry.dify.slots import SHARE
from tests.load.healthy_streams import delays_s, telling
from tests.servers.hostile import described
from tests.servers.loopback import HEAD, PATIENCE_S, Visit, serving
from tests.servers.stalling_server import line

STALLED, HEALTHY = 300, 50
LATER_S, TRIES = 0.05, 4
LOOK_S, BACKLOG = 0.1, 8


@attrs.frozen
class Stall:
    """Where streams stall, and how many have come so far."""

    url: str
    came: Callable[[], int]


@contextmanager
def unaccepted() -> Iterator[Stall]:
    """A server whose queue of connections is full: the next one waits for the answer to its SYN."""
    with ExitStack() as stack:
        full = stack.enter_context(closing(socket.socket()))
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(BACKLOG):
            waiting = stack.enter_context(closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        times = count()
        yield Stall(f"http://127.0.0.1:{full.getsockname()[1]}", lambda: STALLED * next(times))


@contextmanager
def unencrypted() -> Iterator[Stall]:
    """A server that takes connections and says nothing to them."""
    came: list[object] = []

    def keep(sock: socket.socket, _: object) -> None:
        came.append(sock)
        while sock.recv(65536):
            pass

    server = StreamServer(("127.0.0.1", 0), keep, backlog=4 * STALLED)
    server.start()
    try:
        yield Stall(f"https://127.0.0.1:{server.server_port}", lambda: len(came))
    finally:
        server.stop(timeout=0)


@contextmanager
def silent(beginning: bytes) -> Iterator[Stall]:
    """A server that takes chats and says this and nothing more."""
    came: list[Visit] = []

    def answer(visit: Visit) -> None:
        if not described(visit):
            if beginning:
                visit.send(HEAD)
                visit.chunk(beginning)
            came.append(visit)
            visit.wait_for_the_end()

    with serving(answer) as server:
        yield Stall(f"http://127.0.0.1:{server.port}", lambda: len(came))


PHASES: dict[str, Callable[[], AbstractContextManager[Stall]]] = {
    "connect": unaccepted,
    "TLS": unencrypted,
    "headers": partial(silent, b""),
    "between chunks": partial(silent, line(content="hi")),
}


def typical_s(plugin: PluginProcess, url: str) -> float:
    """What all but the slowest twentieth of the pieces needed."""
    found = delays_s(plugin, url, HEALTHY)
    return found[len(found) * 19 // 20]


@pytest.mark.parametrize("phase", PHASES)
def test_stalled_streams_delay_nobody(phase: str) -> None:
    later = []
    with serving(partial(telling, lines=40, pace_s=0.05)) as server, PHASES[phase]() as stalled:
        url = f"http://127.0.0.1:{server.port}"
        for _ in range(TRIES):
            with PluginProcess() as plugin:
                before, alone = stalled.came(), typical_s(plugin, url)
                for number in range(STALLED):
                    saved = {"base_url": stalled.url, "extra_headers": f"X-Tenant: {number % SHARE}"}
                    plugin.send(invoke_llm(f"m{number}", saved, [user_message("hi")]))
                with gevent.Timeout(PATIENCE_S):
                    while stalled.came() - before < STALLED:
                        gevent.sleep(LOOK_S)
                    gevent.sleep(LOOK_S)
                    later.append(typical_s(plugin, url) - alone)
            print(f"{phase}: {later[-1] * 1000:.0f} ms later than {alone * 1000:.0f} ms")
            if later[-1] < LATER_S:
                return
    pytest.fail(f"pieces came {min(later):.3f} s later at best")

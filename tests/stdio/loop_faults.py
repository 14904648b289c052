"""Plants faults into the event loop of a process of its own, one after the other: `python -m tests.stdio.loop_faults NAME ...`.

Takes names of faults. Prints per fault one line of JSON with what the streams that were under way were told, and what came after.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from typing import Any

import dify_plugin  # isort: split  # patches the process, as it does in the plugin
import gevent

from plugin_entry.network.bridge import Bridge, OpenReply
from plugin_entry.network.loop import LoopGreenlet, LoopLostError
from tests.servers.loopback import HEAD, LoopbackServer, Visit, serving
from translator.errors import ServerError

assert dify_plugin
STREAMS = 3
SOON_S = 0.1
PATIENCE_S = 60.0
DESCRIPTORS = 256
SECRET = "sk-secret"

type Fault = Callable[[Bridge, LoopGreenlet], object]
type Found = dict[str, Any]


def answer(visit: Visit) -> None:
    """One path begins and goes on for ever, the others are answered."""
    if visit.path == "/hang":
        visit.send(HEAD)
        visit.chunk(b"x")
        visit.wait_for_the_end()
    else:
        visit.whole(b"fine")


def outcome(reply: OpenReply) -> str:
    """The code of the error that ends a reply."""
    try:
        reply.body()
    except ServerError as error:
        return error.code
    return "whole"


def scene(fault: Fault) -> Found:
    """Streams are under way, and then something happens."""
    bridge = Bridge()
    green = bridge._loop
    with serving(answer) as server, gevent.Timeout(4 * PATIENCE_S):
        replies = [bridge.open(server.call("/hang")) for _ in range(STREAMS)]
        for reply in replies:
            next(reply.bursts())
        readers = [gevent.spawn(outcome, reply) for reply in replies]
        gevent.idle()
        loop = green.current
        found: Found = {}
        fault(bridge, green)
        if fault in ENDING:
            gevent.joinall(readers, timeout=PATIENCE_S)
            found["left"] = server.gone.wait(PATIENCE_S)
        found["next"] = [bridge.fetch(server.call("/fine")).body.decode() for _ in range(2)]
        found["codes"] = [reader.value for reader in readers]
        found["is_new"] = green.current is not loop
        for reply in replies:
            reply.close()
        gevent.joinall(readers, timeout=PATIENCE_S)
        bridge.close()
    return found


# --- what ends the loop ----------------------------------------------------------------------------------------------------------


def poll_fails(_: Bridge, green: LoopGreenlet) -> None:
    def fail(*_: object) -> None:
        raise OSError(SECRET)

    selector: Any = green._selector
    selector.select = fail
    selector.wake()


def greenlet_is_killed(_: Bridge, green: LoopGreenlet) -> None:
    green._greenlet.kill(block=False)


def on_the_loop(green: LoopGreenlet, callback: Callable[[], object]) -> None:
    """Has the loop call something."""
    assert green.current is not None
    green.current.call_soon(callback)
    green.wake()


def callback_exits(_: Bridge, green: LoopGreenlet) -> None:
    on_the_loop(green, lambda: sys.exit(3))


def task_exits(_: Bridge, green: LoopGreenlet) -> None:
    async def leave() -> None:
        sys.exit(3)

    green.run(leave(), lambda _: None)


def epoll_is_closed(_: Bridge, green: LoopGreenlet) -> None:
    selector: Any = green._selector
    selector._epoll.close()
    selector.wake()


def loop_is_stopped(_: Bridge, green: LoopGreenlet) -> None:
    assert green.current is not None
    on_the_loop(green, green.current.stop)


# --- what ends nothing ---------------------------------------------------------------------------------------------------------------


def callback_fails(_: Bridge, green: LoopGreenlet) -> None:
    def spoil() -> None:
        raise ValueError(SECRET)

    on_the_loop(green, spoil)


def session_is_closed(bridge: Bridge, green: LoopGreenlet) -> None:
    del green
    assert bridge._session is not None
    bridge.run(bridge._session.close)


ENDING: tuple[Fault, ...] = (
    *(poll_fails, greenlet_is_killed, callback_exits, task_exits, epoll_is_closed, loop_is_stopped),
    session_is_closed,
)
"""Faults that end the streams which are under way."""
FAULTS: dict[str, Fault] = {each.__name__: each for each in (*ENDING, callback_fails)}


def no_descriptors() -> Found:
    """The loop is to start when the process may open nothing more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    bridge, held, codes = Bridge(), list[int](), list[str]()
    with serving(answer) as server:
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            codes.append(code_of(bridge, server))
        for each in held:
            os.close(each)
        gevent.sleep(SOON_S)  # gevent's `close` is done a little later
        found = {"codes": codes, "next": bridge.fetch(server.call()).body.decode()}
        bridge.close()
    return found


def code_of(bridge: Bridge, server: LoopbackServer) -> str:
    """The code of the error of one request."""
    try:
        bridge.fetch(server.call())
    except (ServerError, LoopLostError) as error:
        return str(getattr(error, "code", type(error).__name__))
    return "whole"


def main() -> None:
    """Prints what was found."""
    for name in sys.argv[1:]:
        found = no_descriptors() if name == no_descriptors.__name__ else scene(FAULTS[name])
        sys.stdout.write(json.dumps({name: found}) + "\n")


if __name__ == "__main__":
    main()

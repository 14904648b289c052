"""An Ollama server whose models are stages of an answer: the name of the model says how far the answer comes, and then it waits.

A test can wait until a client came and until it left.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import gevent
from gevent.event import Event

from tests.servers.loopback import END, HEAD, LoopbackServer, Visit, serving

PACE_S = 0.01
SHOW = {"capabilities": ["completion", "thinking", "tools"], "model_info": {"general.architecture": "x", "x.context_length": 8192}}
DONE = {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 3}


def line(done: bool = False, **message: Any) -> bytes:
    """One line of a reply."""
    return json.dumps({"model": "m", "message": {"role": "assistant", **message}, "done": done}).encode() + b"\n"


def silent(visit: Visit) -> None:
    """Takes the request and answers nothing."""


def headed(visit: Visit) -> None:
    """Sends headers and nothing more."""
    visit.send(HEAD)


def begun(visit: Visit) -> None:
    """Sends one piece of text and nothing more."""
    visit.send(HEAD)
    visit.chunk(line(content="once "))


def thinking(visit: Visit) -> None:
    """Begins to think and says nothing more."""
    visit.send(HEAD)
    visit.chunk(line(thinking="hm "))


def talking(visit: Visit) -> None:
    """Talks on and on."""
    visit.send(HEAD)
    while True:
        visit.chunk(line(content="on "))
        gevent.sleep(PACE_S)


def refusing(visit: Visit) -> None:
    """Begins to say what is wrong."""
    visit.send(b"HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n{")


def quick(visit: Visit) -> None:
    """Answers at once."""
    visit.send(HEAD)
    visit.chunk(line(content="yes") + json.dumps(DONE).encode() + b"\n")
    visit.send(END)


STAGES: dict[str, Callable[[Visit], None]] = {each.__name__: each for each in (silent, headed, begun, thinking, talking, refusing, quick)}
WHOLE = frozenset({"quick"})
"""Those that come to an end by themselves."""


@attrs.define(eq=False)
class StallingServer:
    """`came` and `left` tell, per stage, that a client came and that it left; `times` when it left (`time.monotonic`)."""

    server: LoopbackServer
    stages: dict[str, Callable[[Visit], None]]
    came: defaultdict[str, Event] = attrs.field(factory=lambda: defaultdict(Event))
    left: defaultdict[str, Event] = attrs.field(factory=lambda: defaultdict(Event))
    times: dict[str, float] = attrs.field(factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def answer(self, visit: Visit) -> None:
        if visit.path != "/api/chat":
            visit.whole(json.dumps(SHOW if visit.path == "/api/show" else {"version": "0.33.0"}).encode())
            return
        stage = json.loads(visit.body)["model"]
        self.came[stage].set()
        try:
            self.stages[stage](visit)
            if stage not in WHOLE:
                visit.wait_for_the_end()
        finally:
            if stage not in WHOLE:
                self.times[stage] = time.monotonic()
                self.left[stage].set()


def aside[T](work: Callable[[], T]) -> T:
    """Does something that blocks its thread, while the server goes on."""
    result: T = gevent.get_hub().threadpool.apply(work)
    return result


@contextmanager
def stalling(**more: Callable[[Visit], None]) -> Iterator[StallingServer]:
    """Serves while the block runs; `more` are stages of a test's own."""

    def answer(visit: Visit) -> None:
        state.answer(visit)

    with serving(answer) as server:
        state = StallingServer(server, STAGES | more)
        yield state

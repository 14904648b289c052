"""Whether the plugin's memory stays flat: `python -m tests.endurance [REQUESTS]` answers many requests in one process and looks.

It sends 10,000 by default, and lets the callers of a tenth as many more leave at some moment. It prints a line of JSON. The exit code is 1
when there is more of anything at the end than after the first thousand: bytes of the process, objects of the interpreter, open descriptors,
greenlets.
"""

import gc
import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

import attrs
import dify_plugin  # isort: split  # patches the process, as it does in the plugin
import gevent
from gevent.pool import Pool

from plugin_entry.cli.daemon.requests import user_message
from plugin_entry.serving import chat
from plugin_entry.serving.chat import BRIDGE
from tests.sdk_chunks import as_models
from tests.servers.loopback import END, HEAD, Visit
from tests.servers.stalling_server import DONE, line, stalling
from translator.shapes.dify import Message, Role
from translator.turn import Ask

assert dify_plugin
REQUESTS, WARM_UP = 10_000, 1_000
AT_ONCE = 8
LEAVING = 10
"""One request is given up for so many that are answered."""
TOKENS, TOKENS_PER_CHUNK = 100_000, 500
MORE_OBJECTS, MORE_KIB, MORE_DESCRIPTORS, MORE_GREENLETS = 1_000, 6 * 1024, 8, 8
"""What may be more at the end: caches that are not full, and the allocator's own ways."""
PROMPT = user_message("hi")["content"]


@attrs.frozen
class Look:
    """One look at the process."""

    objects: int
    kib: int
    descriptors: int
    greenlets: int

    def grown_since(self, before: "Look") -> list[str]:
        """What there is too much more of."""
        limits = (MORE_OBJECTS, MORE_KIB, MORE_DESCRIPTORS, MORE_GREENLETS)
        rows = zip(attrs.asdict(self).items(), attrs.astuple(before), limits, strict=True)
        return [name for (name, now), then, limit in rows if now - then > limit]


def look() -> Look:
    """Counts what there is."""
    gevent.sleep(0.1)
    gc.collect()
    objects: list[Any] = gc.get_objects()
    greenlets = sum(isinstance(each, gevent.Greenlet) and not each.dead for each in objects)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kib = next(int(row.split()[1]) for row in status if row.startswith("VmRSS"))
    return Look(len(objects), kib, len(os.listdir("/proc/self/fd")), greenlets)


def ask(url: str, stage: str) -> int:
    """One request; gives the characters of its answer."""
    messages = (Message(role=Role.USER, content=PROMPT),)
    chunks = as_models(chat.stream(Ask(model=stage, messages=messages), {"base_url": url}))
    return sum(len(str(chunk.delta.message.content)) for chunk in chunks)


def many(url: str, requests: int) -> None:
    """So many requests, some of them at the same time."""
    answers = Pool(AT_ONCE).imap_unordered(lambda _: ask(url, "quick"), range(requests), maxsize=AT_ONCE)
    assert sum(characters == len("yes") for characters in answers) == requests


def left(url: str, requests: int) -> None:
    """So many requests, at the same time, whose callers leave: before the connection, while they wait, in the middle of the answer."""
    chance = Random(requests)

    def leave(number: int) -> None:
        caller = gevent.spawn(ask, url, ("silent", "headed", "begun", "talking")[number % 4])
        caller.join(chance.choice((0.0, 0.01, 0.05)))
        caller.kill()

    for _ in Pool(LEAVING * AT_ONCE).imap_unordered(leave, range(requests), maxsize=LEAVING * AT_ONCE):
        pass


def long(visit: Visit) -> None:
    """An answer of very many tokens."""
    visit.send(HEAD)
    chunk = line(content="word ") * TOKENS_PER_CHUNK
    for _ in range(TOKENS // TOKENS_PER_CHUNK):
        visit.chunk(chunk)
    visit.chunk(json.dumps(DONE).encode() + b"\n")
    visit.send(END)


def endure(requests: int) -> dict[str, Any]:
    """Gives both looks, and what has grown."""
    with stalling(long=long) as server:
        warm_up = min(WARM_UP, requests // 3)
        many(server.url, warm_up)
        before = look()
        many(server.url, requests - warm_up)
        after = look()
        left(server.url, requests // LEAVING)
        after_leaving = look()
        characters = ask(server.url, "long")
        after_long = look()
    BRIDGE.close()
    assert characters == TOKENS * len("word ")
    return {
        "requests": requests,
        "before": attrs.asdict(before),
        "after": attrs.asdict(after),
        "after_leaving": attrs.asdict(after_leaving),
        "after_long": attrs.asdict(after_long),
        "grown": after.grown_since(before) + after_leaving.grown_since(after) + after_long.grown_since(after_leaving),
    }


def main() -> int:
    """Prints what was found."""
    found = endure(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS)
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if found["grown"] else 0


if __name__ == "__main__":
    sys.exit(main())

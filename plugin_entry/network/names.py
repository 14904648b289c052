"""Looks host names up in threads of its own.

Names come from users, and a name server may take as long as it likes. One tenant's slow names must not use up the threads that another
tenant's names need. So there are many threads, the names of one domain and the links of one tenant get a share of them, and a few are kept
for names that were answered quickly before. Requests for the same name share one look-up; answers and failures are kept for some seconds.
"""

import asyncio
import importlib
import os
import socket
import sys
from collections import Counter
from functools import partial
from typing import Any

import aiohttp
import attrs

from translator.caches import BoundedCache

THREADS = 64
FOR_GOOD_NAMES = 8
"""Threads that only names get whose last look-up was quick."""
OF_ONE_DOMAIN = 32
"""Look-ups at a time of names that end in the same two labels."""
OF_ONE_OWNER = 2
"""Look-ups at a time for the links of one tenant."""

PATIENCE_S = 10.0
"""How long anybody waits for a name."""
QUICK_S = 1.0
KNOWN_S, FAILED_S = 10.0, 5.0
"""How long addresses and failures are believed."""
NAMES_KEPT = 1024

FLAGS = int(socket.AI_ADDRCONFIG)
NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV

type Addresses = tuple[str, ...]


class NameTimeoutError(aiohttp.ConnectionTimeoutError):
    """The name servers did not answer in time."""


@attrs.frozen(slots=True)
class NameAnswer:
    """Addresses or why there are none, when they came, and how long it took; loop time in seconds."""

    addresses: Addresses
    error: OSError | None
    came: float
    took: float


@attrs.define(slots=True, eq=False)
class LookUp:
    """One name that is waited for."""

    name: str
    owner: str
    answered: asyncio.Future[NameAnswer]
    waiting: int = 0
    started: float | None = None

    @property
    def shares(self) -> tuple[str, ...]:
        """The shares (`OF_ONE_DOMAIN`, `OF_ONE_OWNER`) that its thread counts against."""
        return (f"domain {domain_of(self.name)}", *([f"owner {self.owner}"] if self.owner else []))


def original(module: str, name: str) -> Any:
    """Something of the standard library as it was before gevent replaced it; in the command line there is no gevent."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey.get_original(module, name) if monkey else getattr(importlib.import_module(module), name)


def domain_of(name: str) -> str:
    """The last two labels of a name, which whoever owns name servers usually has to himself."""
    return ".".join(name.lower().removesuffix(".").split(".")[-2:])


class NameLookups:
    """The look-ups of one event loop; for its thread only."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._answers: BoundedCache[str, NameAnswer] = BoundedCache(NAMES_KEPT)
        self._open: dict[str, LookUp] = {}
        self._running: Counter[str] = Counter()

    async def addresses(self, name: str, owner: str = "") -> Addresses:
        """The addresses of a name. Raises socket.gaierror for an unknown one, NameTimeoutError, OSError without free descriptors."""
        answer = self._believed(name)
        if answer is None:
            answer = await self._shared(self._open.get(name) or self._opened(name, owner))
        if answer.error is not None:
            raise _copied(answer.error)
        return answer.addresses

    def _believed(self, name: str) -> NameAnswer | None:
        answer = self._answers.get(name)
        if answer is None or self._loop.time() - answer.came > (KNOWN_S if answer.error is None else FAILED_S):
            return None
        return answer

    def _opened(self, name: str, owner: str) -> LookUp:
        look_up = self._open[name] = LookUp(name, owner, self._loop.create_future())
        self._start_waiting()
        return look_up

    async def _shared(self, look_up: LookUp) -> NameAnswer:
        """The answer for all who wait. A look-up that others have waited for in vain is not waited for again."""
        if look_up.started is not None and self._loop.time() - look_up.started > PATIENCE_S:
            raise NameTimeoutError
        look_up.waiting += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(look_up.answered)
        except TimeoutError:
            raise NameTimeoutError from None
        finally:
            look_up.waiting -= 1
            if not look_up.waiting and look_up.started is None:
                self._open.pop(look_up.name, None)  # nobody wants it any more

    def _start_waiting(self) -> None:
        for look_up in list(self._open.values()):
            if look_up.started is None and self._has_room(look_up):
                self._start(look_up)

    def _has_room(self, look_up: LookUp) -> bool:
        last = self._answers.get(look_up.name)
        is_good = last is not None and last.error is None and last.took < QUICK_S
        if self._running["all"] >= (THREADS if is_good else THREADS - FOR_GOOD_NAMES):
            return False
        domain, *owner = (self._running[share] for share in look_up.shares)
        return (is_good or domain < OF_ONE_DOMAIN) and all(count < OF_ONE_OWNER for count in owner)

    def _start(self, look_up: LookUp) -> None:
        look_up.started = self._loop.time()
        self._running.update(("all", *look_up.shares))
        start_thread = original("_thread", "start_new_thread")
        try:
            start_thread(_in_thread, (self._loop, look_up.name, partial(self._end, look_up)))
        except RuntimeError:  # the machine gives no more threads
            self._end(look_up, (), OSError("no thread can be started"))

    def _end(self, look_up: LookUp, addresses: Addresses, error: OSError | None) -> None:
        now = self._loop.time()
        self._open.pop(look_up.name, None)
        self._running.subtract(("all", *look_up.shares))
        self._running += Counter()  # forgets what is zero
        answer = self._answers.put(look_up.name, NameAnswer(addresses, error, now, now - (look_up.started or now)))
        if not look_up.answered.done():
            look_up.answered.set_result(answer)
        self._start_waiting()


def _copied(error: OSError) -> OSError:
    """A new exception for each request: one that is raised twice holds the frames of both."""
    return type(error)(*error.args)


def _in_thread(loop: asyncio.AbstractEventLoop, name: str, end: "partial[None]") -> None:
    """Runs in a native thread, where nothing of gevent may be touched."""
    addresses: Addresses = ()
    error: OSError | None = None
    try:
        addresses = _asked(name)
    except OSError as failure:
        error = _without_descriptors() or failure
    except UnicodeError:
        error = socket.gaierror(socket.EAI_NONAME, "no valid name")
    except Exception as failure:  # noqa: BLE001  # somebody waits for an end, whatever it is
        error = OSError(type(failure).__name__)
    try:
        loop.call_soon_threadsafe(end, addresses, error)
    except RuntimeError:
        return  # the loop is closed, and nobody waits


def _asked(name: str) -> Addresses:
    """Blocks. Uses the original `getaddrinfo`, as gevent's replacement has only a few threads of its own."""
    is_green = getattr(socket.getaddrinfo, "__module__", "").startswith("gevent.")
    getaddrinfo: Any = original("socket", "getaddrinfo") if is_green else socket.getaddrinfo
    found = getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=FLAGS)
    return tuple(dict.fromkeys(_text(family, address) for family, _, _, _, address in found))


def _text(family: int, address: tuple[Any, ...]) -> str:
    """A link-local address of IPv6 keeps its zone."""
    if family == socket.AF_INET6 and len(address) > 3 and address[3]:
        numeric: str = original("socket", "getnameinfo")(address, NUMERIC)[0]
        return numeric
    return str(address[0])


def _without_descriptors() -> OSError | None:
    """The error of a process without free descriptors, which the resolver does not report; None while there are some."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return OSError(error.errno, "no descriptor is left")
    return None

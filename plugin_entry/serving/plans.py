"""Runs a plan of the translator (a generator of rounds of requests) over the network.

The requests of a round run at the same time, up to `concurrency`. A connection that fails ends the plan.
"""

from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

import attrs
from gevent.pool import Pool

from plugin_entry.network.client import Call
from plugin_entry.network.retries import Fetches
from plugin_entry.network.server import Server
from plugin_entry.threads import in_thread
from translator.errors import ServerError
from translator.plans import FinishedPlan, next_round
from translator.shapes.exchange import HttpReply, HttpRequest, Plan


def run_plan[T](bridge: Fetches, plan: Plan[T], server: Server, concurrency: int, weight: int = 0) -> T:
    """Gives the plan's result; `weight` is that of its texts. Raises what the plan raises, and ServerError for the transport."""
    replies: tuple[HttpReply, ...] | None = None
    try:
        while True:
            step = in_thread(weight + _weight(replies), partial(next_round, plan, replies))
            if isinstance(step, FinishedPlan):
                return step.result
            replies = _round(bridge, step, server, concurrency)
    except ServerError:
        bridge.distrust(server.identity)  # what cannot be read may be the answer to another request
        raise
    finally:
        with suppress(ValueError):  # it still runs in a thread, whose request was ended
            plan.close()


def _weight(replies: tuple[HttpReply, ...] | None) -> int:
    """Weight of reading replies: a byte of numbers costs as much as a character of a prompt."""
    return sum(len(reply.body) for reply in replies or ())


def _round(bridge: Fetches, round_: tuple[HttpRequest, ...], server: Server, concurrency: int) -> tuple[HttpReply, ...]:
    if len(round_) == 1:
        return (bridge.fetch(_call(round_[0], server)),)
    pool = Pool(concurrency)
    try:
        jobs = [pool.spawn(_outcome, bridge, _call(request, server)) for request in round_]  # waits while the pool is full
        return tuple(_reply(job.get()) for job in jobs)
    finally:
        pool.kill(block=False)


def _outcome(bridge: Fetches, call: Call) -> HttpReply | ServerError:
    """The error as a value: a greenlet that ends in an exception has its traceback printed."""
    try:
        return bridge.fetch(call)
    except ServerError as error:
        return error


def _reply(outcome: HttpReply | ServerError) -> HttpReply:
    if isinstance(outcome, ServerError):
        raise outcome
    return outcome


def _call(request: HttpRequest, server: Server) -> Call:
    whole = bool(urlsplit(request.url).scheme)
    headers = dict(server.headers) | dict(request.headers)
    return Call(
        server=attrs.evolve(server, headers=tuple(headers.items())),
        method=request.method,
        url=request.url if whole else server.base_url.url_for(request.url),
        body=request.body,
        reply_bytes=request.reply_bytes,
        owner=server.identity,
    )

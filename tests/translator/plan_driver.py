"""Drives plans without a network: a function plays the server, and a few ready-made servers and replies."""

from collections.abc import Callable
from typing import Any

import attrs
import orjson

from fixtures.recordings import Exchange
from translator.shapes.exchange import HttpReply, HttpRequest, Plan

type Server = Callable[[HttpRequest], HttpReply]

MOST_REQUESTS = 5_000


@attrs.define
class Driver:
    """Runs a plan against a server; `requests` keeps what was sent, `rounds` how many of them belonged together."""

    server: Server
    requests: list[HttpRequest] = attrs.field(factory=list, init=False)
    rounds: list[int] = attrs.field(factory=list, init=False)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [orjson.loads(request.body) for request in self.requests]

    def run[T](self, plan: Plan[T]) -> T:
        try:
            todo = next(plan)
            while True:
                assert todo, "an empty round"
                self.rounds.append(len(todo))
                self.requests.extend(todo)
                assert len(self.requests) < MOST_REQUESTS, "a plan without an end"
                todo = plan.send(tuple(self.server(request) for request in todo))
        except StopIteration as end:
            result: T = end.value
            return result


def json_reply(value: object, status: int = 200) -> HttpReply:
    return HttpReply(status=status, headers={"Content-Type": "application/json; charset=utf-8"}, body=orjson.dumps(value))


def recorded(exchange: Exchange) -> HttpReply:
    """The recorded reply, whatever is asked."""
    return HttpReply(status=exchange.status, headers=exchange.headers, body=exchange.body)


def always(reply: HttpReply) -> Server:
    return lambda request: reply


def no_server(request: HttpRequest) -> HttpReply:
    raise AssertionError(f"no request was expected, but {request.method} was sent")

"""Plans run with nothing but a function that sends."""

import asyncio
from collections.abc import Callable, Generator

import pytest

from tests.translator.plan_driver import json_reply
from translator import EmbedSettings, HttpReply, HttpRequest, Plan, ServerError, embedding_plan, run_plan, run_plan_async

SETTINGS = EmbedSettings(model="m")


def reply(request: HttpRequest) -> HttpReply:
    assert request.url == "/api/embed"
    return json_reply({"embeddings": [[0.6, 0.8]], "prompt_eval_count": 2})


async def reply_later(request: HttpRequest) -> HttpReply:
    await asyncio.sleep(0)
    return reply(request)


def test_a_plan_gives_its_result() -> None:
    embedded = run_plan(embedding_plan(["hello"], SETTINGS), reply)
    assert (len(embedded.vectors), embedded.tokens) == (1, 2)


@pytest.mark.parametrize("gather", [None, asyncio.gather], ids=["in turn", "together"])
def test_so_it_does_in_a_coroutine(gather: object) -> None:
    embedded = asyncio.run(run_plan_async(embedding_plan(["hello"], SETTINGS), reply_later, gather))  # type: ignore[arg-type]  # one of two
    assert (len(embedded.vectors), embedded.tokens) == (1, 2)


def test_a_refusal_is_raised() -> None:
    with pytest.raises(ServerError) as raised:
        run_plan(embedding_plan(["hello"], SETTINGS), lambda _: json_reply({"error": 'model "m" not found, try pulling it first'}, 404))
    assert raised.value.code == "model_missing"


@pytest.mark.parametrize("run", [run_plan, lambda plan, _: asyncio.run(run_plan_async(plan, reply_later))], ids=["sync", "async"])
def test_a_plan_runs_once(run: Callable[[Plan[object], object], object]) -> None:
    """A second attempt with the same plan would give None without a request."""
    plan = embedding_plan(["hello"], SETTINGS)
    run_plan(plan, reply)
    with pytest.raises(ValueError, match="runs once"):
        run(plan, reply)


def test_a_plan_is_closed_when_sending_fails() -> None:
    """Also by StopIteration, which must not pass for the plan's end."""
    closed: list[bool] = []

    def plan() -> Generator[tuple[HttpRequest, ...], tuple[HttpReply, ...], int]:
        try:
            yield (HttpRequest(url="/api/embed"), HttpRequest(url="/api/embed"))
        finally:
            closed.append(True)
        return 1

    def fail(_: HttpRequest) -> HttpReply:
        raise StopIteration

    broken: Plan[int] = plan()
    with pytest.raises(RuntimeError):
        run_plan(broken, fail)
    assert closed == [True]

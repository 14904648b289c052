"""Runs a plan with a function that sends one request. Concurrency, timeouts and retries are the function's."""

from collections.abc import Awaitable, Callable, Iterable

import attrs

from translator.shapes.exchange import HttpReply, HttpRequest, Plan, Replies, Round


@attrs.frozen(slots=True)
class FinishedPlan[T]:
    """A plan has come to its result."""

    result: T


def next_round[T](plan: Plan[T], replies: Replies | None) -> Round | FinishedPlan[T]:
    """Gives the plan the replies of a round, None before the first one.

    Raises what the plan raises, and ValueError for a plan that ran already: it would end at once, with None.
    """
    if getattr(plan, "gi_frame", plan) is None:
        raise ValueError("A plan runs once. Make a new one to run it again.")
    try:
        return next(plan) if replies is None else plan.send(replies)
    except StopIteration as ended:
        return FinishedPlan(ended.value)


def run_plan[T](plan: Plan[T], send: Callable[[HttpRequest], HttpReply]) -> T:
    """Gives the plan's result; sends one request after the other. A plan runs once.

    Raises what the plan and `send` raise, and closes the plan then.
    """
    replies: Replies | None = None
    try:
        while not isinstance(step := next_round(plan, replies), FinishedPlan):
            replies = tuple(send(request) for request in step)
        return step.result
    finally:
        plan.close()


async def run_plan_async[T](
    plan: Plan[T],
    send: Callable[[HttpRequest], Awaitable[HttpReply]],
    gather: Callable[..., Awaitable[Iterable[HttpReply]]] | None = None,
) -> T:
    """`run_plan` for a coroutine function. With `gather=asyncio.gather` the requests of a round are sent at the same time."""
    replies: Replies | None = None
    try:
        while not isinstance(step := next_round(plan, replies), FinishedPlan):
            replies = tuple([await send(request) for request in step] if gather is None else await gather(*map(send, step)))
        return step.result
    finally:
        plan.close()

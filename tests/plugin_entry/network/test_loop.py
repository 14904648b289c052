"""The asyncio loop in a greenlet."""

import asyncio
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event

from plugin_entry.network.loop import LoopGreenlet, LoopLostError
from plugin_entry.network.selector import HubSelector
from tests.servers.loopback import PATIENCE_S


class Ending:
    """Keeps how a task ended."""

    def __init__(self) -> None:
        self.came = Event()
        self.error: BaseException | None = None

    def __call__(self, error: BaseException | None) -> None:
        self.error = error
        self.came.set()

    def wait(self) -> BaseException | None:
        assert self.came.wait(PATIENCE_S), "the task never ended"
        return self.error


@pytest.fixture
def loop() -> Iterator[LoopGreenlet]:
    loop = LoopGreenlet()
    yield loop
    loop.stop()


async def forever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    """Ends at once."""


async def broken() -> None:
    raise ValueError("broken")


def test_a_task_runs_to_its_end(loop: LoopGreenlet) -> None:
    ending = Ending()
    loop.run(nothing(), ending)
    assert ending.wait() is None


def test_an_error_of_a_task_is_told_and_stays_its_own(loop: LoopGreenlet) -> None:
    first, second = Ending(), Ending()
    loop.run(broken(), first)
    assert isinstance(first.wait(), ValueError)
    loop.run(nothing(), second)
    assert second.wait() is None


def test_a_task_can_be_cancelled_from_another_greenlet(loop: LoopGreenlet) -> None:
    ending = Ending()
    job = loop.run(forever(), ending)
    gevent.idle()
    gevent.spawn(job.cancel)
    assert isinstance(ending.wait(), ConnectionAbortedError)
    job.cancel()


def test_a_task_can_be_given_a_while(loop: LoopGreenlet) -> None:
    patient, impatient = Ending(), Ending()
    go = asyncio.Event()

    async def wait() -> None:
        await go.wait()

    job = loop.run(wait(), patient)
    job.cancel_after(PATIENCE_S)
    loop.run(forever(), impatient).cancel_after(0.01)
    assert isinstance(impatient.wait(), ConnectionAbortedError)
    go.set()
    job.cancel_after(PATIENCE_S)
    assert patient.wait() is None


def test_other_greenlets_run_while_tasks_wait(loop: LoopGreenlet) -> None:
    ending = Ending()

    async def sleep() -> None:
        await asyncio.sleep(0.01)

    loop.run(sleep(), ending)
    turns = 0
    while not ending.came.is_set():
        gevent.sleep(0)
        turns += 1
    assert turns > 1


def test_tasks_of_many_greenlets_share_the_loop(loop: LoopGreenlet) -> None:
    seen: set[int] = set()

    async def note() -> None:
        seen.add(id(asyncio.get_running_loop()))

    endings = [Ending() for _ in range(20)]
    gevent.joinall([gevent.spawn(loop.run, note(), ending) for ending in endings], timeout=PATIENCE_S, raise_error=True)
    assert [ending.wait() for ending in endings] == [None] * 20
    assert len(seen) == 1


def test_a_lost_loop_fails_its_tasks_and_the_next_one_is_new(loop: LoopGreenlet, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [Ending(), Ending()]
    jobs = [loop.run(forever(), ending) for ending in lost]
    gevent.idle()

    def fail(*_: object) -> None:
        raise OSError("the kernel is tired")

    with monkeypatch.context() as patch, gevent.Timeout(30):
        patch.setattr(HubSelector, "select", fail)
        patch.setattr(gevent.get_hub(), "handle_error", lambda *_: None)
        jobs[0].cancel_after(60)
        assert [type(ending.wait()) for ending in lost] == [LoopLostError, LoopLostError]
    for job in jobs:
        job.cancel()
        job.cancel_after(1)
    again = Ending()
    loop.run(nothing(), again)
    assert again.wait() is None


def test_a_loop_that_cannot_start_is_an_error_at_once(loop: LoopGreenlet) -> None:
    loop.run(nothing(), Ending())
    second = LoopGreenlet()
    with gevent.Timeout(30), pytest.raises(LoopLostError):
        second.run(nothing(), Ending())

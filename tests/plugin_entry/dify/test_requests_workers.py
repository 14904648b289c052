"""The executor under the SDK."""

import gevent
import pytest
from gevent.event import Event

from plugin_entry.dify.requests import GreenletExecutor


def test_calls_run_side_by_side_without_anybody_waiting_for_their_start() -> None:
    executor = GreenletExecutor(max_workers=10)
    go, running = Event(), []

    def work(number: int) -> int:
        running.append(number)
        go.wait()
        return number

    futures = [executor.submit(work, number) for number in range(10)]
    assert running == []
    gevent.idle()
    assert sorted(running) == list(range(10))
    go.set()
    executor.shutdown()
    assert [future.result() for future in futures] == list(range(10))


def test_no_call_waits_for_the_end_of_another() -> None:
    """Whoever starts them reads the requests: those of all others would wait."""
    executor = GreenletExecutor(max_workers=1)
    go = Event()
    executor.start(go.wait)
    assert executor.submit(lambda: "done").result(timeout=60) == "done"
    go.set()
    executor.shutdown()


def test_an_error_stays_in_its_future() -> None:
    executor = GreenletExecutor(max_workers=1)
    future = executor.submit(int, "x")
    executor.shutdown()
    with pytest.raises(ValueError, match="invalid literal"):
        future.result()

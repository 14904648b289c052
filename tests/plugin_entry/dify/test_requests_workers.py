"""The executor under the SDK."""

import gc
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from dify_plugin.errors.model import InvokeBadRequestError, InvokeError
from gevent.event import Event

from plugin_entry.dify.errors import readable
from plugin_entry.dify.executor import GreenletExecutor
from plugin_entry.dify.requests import with_readable_errors
from translator.errors import ServerError


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


def test_a_model_has_a_name_of_a_usual_length() -> None:
    """What is learnt about models is kept by their names, so 4 MB of name would stay."""
    served = SimpleNamespace(executer=GreenletExecutor(max_workers=1))
    run = with_readable_errors(lambda *_: None)
    run(served, "s", {"model": "m" * 1024})
    with pytest.raises(InvokeBadRequestError, match="4,000,000 characters"):
        run(served, "s", {"model": "m" * 4_000_000})


class Data(dict[str, Any]):
    """Of a request; can be referred to weakly."""


@readable
def failing(prompt: Data) -> None:
    raise ServerError.of("x", f"no {len(prompt)}")


def failing_as_in_the_sdk(prompt: Data) -> None:
    """The SDK makes an error of its classes its own cause. What was called lives in the frames of that error."""

    def call() -> None:
        failing(prompt)

    try:
        call()
    except InvokeError as error:
        raise error from error


@pytest.mark.parametrize("call", [failing, failing_as_in_the_sdk])
def test_a_request_that_failed_is_freed_at_once(call: Callable[[Data], None]) -> None:
    """Not when cycles are looked for, which may be long after: one of 200 MB was kept so."""
    run = with_readable_errors(lambda _, __, data: call(data))
    served = SimpleNamespace(executer=GreenletExecutor(max_workers=1))

    def ask() -> "weakref.ref[Data]":
        data = Data(model="m")
        with suppress(InvokeError):
            run(served, "s", data)
        return weakref.ref(data)

    gc.disable()
    try:
        assert ask()() is None
    finally:
        gc.enable()

"""What the log tells about answers that came all the same."""

from typing import Any

import attrs
import pytest

from tests.translator.sample_turns import CLOUD, PLAIN, ask, picture, saved, user
from translator.diagnosis.remarks import Before, remarks, was_loaded, wrong_window
from translator.diagnosis.running import RunningModel
from translator.response.held_text import CALL_IN_TEXT, CALL_LEFT_IN_TEXT
from translator.shapes.dify import FinishReason, Usage
from translator.shapes.events import FinalDelta
from translator.turn import SHORTENED, Turn, plan_turn

LONG = user("word " * 2000)
"""10,000 characters, more than the window has tokens."""


def planned(*messages: Any, parameters: dict[str, Any] | None = None, window: str = "4096", **values: Any) -> Turn:
    return plan_turn(ask(*messages, parameters=parameters or {}), PLAIN, saved(context_size=window, **values))


def final(prompt: int = 100, completion: int = 10, done_reason: str = "stop", load_ms: int = 0, *, estimated: bool = False) -> FinalDelta:
    usage = Usage(prompt_tokens=prompt, completion_tokens=completion, load_ns=load_ms * 1_000_000, estimated=estimated)
    return FinalDelta(FinishReason.STOP, usage, done_reason)


def before(estimate: int = 100, since_last_ms: float | None = None) -> Before:
    return Before(estimate=lambda: estimate, since_last_ms=since_last_ms)


TURN = planned()
TALL = planned(user("a"), LONG)
SAID: dict[str, tuple[Turn, FinalDelta, Before, str]] = {
    "older turns left out": (attrs.evolve(TURN, notes=(SHORTENED,)), final(), before(), "older turns did not fit into 4,096"),
    "a call as text": (attrs.evolve(TURN, notes=(CALL_IN_TEXT,)), final(), before(), "a tool call that the server did not recognise"),
    "a call left as text": (attrs.evolve(TURN, notes=(CALL_LEFT_IN_TEXT,)), final(), before(), "It was given as text"),
    "cut by the server": (TALL, final(prompt=3000), before(8000), "it read 3,000 tokens of about 8,000; the window has 4,096"),
    "loaded again": (TURN, final(load_ms=4200), before(since_last_ms=60_000), "loaded again (4.2 s), 60 s after its last answer"),
    "ended at a smaller window": (TURN, final(500, 12, "length"), before(), "ended for its length at 512 tokens of a window of 4,096"),
    "out of time": (TURN, final(done_reason="time_up", estimated=True), before(), "ended at its time limit (answer_timeout)"),
    "ended below its own limit": (planned(parameters={"num_predict": 50}), final(500, 12, "length"), before(), "at 512 tokens"),
}


@pytest.mark.parametrize(("turn", "last", "known", "part"), SAID.values(), ids=SAID)
def test_worth_a_line(turn: Turn, last: FinalDelta, known: Before, part: str) -> None:
    (said,) = remarks(turn, last, known)
    assert part in said
    assert "word" not in said


SILENT: dict[str, tuple[Turn, FinalDelta, Before]] = {
    "all well": (TURN, final(), before()),
    "the estimate is a little high": (TALL, final(prompt=3800), before(4500)),
    "the estimate fits": (TALL, final(prompt=1000), before(4000)),
    "the server has more than it was told": (TALL, final(prompt=6000), before(8000)),
    "the server did not count": (TALL, final(prompt=3000, estimated=True), before(8000)),
    "a picture has no estimate": (planned(user("word " * 2000, picture()), vision_support="true"), final(prompt=3000), before(8000)),
    "first load": (TURN, final(load_ms=60_000), before()),
    "loaded again after a long time": (TURN, final(load_ms=4200), before(since_last_ms=400_000)),
    "in memory": (TURN, final(load_ms=300), before(since_last_ms=1000)),
    "unloaded on purpose": (planned(keep_alive="0"), final(load_ms=4200), before(since_last_ms=1000)),
    "ended at the window": (TURN, final(4000, 90, "length"), before()),
    "ended at its own limit": (planned(parameters={"num_predict": 12}), final(500, 12, "length"), before()),
    "the cloud has its own limits": (plan_turn(ask(), CLOUD, saved()), final(500, 12, "length"), before()),
}


@pytest.mark.parametrize(("turn", "last", "known"), SILENT.values(), ids=SILENT)
def test_not_worth_a_line(turn: Turn, last: FinalDelta, known: Before) -> None:
    assert remarks(turn, last, known) == ()


@pytest.mark.parametrize(
    ("running", "part"),
    [
        pytest.param(RunningModel(window=512), "with 512 tokens, 4,096 were asked for", id="less"),
        pytest.param(RunningModel(window=4096), "", id="as asked"),
        pytest.param(RunningModel(window=8192), "", id="more"),
        pytest.param(RunningModel(), "", id="an old server does not say"),
        pytest.param(None, "", id="not in memory"),
    ],
)
def test_window_of_the_server(running: RunningModel | None, part: str) -> None:
    said = wrong_window(TURN, running)
    assert part in said
    assert bool(said) is bool(part)


def test_what_counts_as_a_load() -> None:
    assert was_loaded(final(load_ms=1000))
    assert not was_loaded(final(load_ms=999))

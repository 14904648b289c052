"""What the estimator learns, from whom, and what it must not learn."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.recordings import having, load
from translator.shapes.dify import Message, Role
from translator.tokens import TokenCalibration, estimate_messages, estimate_text, script_of


def test_a_model_never_seen_has_factor_one() -> None:
    calibration = TokenCalibration()
    assert calibration.factor("m") == 1.0
    assert calibration.apply("m", 10) == 10
    assert calibration.apply("m", 0) == 0


def test_factor_is_learned_per_model() -> None:
    calibration = TokenCalibration()
    factors = []
    for _ in range(15):
        calibration.observe("m", 1000, 1400)
        factors.append(calibration.factor("m"))
    assert factors == sorted(factors)
    assert 1.1 < factors[0] < 1.3
    assert factors[-1] == pytest.approx(1.4, abs=0.03)
    assert calibration.apply("m", 1000) == pytest.approx(1400, abs=30)
    assert calibration.factor("other") == 1.0


def test_models_of_one_name_on_two_servers_are_two() -> None:
    calibration = TokenCalibration(pairs=2)
    for _ in range(15):
        calibration.observe("m", 1000, 1400, server="http://a:11434")
        calibration.observe("m", 1000, 700, server="http://b:11434")
    assert calibration.factor("m", "http://a:11434") == pytest.approx(1.4, abs=0.03)
    assert calibration.apply("m", 1000, "http://b:11434") == pytest.approx(700, abs=30)
    assert calibration.factor("m") == 1.0
    calibration.observe("m", 1000, 1400, server="http://c:11434")
    assert calibration.factor("m", "http://a:11434") == 1.0, "servers are forgotten like models: the oldest first"


def test_single_wrong_counts_do_not_matter() -> None:
    """A cached prompt on 0.30.0 counts almost nothing, a cut one half."""
    calibration = TokenCalibration()
    for _ in range(5):
        calibration.observe("m", 1000, 1200)
    before = calibration.factor("m")
    for real in (40, 500, 5900):
        calibration.observe("m", 1000, real)
    assert calibration.factor("m") == pytest.approx(before, abs=0.03)


@pytest.mark.parametrize(
    ("estimated", "real"),
    [(0, 0), (0, 100), (100, 0), (100, -5), (10, 30), (30, 31), (1000, 40), (100, 5000)],
    ids=["nothing", "no-estimate", "no-count", "negative", "tiny", "small", "cached", "absurd"],
)
def test_counts_that_say_nothing_are_not_learned(estimated: int, real: int) -> None:
    calibration = TokenCalibration()
    calibration.observe("m", estimated, real)
    assert calibration.factor("m") == 1.0


@pytest.mark.parametrize("version", having("too-long-truncated"))
def test_recorded_cut_prompts_are_not_learned(version: str) -> None:
    exchange = load(version, "too-long-truncated")
    real = json.loads(exchange.body.splitlines()[-1])["prompt_eval_count"]
    messages = [Message(role=Role.USER, content=message["content"]) for message in exchange.request_body["messages"]]
    estimated = estimate_messages(messages)
    calibration = TokenCalibration()
    calibration.observe("m", estimated, real, num_ctx=512)
    assert estimated > 512 >= real
    assert calibration.factor("m") == 1.0


def test_one_script_does_not_teach_another() -> None:
    """A Chinese chat must not raise the estimate of an English page."""
    calibration = TokenCalibration()
    chinese, english = ["你好，请介绍一下这个项目。" * 20], ["Please read this page and tell me what it is about. " * 20]
    for _ in range(15):
        calibration.observe("m", 1000, 2260, script=script_of(chinese))
    estimated = estimate_text(english[0])
    assert calibration.apply("m", estimated, script=script_of(english)) == estimated
    assert calibration.apply("m", 1000, script=script_of(chinese)) > 2000


def test_what_is_remembered_is_bounded() -> None:
    calibration = TokenCalibration(pairs=3)
    for script in ("Latin", "Han", "kana", "Cyrillic"):
        calibration.observe("m", 1000, 1400, script=script)
    assert calibration.factor("m", script="Latin") == 1.0
    assert calibration.factor("m", script="Cyrillic") > 1.0


def test_a_model_is_settled_by_as_many_counts_as_are_kept() -> None:
    calibration = TokenCalibration(kept=3)
    settled = []
    for _ in range(4):
        settled.append(calibration.is_settled("m"))
        calibration.observe("m", 1000, 1400)
    assert settled == [False, False, False, True]
    assert not calibration.is_settled("m", script="Han")


@given(st.lists(st.tuples(st.integers(-10, 10**6), st.integers(-10, 10**6)), max_size=60))
def test_factor_stays_within_its_bounds(pairs: list[tuple[int, int]]) -> None:
    calibration = TokenCalibration()
    for estimated, real in pairs:
        calibration.observe("m", estimated, real)
        assert TokenCalibration.MIN_FACTOR <= calibration.factor("m") <= TokenCalibration.MAX_FACTOR
    assert calibration.apply("m", 1) >= 1


def test_a_changed_model_is_learned_anew_and_old_models_are_forgotten() -> None:
    calibration = TokenCalibration(pairs=2)
    for real in [800] * 20 + [1500] * 20:
        calibration.observe("m", 1000, real)
    assert calibration.factor("m") > 1.4
    calibration.observe("n", 1000, 1500)
    calibration.observe("m", 1000, 1500)
    calibration.observe("o", 1000, 1500)
    assert calibration.factor("n") == 1.0
    assert min(calibration.factor("m"), calibration.factor("o")) > 1.0

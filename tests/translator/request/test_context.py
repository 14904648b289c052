"""The window: one number for Dify and the server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import Family
from translator.request.context import SERVERS_WINDOW, ContextPlan, ModelWindow, OverflowPolicy, plan_context, too_long
from translator.versions import ServerVersion

WINDOWS: dict[str, tuple[int | None, dict[str, object], int, int | None]] = {
    # setting, window, size, num_ctx
    "auto: the model's maximum when small": (None, {"maximum": 4096}, 4096, 4096),
    "auto: a safe size when the model could do more": (None, {"maximum": 131072}, 8192, 8192),
    "auto: the Modelfile decides": (None, {"maximum": 131072, "num_ctx": 32768}, 32768, 32768),
    "auto: the Modelfile cannot exceed the model": (None, {"maximum": 4096, "num_ctx": 32768}, 4096, 4096),
    "auto: nothing known": (None, {}, 8192, 8192),
    "auto: cloud has its maximum, nothing sent": (None, {"maximum": 131072, "remote": True}, 131072, None),
    "auto: cloud, nothing known": (None, {"remote": True}, 8192, None),
    "auto: cloud ignores a Modelfile": (None, {"maximum": 131072, "num_ctx": 4096, "remote": True}, 131072, None),
    "server: as it runs": (SERVERS_WINDOW, {"maximum": 131072, "running": 32768}, 32768, None),
    "server: not running yet": (SERVERS_WINDOW, {"maximum": 131072}, 4096, None),
    "server: not running yet, a small model": (SERVERS_WINDOW, {"maximum": 512}, 512, None),
    "server: not running yet, the Modelfile decides": (SERVERS_WINDOW, {"maximum": 131072, "num_ctx": 16384}, 16384, None),
    "server: cloud has its maximum": (SERVERS_WINDOW, {"maximum": 131072, "remote": True}, 131072, None),
    "number": (16384, {"maximum": 131072}, 16384, 16384),
    "number over the Modelfile": (16384, {"maximum": 131072, "num_ctx": 4096}, 16384, 16384),
    "number above the model": (200000, {"maximum": 131072}, 131072, 131072),
    "number, model unknown": (200000, {}, 200000, 200000),
    "number for the cloud limits Dify only": (8192, {"maximum": 131072, "remote": True}, 8192, None),
}


@pytest.mark.parametrize(("setting", "window", "size", "num_ctx"), WINDOWS.values(), ids=WINDOWS)
def test_window(setting: int | None, window: dict[str, object], size: int, num_ctx: int | None) -> None:
    plan = plan_context(setting, ModelWindow(**window))  # type: ignore[arg-type]  # a table of all fields
    assert (plan.size, plan.num_ctx, plan.truncate) == (size, num_ctx, None)


def test_drop_sends_nothing_and_error_refuses_truncation() -> None:
    assert plan_context(None, ModelWindow(maximum=4096)) == ContextPlan(size=4096, num_ctx=4096, maximum=4096)
    assert plan_context(None, ModelWindow(maximum=4096), OverflowPolicy.ERROR).truncate is False


def test_a_server_that_does_not_say_its_window_gets_the_automatic_one() -> None:
    plan = plan_context(SERVERS_WINDOW, ModelWindow(maximum=131072), version=ServerVersion(0, 9, 6))
    assert (plan.size, plan.num_ctx) == (8192, 8192)
    assert plan.note == "Server 0.9.6 does not say its window (0.10.0 does): the context size is automatic."


def test_a_cut_setting_is_said() -> None:
    assert plan_context(9000, ModelWindow(maximum=4096)).note == "The context size 9000 is more than the model can do; 4096 is used."


def test_old_servers_cannot_refuse() -> None:
    window = ModelWindow(maximum=4096)
    assert plan_context(None, window, OverflowPolicy.ERROR, version=ServerVersion(0, 12, 5)).note.startswith("Server 0.12.5 cannot refuse")
    assert plan_context(None, window, OverflowPolicy.ERROR, version=ServerVersion(0, 12, 6)).note == ""


NUMBERS: dict[str, tuple[int | None, int | None, int | None, str]] = {
    "all three": (
        15001,
        512,
        4096,
        "The prompt does not fit into the context window (prompt 15001 tokens, context size 512 tokens, model maximum 4096 tokens). "
        "Shorten the prompt or the history, or raise the context size in the model's settings.",
    ),
    "already at the maximum": (
        15001,
        4096,
        4096,
        "The prompt does not fit into the context window (prompt 15001 tokens, context size 4096 tokens, model maximum 4096 tokens). "
        "Shorten the prompt or the history, or use a model with a larger context.",
    ),
    "nothing known": (
        None,
        None,
        None,
        "The prompt does not fit into the context window. "
        "Shorten the prompt or the history, or raise the context size in the model's settings.",
    ),
}


@pytest.mark.parametrize(("prompt", "window", "maximum", "message"), NUMBERS.values(), ids=NUMBERS)
def test_too_long(prompt: int | None, window: int | None, maximum: int | None, message: str) -> None:
    problem = too_long(prompt, window, maximum)
    assert problem.message == message
    assert (problem.code, problem.family) == ("context_too_long", Family.BAD_REQUEST)


def test_a_guess_is_called_a_guess() -> None:
    assert "(prompt of about 900 tokens, context size 512 tokens)" in too_long(900, 512, None, estimated=True).message


SIZES = st.none() | st.integers(1, 2**20)


@given(SIZES, SIZES, SIZES, st.booleans(), st.sampled_from(OverflowPolicy))
def test_both_sides_get_one_number(
    setting: int | None, maximum: int | None, num_ctx: int | None, remote: bool, overflow: OverflowPolicy
) -> None:
    plan = plan_context(setting, ModelWindow(maximum=maximum, num_ctx=num_ctx, remote=remote), overflow)
    assert plan.num_ctx == (None if remote else plan.size)
    assert plan.size >= 1
    assert maximum is None or plan.size <= maximum

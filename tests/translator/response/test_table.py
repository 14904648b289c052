"""The transition table: complete, and every cell obeys the rules that readers rely on."""

import itertools

import pytest

from translator.response.table import TABLE, TERMINAL, Step
from translator.shapes.events import Event, Output, State

SHOWS_THINKING = {State.THINKING, State.TAGGED}
LIVE = set(State) - TERMINAL
ILLEGAL = {(state, Event.END) for state in LIVE} | {
    (state, event) for state in TERMINAL for event in Event if event not in {Event.END, Event.STOP}
}
LEGAL = [(state, event, step) for state, row in TABLE.items() for event, step in row.items()]


def test_every_pair_is_listed_or_known_to_be_illegal() -> None:
    listed = {(state, event) for state, event, _ in LEGAL}
    assert listed | ILLEGAL == set(itertools.product(State, Event))
    assert not listed & ILLEGAL


@pytest.mark.parametrize(("state", "event", "step"), LEGAL, ids=[f"{s.name}-{e.name}" for s, e, _ in LEGAL])
def test_a_think_block_is_opened_and_closed_in_turn(state: State, event: Event, step: Step) -> None:
    shown = state in SHOWS_THINKING
    for output in step.outputs:
        if output is Output.OPEN_THINK:
            assert not shown
            shown = True
        elif output is Output.CLOSE_THINK:
            assert shown
            shown = False
        elif output is Output.THINK_TEXT:
            assert shown
        elif output in {Output.ANSWER_TEXT, Output.GIVE_CALLS, Output.FINISH, Output.FAIL}:
            assert not shown
    assert shown == (step.state in SHOWS_THINKING)


@pytest.mark.parametrize(("state", "event", "step"), LEGAL, ids=[f"{s.name}-{e.name}" for s, e, _ in LEGAL])
def test_calls_and_ends_come_once_and_last(state: State, event: Event, step: Step) -> None:
    ends = [output for output in step.outputs if output in {Output.FINISH, Output.FAIL}]
    assert len(ends) == (1 if state in LIVE and step.state in {State.FINISHED, State.FAILED} else 0)
    assert not ends or step.outputs[-1] is ends[0]
    assert (Output.GIVE_CALLS in step.outputs) == (Output.FINISH in step.outputs)


def test_an_opening_step_is_recognised() -> None:
    assert TABLE[State.START][Event.THINKING].opens_think
    assert not TABLE[State.THINKING][Event.THINKING].opens_think

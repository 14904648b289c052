"""The transition table: complete, and every row obeys the rules that readers rely on."""

import itertools

import attrs
import pytest

from translator.errors import ServerError
from translator.response.table import GUARDS, READING, STEADY, TABLE, TERMINAL, IllegalStepError, Memory, Step, step_for
from translator.shapes.events import Event, Guard, Output, Reading, State, WireEvent
from translator.shapes.wire import Reply

SHOWS_THINKING = {State.THINKING, State.TAGGED}
LIVE = set(State) - TERMINAL
GOOD_ENDS = {Output.FINISH, Output.FINISH_EARLY}
ENDS = {*GOOD_ENDS, Output.FAIL, Output.FAIL_LOADED, Output.FAIL_SPENT, Output.FAIL_EMPTY}
ROWS = [(state, event, row) for state, cells in TABLE.items() for event, cell in cells.items() for row in cell]
EACH_ROW = pytest.mark.parametrize(
    ("state", "event", "row"), ROWS, ids=[f"{s.name}-{e.name}-{r.guard.name if r.guard else 'else'}" for s, e, r in ROWS]
)


@attrs.frozen
class Sample:
    """An event, and what came before it."""

    event: WireEvent
    memory: Memory


def done(reason: str) -> WireEvent:
    return WireEvent(Event.DONE, reply=Reply(done=True, done_reason=reason))


ERROR = ServerError.of("broken", "It broke.")
THOUGHT = Memory(said_thinking=True)
SAMPLES: dict[tuple[Event, Guard | None], Sample] = {
    (Event.THINKING, None): Sample(WireEvent(Event.THINKING, "a"), Memory()),
    (Event.THINKING, Guard.BLANK): Sample(WireEvent(Event.THINKING, " \n"), Memory()),
    (Event.TEXT, None): Sample(WireEvent(Event.TEXT, "a"), Memory()),
    (Event.TEXT, Guard.BLANK): Sample(WireEvent(Event.TEXT, " \n"), Memory()),
    (Event.TAG_OPEN, None): Sample(WireEvent(Event.TAG_OPEN, "<think>"), Memory(thinks=True, is_separated=True)),
    (Event.TAG_OPEN, Guard.LEAKED): Sample(WireEvent(Event.TAG_OPEN, "<think>"), Memory(thinks=True)),
    (Event.TAG_CLOSE, None): Sample(WireEvent(Event.TAG_CLOSE, "</think>"), Memory()),
    (Event.TAG_CLOSE, Guard.STRAY): Sample(WireEvent(Event.TAG_CLOSE, "</think>", is_alone=True), Memory()),
    (Event.CALLS, None): Sample(WireEvent(Event.CALLS), Memory()),
    (Event.DONE, None): Sample(done("stop"), THOUGHT),
    (Event.DONE, Guard.LOADED): Sample(done("load"), Memory()),
    (Event.DONE, Guard.SPENT): Sample(done("length"), THOUGHT),
    (Event.DONE, Guard.EMPTY): Sample(done("stop"), Memory(said_thinking=True, shows_thinking=False)),
    (Event.REFUSED, None): Sample(WireEvent(Event.REFUSED, error=ERROR), Memory()),
    (Event.GARBLED, None): Sample(WireEvent(Event.GARBLED, error=ERROR), Memory()),
    (Event.CUT, None): Sample(WireEvent(Event.CUT, error=ERROR), Memory()),
    (Event.CUT, Guard.REPEATED): Sample(WireEvent(Event.CUT, error=ERROR, repeats=True), Memory()),
    (Event.LOST, None): Sample(WireEvent(Event.LOST, error=ERROR), Memory()),
    (Event.TIME_UP, None): Sample(WireEvent(Event.TIME_UP, error=ERROR), THOUGHT),
    (Event.TIME_UP, Guard.UNSHOWN): Sample(WireEvent(Event.TIME_UP, error=ERROR), Memory(said_thinking=True, shows_thinking=False)),
    (Event.STOP, None): Sample(WireEvent(Event.STOP), Memory()),
}
"""For every event and every guard that a row of it may bear, an input for which just that guard holds."""


def test_every_event_and_guard_has_samples_and_a_guard_holds_for_nothing_else() -> None:
    assert {event for event, guard in SAMPLES if guard is None} == set(Event)
    assert {guard for _, guard in SAMPLES if guard is not None} == set(Guard) == set(GUARDS)
    for (_, wanted), sample in SAMPLES.items():
        assert [guard for guard, holds in GUARDS.items() if holds(sample.event, sample.memory)] == ([] if wanted is None else [wanted])


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("event", "guard"), SAMPLES)
def test_every_state_event_and_guard_is_listed_or_illegal(state: State, event: Event, guard: Guard | None) -> None:
    """Live states take every event but an opening tag inside a block, ended ones take none. A guard that a cell does not list makes no
    difference there.
    """
    sample = SAMPLES[event, guard]
    if state in TERMINAL or (READING[state], event) == (Reading.BLOCK, Event.TAG_OPEN):
        assert event not in TABLE[state]
        with pytest.raises(IllegalStepError, match=f"{event.name} is illegal in state {state.name}"):
            step_for(state, sample.event, sample.memory)
        return
    cell = TABLE[state][event]
    assert step_for(state, sample.event, sample.memory) is next((row for row in cell if row.guard is guard), cell[-1])


CELLS = [(event, cell) for cells in TABLE.values() for event, cell in cells.items()]


@pytest.mark.parametrize(("event", "cell"), CELLS, ids=[event.name for event, _ in CELLS])
def test_a_cell_is_guarded_rows_and_then_one_without(event: Event, cell: tuple[Step, ...]) -> None:
    *guarded, last = cell
    assert last.guard is None
    assert len({row.guard for row in guarded}) == len(guarded)
    assert all((event, row.guard) in SAMPLES for row in guarded)


def test_a_row_that_says_what_the_row_after_it_says_is_not_written() -> None:
    for _, cell in CELLS:
        for row, following in itertools.pairwise(cell):
            assert attrs.evolve(row, guard=None) != attrs.evolve(following, guard=None)


@EACH_ROW
def test_a_think_block_is_opened_and_closed_in_turn(state: State, event: Event, row: Step) -> None:
    shown = state in SHOWS_THINKING
    for output in row.outputs:
        if output is Output.OPEN_THINK:
            assert not shown
            shown = True
        elif output is Output.CLOSE_THINK:
            assert shown
            shown = False
        elif output in {Output.FIRST_THOUGHT, Output.THINK_TEXT}:
            assert shown
        elif output is not Output.HOLD_CALLS:
            assert not shown
    assert shown == (row.state in SHOWS_THINKING)


@EACH_ROW
def test_a_block_opens_with_its_first_thought_which_is_not_blank(state: State, event: Event, row: Step) -> None:
    for before, output in itertools.pairwise((None, *row.outputs)):
        assert (before is Output.OPEN_THINK) == (output is Output.FIRST_THOUGHT)
    if Output.OPEN_THINK in row.outputs:
        assert row.guard is None
        assert TABLE[state][event][0].guard is Guard.BLANK


@EACH_ROW
def test_calls_and_ends_come_once_and_last(state: State, event: Event, row: Step) -> None:
    ends = [output for output in row.outputs if output in ENDS]
    assert len(ends) == (1 if row.state in {State.FINISHED, State.FAILED} else 0)
    assert not ends or row.outputs[-1] is ends[0]
    assert (Output.GIVE_CALLS in row.outputs) == bool(GOOD_ENDS & set(row.outputs)) == (row.state is State.FINISHED)


@EACH_ROW
def test_the_answer_after_a_block_begins_on_a_line_of_its_own(state: State, event: Event, row: Step) -> None:
    """Where a block is closed and the answer goes on, a line break follows the tag; nowhere else."""
    goes_on = row.state not in TERMINAL and Output.CLOSE_THINK in row.outputs
    assert (row.outputs[:2] == (Output.CLOSE_THINK, Output.BREAK_LINE)) == goes_on == (Output.BREAK_LINE in row.outputs)


def test_text_is_read_in_every_live_state() -> None:
    assert set(READING) == LIVE


def test_steady_cells_are_those_of_text_after_text_and_thinking_after_thinking() -> None:
    assert {state: dict(cells) for state, cells in STEADY.items() if cells} == {
        State.THINKING: {Event.THINKING: Output.THINK_TEXT},
        State.TAGGED: {Event.THINKING: Output.THINK_TEXT, Event.TEXT: Output.THINK_TEXT},
        State.ANSWER: {Event.TEXT: Output.ANSWER_TEXT},
    }

"""The state machine of a reply, as data: (state, event) gives the next state and the outputs, in order.

What a reader sees is decided here. Three things stand in `machine.py`, each noted there: `SPENT` (it needs counters), blank text before a
block, and a quick step for rows that change nothing. A pair that is not listed is illegal. The rules behind the rows: a think block is
opened once and always closed; an empty pair is never shown; a closing tag that was never opened is dropped and the text around it kept
(0.24.0 `inline-close-only`); calls are held until the turn ends and dropped when it fails; after the end nothing follows.
"""

import attrs

from translator.shapes.events import Event, Output, State


@attrs.frozen(slots=True)
class Step:
    """One cell of the table."""

    state: State
    outputs: tuple[Output, ...] = ()
    opens_think: bool = attrs.field(init=False)
    """True when this step would open a think block; such a step waits for text that is not blank."""

    @opens_think.default
    def _opens_think(self) -> bool:
        return Output.OPEN_THINK in self.outputs


_OPEN, _THINK, _CLOSE, _TEXT = Output.OPEN_THINK, Output.THINK_TEXT, Output.CLOSE_THINK, Output.ANSWER_TEXT
_HOLD, _GIVE, _FINISH, _FAIL = Output.HOLD_CALLS, Output.GIVE_CALLS, Output.FINISH, Output.FAIL

_FINISHED = Step(State.FINISHED, (_GIVE, _FINISH))
_CLOSED_AND_FINISHED = Step(State.FINISHED, (_CLOSE, _GIVE, _FINISH))
_FAILED = Step(State.FAILED, (_FAIL,))
_CLOSED_AND_FAILED = Step(State.FAILED, (_CLOSE, _FAIL))

_ENDS_WHILE_SHUT = {
    Event.DONE: _FINISHED,
    Event.IDLE: _FAILED,
    Event.REPEATED: _FINISHED,
    Event.SPENT: _FAILED,
    Event.REFUSED: _FAILED,
    Event.GARBLED: _FAILED,
    Event.CUT: _FAILED,
    Event.STOP: Step(State.STOPPED),
}
_ENDS_WHILE_OPEN = {
    Event.DONE: _CLOSED_AND_FINISHED,
    Event.IDLE: _CLOSED_AND_FAILED,
    Event.REPEATED: _CLOSED_AND_FINISHED,
    Event.SPENT: _CLOSED_AND_FAILED,
    Event.REFUSED: _CLOSED_AND_FAILED,
    Event.GARBLED: _CLOSED_AND_FAILED,
    Event.CUT: _CLOSED_AND_FAILED,
    Event.STOP: Step(State.STOPPED, (_CLOSE,)),
}

TABLE: dict[State, dict[Event, Step]] = {
    State.START: {
        Event.THINKING: Step(State.THINKING, (_OPEN, _THINK)),
        Event.TEXT: Step(State.ANSWER, (_TEXT,)),
        Event.TAG_OPEN: Step(State.TAG_SEEN),
        Event.TAG_CLOSE: Step(State.START),
        Event.CALLS: Step(State.START, (_HOLD,)),
        **_ENDS_WHILE_SHUT,
    },
    State.THINKING: {
        Event.THINKING: Step(State.THINKING, (_THINK,)),
        Event.TEXT: Step(State.ANSWER, (_CLOSE, _TEXT)),
        Event.TAG_OPEN: Step(State.TAGGED),
        Event.TAG_CLOSE: Step(State.ANSWER, (_CLOSE,)),
        Event.CALLS: Step(State.THINKING, (_HOLD,)),
        **_ENDS_WHILE_OPEN,
    },
    State.TAG_SEEN: {
        Event.THINKING: Step(State.TAGGED, (_OPEN, _THINK)),
        Event.TEXT: Step(State.TAGGED, (_OPEN, _THINK)),
        Event.TAG_OPEN: Step(State.TAG_SEEN),
        Event.TAG_CLOSE: Step(State.ANSWER),
        Event.CALLS: Step(State.TAG_SEEN, (_HOLD,)),
        **_ENDS_WHILE_SHUT,
    },
    State.TAGGED: {
        Event.THINKING: Step(State.TAGGED, (_THINK,)),
        Event.TEXT: Step(State.TAGGED, (_THINK,)),
        Event.TAG_OPEN: Step(State.TAGGED),
        Event.TAG_CLOSE: Step(State.ANSWER, (_CLOSE,)),
        Event.CALLS: Step(State.TAGGED, (_HOLD,)),
        **_ENDS_WHILE_OPEN,
    },
    State.ANSWER: {
        Event.THINKING: Step(State.THINKING, (_OPEN, _THINK)),
        Event.TEXT: Step(State.ANSWER, (_TEXT,)),
        Event.TAG_OPEN: Step(State.TAG_SEEN),
        Event.TAG_CLOSE: Step(State.ANSWER),
        Event.CALLS: Step(State.ANSWER, (_HOLD,)),
        **_ENDS_WHILE_SHUT,
    },
    State.FINISHED: {Event.END: Step(State.FINISHED), Event.STOP: Step(State.FINISHED)},
    State.FAILED: {Event.END: Step(State.FAILED), Event.STOP: Step(State.FAILED)},
    State.STOPPED: {Event.END: Step(State.STOPPED), Event.STOP: Step(State.STOPPED)},
}

TERMINAL = frozenset({State.FINISHED, State.FAILED, State.STOPPED})

"""The transition table of the state machine that reads a reply.

Theory of operation
===================

A reply is a sequence of events: pieces of thinking and of text, literal tags, tool calls, one end. What the reader of the answer is
told depends on what came before, and all of that knowledge is in this file. There are three rules for changing it:

1. Everything that decides what a reader sees is a row of `TABLE`. `machine.py` finds the row and does what it says. It decides nothing.
2. This file knows nothing of bytes, lines, JSON or Dify.
3. A combination that is not listed is illegal: an event after the end, or an opening tag inside a block, where none is looked for
   (`READING`). No reply of a server can lead there.

A row is found in two steps. The cell `TABLE[state][event]` holds one row or several. Of several, the first whose guard holds is taken;
the last one has no guard, so a legal cell always gives a row. A guard looks at the event and at the `Memory` of the machine, which is
what the state alone does not tell: whether text, thinking or calls came at all.

What the rows promise to every reader:

- A think block is opened once and always closed: before answer text, before tool calls, at the end, at an error, when the reader leaves.
- An empty block is never shown. Blanks before the first word of a block are left out, so a block opens with the first word (guard
  `BLANK`, output `FIRST_THOUGHT`). A literal `<think>` leads to `TAG_SEEN`, where nothing is shown yet.
- An opening tag opens a block at the beginning of the text, where models put it. Later it is text, because an answer may be about tags
  and must arrive letter for letter; only a model known to think, whose server leaves the thinking in the text, opens a block there
  (guard `LEAKED`). Tags in code never become events.
- A closing tag that was never opened ends thinking that nobody marked: it is dropped where it is alone on its line (0.24.0
  `inline-close-only`) or the model is known to think (guard `STRAY`). Any other is text.
- The answer after a block begins on a line of its own (`BREAK_LINE`).
- Blanks are text and are shown, but they are no answer: the state stays `START`.
- Tool calls are held until the answer ends, and given all at once. An answer that ends in an error gives none.
- One end, and nothing after it. All states lead to the ends alike, except that an open block is closed first.

Not every `done` is a good end: `LOADED` means that the server was asked nothing, `SPENT` that all tokens went into thinking, `EMPTY` that
there is nothing to show. And not every end without `done` is bad: `REPEATED` is how servers leave an answer that repeats itself
(server/routes.go, 0.24.0 `chat-repeat-abort`), and at `TIME_UP` an answer ends well if it showed anything: Dify throws away the whole of an
answer that is longer than its own limit.

Most tokens change nothing: text follows text, thinking follows thinking. Such a row has no guard, leads back to its own state and gives
one piece. `STEADY` lists these rows, and the stream takes them without building an event. The list is computed from the table, so the
short way cannot differ from the long one.

A streamed and a blocking reply walk the same table. A blocking one is one line that brings everything, and its events come in the order
thinking, text, calls, done.
"""

from collections.abc import Callable, Mapping

import attrs

from translator.shapes.events import Event, Guard, Output, Reading, State, WireEvent

LENGTH = "length"
LOADING_REASONS = frozenset({"load", "unload"})
"""Values of `done_reason`. Others, also unknown ones of the cloud, count as `stop`."""


@attrs.define(slots=True)
class Memory:
    """What guards know besides the event: two facts about the request, and what came so far."""

    thinks: bool = False
    """The model is known to think."""
    shows_thinking: bool = True
    """The reader is shown thinking."""
    said_text: bool = False
    """Answer text came that is more than blanks."""
    said_thinking: bool = False
    """Thinking came that is more than blanks."""
    is_separated: bool = False
    """The server kept thinking apart: some came as `message.thinking`."""
    shows_tag: bool = False
    """An opening tag is part of the text."""
    has_calls: bool = False


def _is_blank(event: WireEvent, _: Memory) -> bool:
    return event.text.isspace()


def _reason(event: WireEvent) -> str:
    return "" if event.reply is None else event.reply.done_reason


def _is_loaded(event: WireEvent, _: Memory) -> bool:
    return _reason(event) in LOADING_REASONS


def _is_spent(event: WireEvent, memory: Memory) -> bool:
    return _reason(event) == LENGTH and memory.said_thinking and not memory.said_text and not memory.has_calls


def _is_empty(event: WireEvent, memory: Memory) -> bool:
    return event.kind is Event.DONE and not _is_shown(memory) and _reason(event) not in {LENGTH, *LOADING_REASONS}


def _is_unshown(event: WireEvent, memory: Memory) -> bool:
    return event.kind is Event.TIME_UP and not _is_shown(memory)


def _is_shown(memory: Memory) -> bool:
    return memory.said_text or memory.has_calls or (memory.said_thinking and memory.shows_thinking)


def _is_leaked(event: WireEvent, memory: Memory) -> bool:
    return event.kind is Event.TAG_OPEN and _leaks(memory)


def _leaks(memory: Memory) -> bool:
    return memory.thinks and not memory.is_separated


def _is_stray(event: WireEvent, memory: Memory) -> bool:
    return event.kind is Event.TAG_CLOSE and not memory.shows_tag and (event.is_alone or _leaks(memory))


def _is_repeated(event: WireEvent, _: Memory) -> bool:
    return event.repeats


GUARDS: Mapping[Guard, Callable[[WireEvent, Memory], bool]] = {
    Guard.BLANK: _is_blank,
    Guard.LOADED: _is_loaded,
    Guard.SPENT: _is_spent,
    Guard.EMPTY: _is_empty,
    Guard.LEAKED: _is_leaked,
    Guard.STRAY: _is_stray,
    Guard.UNSHOWN: _is_unshown,
    Guard.REPEATED: _is_repeated,
}


@attrs.frozen(slots=True)
class Step:
    """A row of the table: where an event leads and what the reader is told, in order. `guard` None: always."""

    state: State
    outputs: tuple[Output, ...] = ()
    guard: Guard | None = None


type Cell = tuple[Step, ...]

_OPEN, _FIRST, _THINK, _CLOSE = Output.OPEN_THINK, Output.FIRST_THOUGHT, Output.THINK_TEXT, Output.CLOSE_THINK
_BREAK, _BLANKS, _TEXT, _TAG, _HOLD, _GIVE, _FINISH, _FAIL = (
    Output.BREAK_LINE,
    Output.BLANK_TEXT,
    Output.ANSWER_TEXT,
    Output.TAG_TEXT,
    Output.HOLD_CALLS,
    Output.GIVE_CALLS,
    Output.FINISH,
    Output.FAIL,
)


def _ends(*before: Output) -> dict[Event, Cell]:
    """The ends of any state; `before` closes what is open."""
    finished = (*before, _GIVE, _FINISH)
    failed = (*before, _FAIL)
    return {
        Event.DONE: (
            Step(State.FAILED, (*before, Output.FAIL_LOADED), Guard.LOADED),
            Step(State.FAILED, (*before, Output.FAIL_SPENT), Guard.SPENT),
            Step(State.FAILED, (*before, Output.FAIL_EMPTY), Guard.EMPTY),
            Step(State.FINISHED, finished),
        ),
        Event.REFUSED: (Step(State.FAILED, failed),),
        Event.GARBLED: (Step(State.FAILED, failed),),
        Event.CUT: (Step(State.FINISHED, finished, Guard.REPEATED), Step(State.FAILED, failed)),
        Event.LOST: (Step(State.FAILED, failed),),
        Event.TIME_UP: (Step(State.FAILED, failed, Guard.UNSHOWN), Step(State.FINISHED, (*before, _GIVE, Output.FINISH_EARLY))),
        Event.STOP: (Step(State.STOPPED, before),),
    }


TABLE: Mapping[State, Mapping[Event, Cell]] = {
    State.START: {
        Event.THINKING: (Step(State.START, (), Guard.BLANK), Step(State.THINKING, (_OPEN, _FIRST))),
        Event.TEXT: (Step(State.START, (_BLANKS,), Guard.BLANK), Step(State.ANSWER, (_TEXT,))),
        Event.TAG_OPEN: (Step(State.TAG_SEEN),),
        Event.TAG_CLOSE: (Step(State.START, (), Guard.STRAY), Step(State.ANSWER, (_TEXT,))),
        Event.CALLS: (Step(State.START, (_HOLD,)),),
        **_ends(),
    },
    State.THINKING: {
        Event.THINKING: (Step(State.THINKING, (_THINK,)),),
        Event.TEXT: (Step(State.START, (_CLOSE, _BREAK, _BLANKS), Guard.BLANK), Step(State.ANSWER, (_CLOSE, _BREAK, _TEXT))),
        Event.TAG_OPEN: (Step(State.TAGGED),),
        Event.TAG_CLOSE: (Step(State.START, (_CLOSE, _BREAK), Guard.STRAY), Step(State.ANSWER, (_CLOSE, _BREAK, _TEXT))),
        Event.CALLS: (Step(State.THINKING, (_HOLD,)),),
        **_ends(_CLOSE),
    },
    State.TAG_SEEN: {
        Event.THINKING: (Step(State.TAG_SEEN, (), Guard.BLANK), Step(State.TAGGED, (_OPEN, _FIRST))),
        Event.TEXT: (Step(State.TAG_SEEN, (), Guard.BLANK), Step(State.TAGGED, (_OPEN, _FIRST))),
        Event.TAG_CLOSE: (Step(State.START),),
        Event.CALLS: (Step(State.TAG_SEEN, (_HOLD,)),),
        **_ends(),
    },
    State.TAGGED: {
        Event.THINKING: (Step(State.TAGGED, (_THINK,)),),
        Event.TEXT: (Step(State.TAGGED, (_THINK,)),),
        Event.TAG_CLOSE: (Step(State.START, (_CLOSE, _BREAK)),),
        Event.CALLS: (Step(State.TAGGED, (_HOLD,)),),
        **_ends(_CLOSE),
    },
    State.ANSWER: {
        Event.THINKING: (Step(State.ANSWER, (), Guard.BLANK), Step(State.THINKING, (_OPEN, _FIRST))),
        Event.TEXT: (Step(State.ANSWER, (_TEXT,)),),
        Event.TAG_OPEN: (Step(State.TAG_SEEN, (), Guard.LEAKED), Step(State.ANSWER, (_TAG,))),
        Event.TAG_CLOSE: (Step(State.ANSWER, (), Guard.STRAY), Step(State.ANSWER, (_TEXT,))),
        Event.CALLS: (Step(State.ANSWER, (_HOLD,)),),
        **_ends(),
    },
    State.FINISHED: {},
    State.FAILED: {},
    State.STOPPED: {},
}

TERMINAL = frozenset(state for state, cells in TABLE.items() if not cells)
"""States after which nothing follows."""

READING: Mapping[State, Reading] = {
    State.START: Reading.BEGINNING,
    State.THINKING: Reading.BEGINNING,
    State.TAG_SEEN: Reading.BLOCK,
    State.TAGGED: Reading.BLOCK,
    State.ANSWER: Reading.ANSWER,
}
"""Which tags are looked for in text that comes in a state. Inside a block no tag opens another one, so `TAG_OPEN` is illegal there."""

PIECES = (_TEXT, _THINK)


def _is_steady(state: State, cell: Cell) -> bool:
    return len(cell) == 1 and cell[0].state is state and len(cell[0].outputs) == 1 and cell[0].outputs[0] in PIECES


STEADY: Mapping[State, Mapping[Event, Output]] = {
    state: {event: cell[0].outputs[0] for event, cell in cells.items() if _is_steady(state, cell)} for state, cells in TABLE.items()
}
"""The cells that change nothing: one row without guard, back to the same state, with one piece of text or thinking."""


class IllegalStepError(RuntimeError):
    """The table has no row for this event in this state: a fault of the caller, who went on after the end, for instance."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"event {event.name} is illegal in state {state.name}")
        self.state = state
        self.event = event


def step_for(state: State, event: WireEvent, memory: Memory) -> Step:
    """The row that applies. Raises IllegalStepError where there is none."""
    for step in TABLE[state].get(event.kind, ()):
        if step.guard is None or GUARDS[step.guard](event, memory):
            return step
    raise IllegalStepError(state, event.kind)

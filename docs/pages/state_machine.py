"""The transition table as a page: a picture (`state_picture.py`), and a table per state."""

from docs.pages.source_notes import generated_from, notes_of, table
from translator.response.table import TABLE, Step
from translator.shapes import events
from translator.shapes.events import Event, Output, State

OUTPUT_WORDS: dict[Output, str] = {
    Output.OPEN_THINK: "think opens",
    Output.THINK_TEXT: "thinking",
    Output.CLOSE_THINK: "think closes",
    Output.ANSWER_TEXT: "text",
    Output.HOLD_CALLS: "calls are held",
    Output.GIVE_CALLS: "all calls",
    Output.FINISH: "final",
    Output.FAIL: "error",
}

INTRODUCTION = """
# The state machine of a reply

A reply of Ollama is a sequence of **events** (a piece of thinking, a piece of text, tool calls, the end, a fault). The machine knows in
which **state** the reply is and looks up the pair (state, event) in one table, `translator/response/table.py`: the cell names the next
state and what is told to the reader, in order. What a reader of the answer sees is decided there; `translator/response/machine.py`
walks the table. One more piece of what is being said takes a quick step past it: its row, `ANSWER` × `TEXT` or `THINKING` ×
`THINKING`, changes nothing, and a test compares both ways on random replies.

Rules that the table spells out, and that tests check cell by cell:

- A think block is opened once and always closed: before an answer, before tool calls, at the end, at an error, when the reader leaves.
- An empty pair of tags is never shown: a literal `<think>` leads to `TAG_SEEN`, which shows nothing yet.
- A closing tag that was never opened is dropped, and the text around it is kept (0.24.0 `inline-close-only`).
- Tool calls are held until the turn ends and are then given all at once; a turn that ends in an error gives none.
- After `FINISHED`, `FAILED` or `STOPPED` nothing follows. A pair that is not listed is an error of the caller, never of the server.

Two things are settled before the table is asked: `DONE` with reason `length` and nothing but thinking is `SPENT`, and a step that would
open a think block waits for text that is not blank.

## The picture

An arrow bears the events that lead from one state to another. What the reader is told on the way is in the tables below.

![The states of a reply and the events between them](state-machine.svg)
"""


def state_machine_page() -> str:
    """The whole page, ending with a newline."""
    parts = [generated_from("translator/response/table.py", "translator/shapes/events.py"), INTRODUCTION, "\n## State by state\n"]
    notes = notes_of(events, "State")
    parts += [f"\n### {state.name}\n\n{notes[state.name]}\n\n{_rows(TABLE[state])}" for state in State]
    parts += ["\n## Events\n\n", table(("Event", "Meaning"), [(f"`{n}`", text) for n, text in notes_of(events, "Event").items()])]
    return "".join(parts)


def _told(step: Step) -> str:
    return ", ".join(OUTPUT_WORDS[output] for output in step.outputs)


def _rows(row: dict[Event, Step]) -> str:
    cells = [(f"`{event.name}`", f"`{step.state.name}`", _told(step) or "nothing") for event, step in row.items()]
    return table(("Event", "Next state", "The reader is told"), cells)

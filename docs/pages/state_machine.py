"""The transition table as a page: a picture (`state_picture.py`), a table per state, and what events and guards mean."""

from collections.abc import Mapping

from docs.pages.source_notes import generated_from, notes_of, table
from translator.response.table import TABLE, Cell, Step
from translator.shapes import events
from translator.shapes.events import Event, Output, State

OUTPUT_WORDS: dict[Output, str] = {
    Output.OPEN_THINK: "think opens",
    Output.FIRST_THOUGHT: "thinking, without blanks before it",
    Output.THINK_TEXT: "thinking",
    Output.CLOSE_THINK: "think closes",
    Output.BREAK_LINE: "a line break",
    Output.BLANK_TEXT: "blanks",
    Output.ANSWER_TEXT: "text",
    Output.TAG_TEXT: "the tag as text",
    Output.HOLD_CALLS: "calls are held",
    Output.GIVE_CALLS: "all calls",
    Output.FINISH: "final",
    Output.FAIL: "the event's error",
    Output.FAIL_LOADED: "error: only loaded",
    Output.FAIL_SPENT: "error: all tokens went into thinking",
    Output.FINISH_EARLY: "final, with finish reason `length`",
    Output.FAIL_EMPTY: "error: nothing was said",
}

INTRODUCTION = """
# The state machine of a reply

A reply of Ollama is a sequence of **events**: a piece of thinking, a piece of text, tool calls, the end, a fault. The machine knows in
which **state** the reply is and looks up the pair (state, event) in one table, `translator/response/table.py`. A row of the table may
bear a **guard**, a condition; the first row whose guard holds is taken, and the last row has none. The row names the next state and what
the reader is told, in order. Everything that decides what a reader sees is in that table, and the file opens with the rules behind it.
`translator/response/machine.py` does what the row says.

What holds for every row, and what tests check row by row:

- A think block is opened once and always closed: before an answer, before tool calls, at the end, at an error, when the reader leaves.
- An empty block is never shown. A block opens with its first word; blanks before it are left out.
- Tool calls are held until the answer ends and are then given all at once. An answer that ends in an error gives none.
- After `FINISHED`, `FAILED` or `STOPPED` nothing follows. An event that a state does not list is an error of the caller, never of the
  server.

## The picture

An arrow bears the events that lead from one state to another, with their guards in brackets. What the reader is told on the way is in
the tables below.

![The states of a reply and the events between them](state-machine.svg)
"""


def state_machine_page() -> str:
    """The whole page, ending with a newline."""
    parts = [generated_from("translator/response/table.py", "translator/shapes/events.py"), INTRODUCTION, "\n## State by state\n"]
    notes = notes_of(events, "State")
    parts += [f"\n### {state.name}\n\n{notes[state.name]}\n\n{_cells(TABLE[state])}" for state in State]
    for heading, name in (("Event", "Event"), ("Guard", "Guard")):
        rows = [(f"`{word}`", text) for word, text in notes_of(events, name).items()]
        parts += [f"\n## {heading}s\n\n", table((heading, "Meaning"), rows)]
    return "".join(parts)


def _told(row: Step) -> str:
    return ", ".join(OUTPUT_WORDS[output] for output in row.outputs) or "nothing"


def _cells(cells: Mapping[Event, Cell]) -> str:
    if not cells:
        return "No event is legal here.\n"
    rows = [
        (f"`{event.name}`", f"`{row.guard.name}`" if row.guard else "", f"`{row.state.name}`", _told(row))
        for event, cell in cells.items()
        for row in cell
    ]
    return table(("Event", "Only if", "Next state", "The reader is told"), rows)

"""Holds back the beginning of an answer while it may be tool calls written as text (see `written_calls.py`)."""

from collections.abc import Mapping

import attrs

from translator.response.literals import after_blanks
from translator.response.written_calls import FIRST, Beginnings, holds_call, read_calls
from translator.shapes.dify import Tool
from translator.shapes.events import Event, State, WireEvent

MOST_HELD = 64 * 1024
"""Characters that are held back; a longer text is no call."""
MOST_SEARCHED = 16 * 1024
"""Characters at the end of an answer that are searched for calls that stayed text."""
MOST_PIECES = 256
"""Pieces of text that are kept apart: joined they take a tenth of the memory."""
MOST_UNDECIDED = 512
"""Characters after which it is known how a text begins."""
CALL_IN_TEXT = "The model wrote a tool call that the server did not recognise; it was read from the text."
CALL_LEFT_IN_TEXT = (
    "The answer holds what looks like a tool call that the server did not recognise. It was given as text, because other text stands "
    "around it, or because it is not complete."
)


@attrs.define(slots=True)
class HeldText:
    """Holds text while it may be calls of `tools`; without tools nothing is held. What is no call leaves as the events it came in."""

    tools: Mapping[str, Tool]
    has_read_calls: bool = attrs.field(default=False, init=False)
    _is_over: bool = attrs.field(init=False)
    """Text was given, so nothing that follows can be a call."""
    _events: list[WireEvent] = attrs.field(factory=list, init=False)
    _length: int = attrs.field(default=0, init=False)
    _start: str = attrs.field(default="", init=False, repr=False)
    """The beginning without blanks, until it is known whether a call may begin so."""
    _beginnings: Beginnings | None = attrs.field(default=None, init=False, repr=False)
    _fits: bool | None = attrs.field(default=None, init=False)
    _given: list[str] = attrs.field(factory=list, init=False, repr=False)
    """The end of the text that was given."""

    def __attrs_post_init__(self) -> None:
        self._is_over = not self.tools

    @property
    def is_holding(self) -> bool:
        """True while text is held."""
        return bool(self._events)

    @property
    def note(self) -> str:
        """What the log has to say of calls in the text of an answer that has ended."""
        if self.has_read_calls:
            return CALL_IN_TEXT
        return CALL_LEFT_IN_TEXT if holds_call("".join(self._given)[-MOST_SEARCHED:], self.tools) else ""

    def note_given(self, text: str) -> None:
        """Keeps the end of the text that was given to the reader, for `note`."""
        if not self.tools:
            return
        self._given.append(text)
        if len(self._given) > MOST_PIECES:
            self._given = ["".join(self._given)[-MOST_SEARCHED:]]

    def put(self, event: WireEvent, state: State) -> list[WireEvent]:
        """Takes text or a tag that came where the machine is in `state`. Gives the events that are certain."""
        if self._is_over:
            self.note_given(event.text)
            return [event]
        if event.kind is not Event.TEXT:
            return [*(self.release() if self._events else ()), event]
        if state not in {State.START, State.THINKING} or (not self._events and event.text.isspace()):
            return [event]
        self._events.append(event)
        self._length += len(event.text)
        return [] if self._may_be_calls(event.text) else self.release()

    def release(self) -> list[WireEvent]:
        """Gives what was held, as text: something else than a call follows."""
        self._is_over = True
        events, self._events = self._events, []
        for event in events:
            self.note_given(event.text)
        return events

    def end(self) -> list[WireEvent]:
        """The answer is complete: gives the calls that the held text is, after the blanks before them, or the text."""
        events = self.release()
        text = "".join(event.text for event in events)
        calls = read_calls(text, self.tools) if text else ()
        if not calls:
            return events
        self.has_read_calls = True
        blanks = text[: after_blanks(text, 0)]
        return [*([WireEvent(Event.TEXT, blanks)] if blanks else ()), WireEvent(Event.CALLS, calls=calls)]

    def _may_be_calls(self, text: str) -> bool:
        if self._length > MOST_HELD:
            return False
        start = "".join(text.split())
        if self._fits or not start:
            return True
        if self._beginnings is None:
            if start[0] not in FIRST:
                return False
            self._beginnings = Beginnings.of(self.tools)
        self._start += start
        if len(self._start) > MOST_UNDECIDED:
            return False
        self._fits = self._beginnings.fits(self._start)
        return self._fits is not False

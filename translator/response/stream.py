"""One reply from its first byte to its last delta: framing, decoding, tags and machine behind `feed`, `end` and `stop`.

Enters: the bytes of a reply as they arrive, cut anywhere. Leaves: deltas, neighbours of one kind joined. The same object reads streamed
and blocking replies of `/api/chat` and `/api/generate`. A line that only goes on takes a shorter path with the same outcome. It does no
I/O: whoever owns the connection feeds it.
"""

from collections.abc import Callable

import attrs

from translator.codec import dumps
from translator.errors import ServerError
from translator.failures import build
from translator.limits import DEFAULT_LIMITS, Limits
from translator.response.decode import line_to_events, line_to_raw, plain_piece, raw_to_events
from translator.response.lines import LineSplitter
from translator.response.machine import DeltaBuffer, Machine
from translator.response.table import TERMINAL
from translator.response.tags import TagSplitter
from translator.shapes.events import Delta, Event, State, WireEvent
from translator.shapes.wire import WireToolCall

LIMIT = 30
LONGEST_UNIT = 64
"""Characters of the longest token looked for in a reply that came in one piece."""


@attrs.define(slots=True)
class Repetition:
    """Counts how often the last piece came in a row."""

    run: int = 0
    pieces: int = 0
    _last: str = attrs.field(default="", init=False, repr=False)
    _text: str = attrs.field(default="", init=False, repr=False)

    def note(self, text: str) -> None:
        """Takes one piece of `content` or `thinking` as the line carried it."""
        self.pieces += 1
        piece = text.strip()
        if piece == self._last and self.run:
            self.run += 1
        else:
            self._last, self.run, self._text = piece, 1, text

    @property
    def aborted(self) -> bool:
        """True when the pieces end as the guard leaves them."""
        if self.pieces == 1:
            return _ends_in_repetition(self._text)
        return self.run > LIMIT


def _ends_in_repetition(text: str) -> bool:
    """True when the last characters are one unit over and over."""
    times = LIMIT + 1
    return any(len(text) >= length * times and text.endswith(text[-length:] * times) for length in range(1, LONGEST_UNIT + 1))


CALLS_KEY = b'"tool_calls"'
SAVED = {b"\\u": 5, b"\\/": 1, b" ": 1, b"\t": 1, b"\r": 1}
"""What may get shorter, and by how many bytes at most."""

OF_A_CALL = 100
"""Bytes that a call takes at least, however little it says."""


@attrs.define(slots=True)
class AnswerSize:
    """Bytes said so far, and the most that may be said."""

    most: int
    said: int = 0

    def takes(self, event: WireEvent) -> bool:
        """Counts an event; False from the first one on that passes the limit."""
        if event.calls:
            self.said += sum(map(_bytes, event.calls))
        return self.takes_text(event.text)

    def takes_text(self, text: str) -> bool:
        """The same for a piece that is nothing but text."""
        self.said += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        return self.said <= self.most


def least_of_calls(line: bytes) -> int:
    """Bytes that the calls of a line have at least when they are spelled for Dify, told without parsing; 0 when it has none.

    Spelling them anew only saves blanks and escapes. A key inside a text cannot be meant, as its quotes would be escaped.
    """
    start = line.find(CALLS_KEY)
    if start < 0:
        return 0
    saved = sum(line.count(mark, start) * bytes_saved for mark, bytes_saved in SAVED.items())
    return max(0, len(line) - start - saved)


def _bytes(call: WireToolCall) -> int:
    return len(dumps(call.function.arguments)) + len(dumps(call.function.name)) + len(dumps(call.id)) + OF_A_CALL


@attrs.define(slots=True, kw_only=True)
class ReplyStream:
    """`new_id` gives a fresh id for calls that come without one; `estimate_prompt` gives prompt tokens when the server does not count."""

    model: str
    new_id: Callable[[], str]
    estimate_prompt: Callable[[], int]
    limits: Limits = DEFAULT_LIMITS
    _lines: LineSplitter = attrs.field(init=False)
    _machine: Machine = attrs.field(init=False)
    _tags: TagSplitter = attrs.field(factory=TagSplitter, init=False)
    _thinking_tags: TagSplitter = attrs.field(factory=TagSplitter, init=False)
    _repetition: Repetition = attrs.field(factory=Repetition, init=False)
    _size: AnswerSize = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = LineSplitter(self.limits)
        self._size = AnswerSize(self.limits.answer_bytes)
        self._machine = Machine(
            model=self.model,
            new_id=self.new_id,
            estimate_prompt=self.estimate_prompt,
            out=DeltaBuffer(self.limits),
        )

    @property
    def finished(self) -> bool:
        """True when the last delta is out; bytes that still come are not read."""
        return self._machine.finished

    @property
    def state(self) -> State:
        """Where the machine is."""
        return self._machine.state

    @property
    def lines(self) -> int:
        """Lines read so far."""
        return self._lines.count

    @property
    def pending(self) -> int:
        """Bytes of the line that has begun and not ended."""
        return self._lines.pending

    def feed(self, data: bytes) -> list[Delta]:
        """Takes bytes, gives the deltas they complete. After the end it gives nothing."""
        machine = self._machine
        if machine.state in TERMINAL:
            return []
        self._read(self._lines.feed(data))
        return machine.out.take()

    def end(self) -> list[Delta]:
        """The bytes ended, cleanly or not; gives the last deltas. A second call gives nothing."""
        if self.finished:
            return []
        self._read_last_line()
        if not self.finished:
            self._flush_tags()
            self._machine.feed(self._ending())
        return self._machine.out.take()

    def fail(self, error: ServerError) -> list[Delta]:
        """The bytes ended because of `error`; what was said so far is kept."""
        if not self.finished:
            self._flush_tags()
            self._machine.feed(WireEvent(Event.CUT, error=error))
        return self._machine.out.take()

    def stop(self) -> list[Delta]:
        """The consumer wants no more; closes an open think block."""
        if not self.finished:
            self._flush_tags()
            self._machine.feed(WireEvent(Event.STOP))
        return self._machine.out.take()

    def _ending(self) -> WireEvent:
        if self._repetition.aborted:
            return WireEvent(Event.REPEATED)
        return WireEvent(Event.CUT, error=build.cut_short(self._lines.count, self.model))

    def _read(self, lines: list[tuple[int, bytes]]) -> None:
        overflow = self._lines.overflow
        for number, line in lines:
            if overflow is not None and number >= overflow.number:
                break
            if len(line) > self.limits.calls_bytes and (least := least_of_calls(line)) > self.limits.calls_bytes:
                self._take(WireEvent(Event.GARBLED, error=build.calls_too_large(least, self.model)))
                return
            raw = line_to_raw(line)
            kind, text = plain_piece(raw)
            if not text or not self._goes_on(kind, text):
                for event in [WireEvent(kind, text)] if text else raw_to_events(raw, line, number, self.model):
                    self._take(event)
            if self._machine.finished:
                return
        if overflow is not None:
            self._take(WireEvent(Event.GARBLED, error=build.line_too_long(overflow.number, overflow.length)))

    def _goes_on(self, kind: Event, text: str) -> bool:
        """Takes a piece that changes nothing, without an event; False leaves it to `_take`."""
        if "<" in text or self._tags.held or self._thinking_tags.held or not self._machine.is_saying(kind):
            return False
        if self._size.takes_text(text):
            self._repetition.note(text)
            self._machine.say_on(text)
        else:
            self._give_up()
        return True

    def _read_last_line(self) -> None:
        """A last line without line end is read like any other; one that was cut says nothing (0.33.0-rc2 `cloud-proxy-cut`)."""
        for number, line in self._lines.end():
            for event in line_to_events(line, number, self.model):
                if event.kind is not Event.GARBLED:
                    self._take(event)

    def _take(self, event: WireEvent) -> None:
        if not self._size.takes(event):
            self._give_up()
        elif event.kind is Event.TEXT:
            self._repetition.note(event.text)
            self._take_text(event)
        elif event.kind is Event.THINKING:
            self._repetition.note(event.text)
            self._take_thinking(event)
        else:
            self._flush_tags()
            self._machine.feed(event)

    def _give_up(self) -> None:
        """The answer is too large; what was said before the piece that passed the limit is kept."""
        if not self._machine.finished:
            self._flush_tags()
            self._machine.feed(WireEvent(Event.GARBLED, error=build.answer_too_large(self._size.said, self._size.most, self.model)))

    def _take_text(self, event: WireEvent) -> None:
        if self._thinking_tags.held:
            self._think(self._thinking_tags.flush())
        if self._tags.passes(event.text):
            self._machine.feed(event)
        else:
            self._say(self._tags.feed(event.text))

    def _take_thinking(self, event: WireEvent) -> None:
        if self._tags.held:
            self._say(self._tags.flush())
        if self._thinking_tags.passes(event.text):
            self._machine.feed(event)
        else:
            self._think(self._thinking_tags.feed(event.text))

    def _say(self, pieces: list[WireEvent]) -> None:
        for piece in pieces:
            self._machine.feed(piece)

    def _think(self, pieces: list[WireEvent]) -> None:
        """Thinking that speaks of the tags themselves loses them: every reader of the block would take them for its end."""
        for piece in pieces:
            if piece.kind is Event.TEXT:
                self._machine.feed(WireEvent(Event.THINKING, piece.text))

    def _flush_tags(self) -> None:
        self._think(self._thinking_tags.flush())
        self._say(self._tags.flush())

"""One reply from its first byte to its last delta: framing, decoding, tags and the machine behind `feed`, `end`, `fail` and `stop`.

Bytes arrive cut anywhere; deltas leave with neighbours of one kind joined. The same object reads streamed and blocking replies of
`/api/chat` and `/api/generate`. It does no I/O: whoever owns the connection feeds it.

The common line brings one piece of what is being said already. It goes straight from its JSON into the machine (`_take_steady`), without
an event; every other line becomes events first.
"""

from collections.abc import Callable

import attrs

from translator.errors import ServerError
from translator.failures import build
from translator.limits import DEFAULT_LIMITS, Limits
from translator.response.decode import least_bytes_of_calls, line_to_events, line_to_raw, plain_piece, raw_to_events
from translator.response.lines import LineSplitter
from translator.response.machine import DeltaBuffer, Machine
from translator.response.table import TERMINAL
from translator.response.tags import TagSplitter
from translator.response.tally import Tally
from translator.shapes.events import Delta, Event, State, WireEvent


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
    _tally: Tally = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._lines = LineSplitter(self.limits)
        self._tally = Tally(self.limits.answer_bytes)
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
            self._machine.feed(WireEvent(Event.LOST, error=error))
        return self._machine.out.take()

    def stop(self) -> list[Delta]:
        """The consumer wants no more; closes an open think block."""
        if not self.finished:
            self._flush_tags()
            self._machine.feed(WireEvent(Event.STOP))
        return self._machine.out.take()

    def _ending(self) -> WireEvent:
        error = build.cut_short(self._lines.count, self.model)
        return WireEvent(Event.CUT, error=error, repeats=self._tally.repeats)

    def _read(self, lines: list[tuple[int, bytes]]) -> None:
        overflow = self._lines.overflow
        for number, line in lines:
            if overflow is not None and number >= overflow.number:
                break
            if len(line) > self.limits.calls_bytes and (least := least_bytes_of_calls(line)) > self.limits.calls_bytes:
                self._take(WireEvent(Event.GARBLED, error=build.calls_too_large(least, self.model)))
                return
            raw = line_to_raw(line)
            kind, text = plain_piece(raw)
            if not text or not self._take_steady(kind, text):
                for event in [WireEvent(kind, text)] if text else raw_to_events(raw, line, number, self.model):
                    self._take(event)
            if self._machine.finished:
                return
        if overflow is not None:
            self._take(WireEvent(Event.GARBLED, error=build.line_too_long(overflow.number, overflow.length)))

    def _take_steady(self, kind: Event, text: str) -> bool:
        """Takes a piece that changes nothing; False, and nothing taken, for any other. What may be a tag is not looked into here."""
        if "<" in text or self._tags.held or self._thinking_tags.held:
            return False
        output = self._machine.steady(kind)
        if output is None:
            return False
        if self._tally.piece(text):
            self._machine.feed_steady(output, text)
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
        """Takes an event of a line; what follows the end in the same line is not read."""
        if self._machine.finished:
            return
        if event.kind is Event.TEXT or event.kind is Event.THINKING:
            is_within = self._tally.piece(event.text)
        else:
            is_within = not event.calls or self._tally.calls(event.calls)
        if not is_within:
            self._give_up()
        elif event.kind is Event.TEXT:
            self._take_text(event)
        elif event.kind is Event.THINKING:
            self._take_thinking(event)
        else:
            self._flush_tags()
            self._machine.feed(event)

    def _give_up(self) -> None:
        """The answer is too large; what was said before the piece that passed the limit is kept."""
        self._flush_tags()
        self._machine.feed(WireEvent(Event.GARBLED, error=build.answer_too_large(self._tally.said, self._tally.most, self.model)))

    def _take_text(self, event: WireEvent) -> None:
        self._think(self._thinking_tags.flush())
        self._say(self._tags.feed(event.text))

    def _take_thinking(self, event: WireEvent) -> None:
        self._say(self._tags.flush())
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

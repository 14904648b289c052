"""Reads one reply, from its first byte to its last delta: framing, decoding, tags and the state machine, behind `feed` and `end`.

Bytes arrive cut anywhere; deltas leave with neighbours of one kind joined. The same object reads streamed and blocking replies of
`/api/chat` and `/api/generate`. It does no I/O and reads no clock: whoever owns the connection feeds it, lets others have their turn
between two `slices`, and watches `progress` to tell an answer that goes on from bytes that only trickle.

Most lines continue what the line before said: text after text, thinking after thinking. Their text goes straight from the JSON into the
machine (`STEADY`). Every other line becomes events first.
"""

from collections.abc import Callable, Iterable, Iterator

import attrs

from translator.codec import SMALL
from translator.errors import ServerError
from translator.failures import build
from translator.limits import DEFAULT_LIMITS, SLICE_BYTES, SLICE_LINES, Limits
from translator.response.calls import with_declared_names
from translator.response.decode import costly_line, line_to_events, raw_to_events
from translator.response.held_text import HeldText
from translator.response.lines import LineSplitter, Tally, read_line
from translator.response.machine import DeltaBuffer, Machine, counted_ids, no_estimate
from translator.response.table import READING, STEADY, TERMINAL
from translator.response.tags import NATIVE, TagSplitter
from translator.shapes.dify import Tool
from translator.shapes.events import Delta, Event, Reading, State, WireEvent


@attrs.define(slots=True, kw_only=True)
class ReplyStream:
    """Reads one reply of `model`, streamed or not, of `/api/chat` or `/api/generate`. All other settings are optional.

    `new_id` gives an id for a call that comes without one; by default `call_1`, `call_2` and so on. An id that repeats in one answer gets a
    number behind it. `estimate_prompt` gives the tokens of the prompt; it is asked when the server does not count. `thinks`: the model is
    known to think, so tags later in its text are leaks of thinking rather than words about tags. `show_thinking` False: thinking is read
    and not given. `tools`: what the model was offered. A call of one of them that comes as text is read as a call.
    """

    model: str
    new_id: Callable[[], str] = attrs.field(factory=counted_ids)
    estimate_prompt: Callable[[], int] = no_estimate
    thinks: bool = False
    show_thinking: bool = True
    tools: tuple[Tool, ...] = ()
    limits: Limits = DEFAULT_LIMITS
    _lines: LineSplitter = attrs.field(init=False)
    _machine: Machine = attrs.field(init=False)
    _tags: TagSplitter = attrs.field(factory=TagSplitter, init=False)
    _thinking_tags: TagSplitter = attrs.field(factory=lambda: TagSplitter(NATIVE), init=False)
    _tally: Tally = attrs.field(init=False)
    _held: HeldText = attrs.field(init=False)
    _is_watching: bool = attrs.field(default=False, init=False)
    """Text cannot take the short way, as it may belong to a tag or to code."""
    _costly: int = attrs.field(default=0, init=False)
    """Bytes of lines in this slice that did not go the short way."""

    def __attrs_post_init__(self) -> None:
        self._lines = LineSplitter(self.limits)
        self._tally = Tally(self.limits)
        self._held = HeldText({tool.name: tool for tool in self.tools})
        self._machine = Machine(
            model=self.model,
            new_id=self.new_id,
            estimate_prompt=self.estimate_prompt,
            thinks=self.thinks,
            shows_thinking=self.show_thinking,
            out=DeltaBuffer(self.limits),
        )

    @property
    def finished(self) -> bool:
        """True when the last delta is out; bytes that still come are not read."""
        return self._machine.state in TERMINAL

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

    @property
    def progress(self) -> int:
        """Grows with every line that brings the answer on: text or thinking that is not blank, a tool call, the end."""
        return self._tally.progress

    @property
    def note(self) -> str:
        """After the end: a sentence for the log about tool calls that came as text; empty when there were none."""
        return self._held.note

    def feed(self, data: bytes) -> list[Delta]:
        """Takes bytes, gives the deltas they complete. After the end it gives nothing."""
        machine = self._machine
        if machine.state in TERMINAL:
            return []
        self._read(data)
        return machine.out.take()

    def slices(self, data: bytes) -> Iterator[list[Delta]]:
        """What `feed` gives, in parts that take a few milliseconds each at most; the caller may let others run in between.

        All parts have to be taken before the next call. One long line is one part: `Limits` bound what it can cost.
        """
        machine, splitter = self._machine, self._lines
        lines, self._costly = splitter.count, 0
        for start in range(0, len(data), SLICE_BYTES):
            if machine.state in TERMINAL:
                break
            self._read(data[start : start + SLICE_BYTES])
            if splitter.count - lines >= SLICE_LINES or self._costly >= SLICE_BYTES:
                lines, self._costly = splitter.count, 0
                yield machine.out.take()
        yield machine.out.take()

    def end(self) -> list[Delta]:
        """The bytes ended, cleanly or not; gives the last deltas. A second call gives nothing."""
        if self.finished:
            return []
        for number, line in self._lines.end():
            self._read_last_line(number, line)
        self._end_with(WireEvent(Event.CUT, error=build.cut_short(self._lines.count, self.model), repeats=self._tally.repeats))
        return self._machine.out.take()

    def fail(self, error: ServerError) -> list[Delta]:
        """The bytes ended because of `error`; what was said so far is kept."""
        self._end_with(WireEvent(Event.LOST, error=error))
        return self._machine.out.take()

    def time_is_up(self, error: ServerError) -> list[Delta]:
        """The time limit of a whole answer is reached: it ends well with what was said, or with `error` when nothing was.

        A line that is not complete is lost.
        """
        self._end_with(WireEvent(Event.TIME_UP, error=error))
        return self._machine.out.take()

    def stop(self) -> list[Delta]:
        """The consumer wants no more; closes an open think block."""
        self._end_with(WireEvent(Event.STOP))
        return self._machine.out.take()

    def _read(self, data: bytes) -> None:
        splitter, machine = self._lines, self._machine
        lines = splitter.feed(data)
        if splitter.room < 0 or splitter.blank:
            self._count_blank_lines()
            if machine.finished:
                return
        too_long = splitter.too_long
        if too_long is not None:
            lines = [(number, line) for number, line in lines if number < too_long.number]
        for number, line in lines:
            if len(line) <= SMALL or not self._is_costly(number, line):
                raw, kind, text = read_line(line)
                # the short way; a line with "<" or "`" may begin a tag or code, so it takes the long one
                if text and not self._is_watching and kind in STEADY[machine.state] and "<" not in text and "`" not in text:
                    if self._tally.count_piece(text):
                        machine.feed_steady(kind, text)
                        self._tags.before = text
                        if self.tools and kind is Event.TEXT:
                            self._held.note_given(text)
                    else:
                        self._give_up(self._tally.error(self.model))
                else:
                    self._costly += len(line)
                    self._take_all([WireEvent(kind, text)] if text else raw_to_events(raw, line, number, self.model))
            if machine.state in TERMINAL:
                return
        if too_long is not None:
            self._give_up(build.line_too_long(too_long.number, too_long.length))

    def _count_blank_lines(self) -> None:
        if self._lines.room < 0:
            self._give_up(build.reply_without_end(self.limits.reply_bytes))
        elif not self._tally.count_silent(self._lines.blank):
            self._give_up(self._tally.error(self.model))
        self._lines.blank = 0

    def _read_last_line(self, number: int, line: bytes) -> None:
        """Reads a line without line end at the very end. One that was cut says nothing (0.33.0-rc2 `cloud-proxy-cut`)."""
        if len(line) <= SMALL or not self._is_costly(number, line):
            self._take_all([event for event in line_to_events(line, number, self.model) if event.kind is not Event.GARBLED])

    def _is_costly(self, number: int, line: bytes) -> bool:
        error = costly_line(line, number, self.limits, self.model)
        if error is not None:
            self._give_up(error)
        return error is not None

    def _take_all(self, events: list[WireEvent]) -> None:
        """Takes the events of a line; what follows the end in the same line is not read."""
        if not events and not self._tally.count_silent():
            self._give_up(self._tally.error(self.model))
        for event in events:
            if not self._machine.finished:
                self._take(event)
        self._is_watching = self._tags.is_watching or self._thinking_tags.is_holding or self._held.is_holding

    def _take(self, event: WireEvent) -> None:
        if not self._is_within_limits(event):
            self._give_up(self._tally.error(self.model))
        elif event.kind is Event.TEXT:
            self._drain_thinking(is_last=True)
            self._tags.put(event.text)
            self._drain_text()
        elif event.kind is Event.THINKING:
            self._drain_text(is_last=True)
            self._feed_all(self._held.release() if self._held.is_holding else ())
            self._thinking_tags.put(event.text)
            self._drain_thinking()
        else:
            self._end_pieces(is_done=event.kind is Event.DONE)
            self._machine.feed(with_declared_names(event, self._held.tools, self.model) if event.calls else event)

    def _is_within_limits(self, event: WireEvent) -> bool:
        match event.kind:
            case Event.TEXT | Event.THINKING:
                return self._tally.count_piece(event.text)
            case Event.CALLS:
                return self._tally.count_calls(event.calls)
            case _:
                self._tally.count_end()
                return True

    def _give_up(self, error: ServerError) -> None:
        """A limit was passed; what was said before is kept."""
        self._end_with(WireEvent(Event.GARBLED, error=error))

    def _end_with(self, event: WireEvent) -> None:
        if not self.finished:
            self._end_pieces()
            self._machine.feed(event)

    def _drain_text(self, is_last: bool = False) -> None:
        """Feeds the text that is certain; where the machine is then says which tags the rest may hold."""
        tags, held, machine = self._tags, self._held, self._machine
        while (event := tags.next(Reading.ANSWER if held.is_holding else READING[machine.state], is_last)) is not None:
            self._feed_all(held.put(event, machine.state))

    def _drain_thinking(self, is_last: bool = False) -> None:
        while (event := self._thinking_tags.next(Reading.BLOCK, is_last)) is not None:
            self._machine.feed(WireEvent(Event.THINKING, event.text))

    def _feed_all(self, events: Iterable[WireEvent]) -> None:
        for event in events:
            self._machine.feed(event)

    def _end_pieces(self, is_done: bool = False) -> None:
        """Nothing follows that could make a tag of what is held, or a call of an answer that is not `is_done`."""
        self._drain_thinking(is_last=True)
        self._drain_text(is_last=True)
        self._feed_all(self._held.end() if is_done else self._held.release())

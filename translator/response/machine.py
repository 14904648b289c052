"""The state machine of a reply: events in, deltas out.

The machine finds the row of an event and does what the row says; all decisions are in `table.py`. It keeps what the outputs need: the
tool calls so far, counters for an estimate of the usage, and the deltas since the last `take`. Deltas leave in the only order that every
Dify consumer reads right: text and thinking, the end of thinking, one delta with all tool calls, one final delta.
"""

from collections.abc import Callable
from itertools import count

import attrs

from translator.errors import ServerError
from translator.failures import build
from translator.limits import DEFAULT_LIMITS, Limits
from translator.response.table import LENGTH, STEADY, TERMINAL, Memory, step_for
from translator.schema.json_data import compact_json
from translator.shapes.dify import FinishReason, ToolCall, Usage
from translator.shapes.events import (
    LINE_BREAK,
    THINK_CLOSE,
    THINK_OPEN,
    TIME_UP,
    CallsDelta,
    Delta,
    Event,
    FailureDelta,
    FinalDelta,
    Output,
    State,
    TextDelta,
    ThinkDelta,
    WireEvent,
)
from translator.shapes.wire import Reply, WireToolCall

CHARS_PER_TOKEN = 4

type TextKind = type[TextDelta] | type[ThinkDelta]


@attrs.define(slots=True)
class DeltaBuffer:
    """Deltas that wait to be taken. Neighbouring pieces of one kind become one delta, and a long one several of `Limits.frame_chars`."""

    limits: Limits = DEFAULT_LIMITS
    _ready: list[tuple[TextKind, list[str]] | Delta] = attrs.field(factory=list, init=False)
    _kind: TextKind | None = attrs.field(default=None, init=False)
    """Of the text at the end; None when something else is there."""
    _parts: list[str] = attrs.field(factory=list, init=False)
    """Its pieces."""

    def text(self, kind: TextKind, text: str) -> None:
        """Adds text of one kind."""
        if kind is not self._kind:
            self._kind, self._parts = kind, []
            self._ready.append((kind, self._parts))
        self._parts.append(text)

    def add(self, delta: Delta) -> None:
        """Adds a delta that stands alone."""
        self._ready.append(delta)
        self._kind = None

    def take(self) -> list[Delta]:
        """Gives everything collected, and starts anew."""
        ready, self._ready, self._kind = self._ready, [], None
        deltas: list[Delta] = []
        for each in ready:
            if isinstance(each, tuple):
                kind, text, step = each[0], "".join(each[1]), self.limits.frame_chars
                deltas += [kind(text)] if len(text) <= step else [kind(text[at : at + step]) for at in range(0, len(text), step)]
            else:
                deltas.append(each)
        return deltas


def counted_ids() -> Callable[[], str]:
    """Gives `call_1`, `call_2` and so on, one with every call."""
    return map("call_{}".format, count(1)).__next__


def no_estimate() -> int:
    """The `estimate_prompt` of callers without an estimator."""
    return 0


@attrs.define(slots=True, kw_only=True)
class Machine:
    """One reply. `new_id` gives the id of a call that comes without one; `estimate_prompt` gives prompt tokens and is asked only when the
    server did not count.

    `thinks`: the model is known to think. `shows_thinking` False: no delta tells of thinking.
    """

    model: str
    new_id: Callable[[], str] = attrs.field(factory=counted_ids)
    estimate_prompt: Callable[[], int] = no_estimate
    thinks: bool = False
    shows_thinking: bool = True
    out: DeltaBuffer = attrs.field(factory=DeltaBuffer)
    state: State = State.START
    _memory: Memory = attrs.field(init=False)
    _pieces: int = attrs.field(default=0, init=False)
    _chars: int = attrs.field(default=0, init=False)
    _calls: dict[str, ToolCall] = attrs.field(factory=dict, init=False)
    """By id, in their order."""

    def __attrs_post_init__(self) -> None:
        self._memory = Memory(thinks=self.thinks, shows_thinking=self.shows_thinking)

    @property
    def finished(self) -> bool:
        """True when nothing more can come out."""
        return self.state in TERMINAL

    def feed(self, event: WireEvent) -> None:
        """Takes one event and puts deltas into `out`. Raises IllegalStepError after the end."""
        step = step_for(self.state, event, self._memory)
        if event.kind is Event.TEXT or event.kind is Event.THINKING:
            self._pieces += 1
            self._chars += len(event.text)
            self._memory.is_separated = self._memory.is_separated or event.kind is Event.THINKING
        self.state = step.state
        for output in step.outputs:
            OUTPUTS[output](self, event)

    def feed_steady(self, kind: Event, text: str) -> None:
        """Takes a piece that changes nothing (see `STEADY`): what `feed` does, without an event."""
        self._pieces += 1
        self._chars += len(text)
        if STEADY[self.state][kind] is Output.ANSWER_TEXT:
            self.out.text(TextDelta, text)
        elif self.shows_thinking:
            self.out.text(ThinkDelta, text)

    def _first_thought(self, event: WireEvent) -> None:
        self._memory.said_thinking = True
        if self.shows_thinking:
            self.out.text(ThinkDelta, event.text.lstrip())

    def _think_text(self, event: WireEvent) -> None:
        if self.shows_thinking:
            self.out.text(ThinkDelta, event.text)

    def _show(self, delta: Delta) -> None:
        if self.shows_thinking:
            self.out.add(delta)

    def _answer_text(self, event: WireEvent) -> None:
        self._memory.said_text = True
        self.out.text(TextDelta, event.text)

    def _tag_text(self, event: WireEvent) -> None:
        self._memory.shows_tag = True
        self._answer_text(event)

    def _hold_calls(self, event: WireEvent) -> None:
        self._memory.has_calls = True
        for call in event.calls:
            held = self._to_tool_call(call)
            self._calls[held.id] = held

    def _to_tool_call(self, call: WireToolCall) -> ToolCall:
        return ToolCall(
            id=self._unused_id(call.id or self._new_id()), name=call.function.name, arguments=compact_json(call.function.arguments)
        )

    def _new_id(self) -> str:
        try:
            return self.new_id() or "call"
        except StopIteration:
            raise ValueError("new_id has no more ids. Give a function that always gives one, or leave new_id out.") from None

    def _unused_id(self, wanted: str) -> str:
        """The id itself, or with a number behind it where another call of this answer has it."""
        identity, number = wanted, len(self._calls)
        while identity in self._calls:
            number += 1
            identity = f"{wanted}_{number}"
        return identity

    def _give_calls(self, _: WireEvent) -> None:
        if self._calls:
            self.out.add(CallsDelta(tuple(self._calls.values())))

    def _finish(self, event: WireEvent) -> None:
        reply = event.reply or Reply()
        self.out.add(FinalDelta(self._finish_reason(reply), self._usage(reply), reply.done_reason))

    def _finish_early(self, _: WireEvent) -> None:
        reason = FinishReason.TOOL_CALLS if self._calls else FinishReason.LENGTH
        self.out.add(FinalDelta(reason, self._usage(Reply()), TIME_UP))

    def _finish_reason(self, reply: Reply) -> FinishReason:
        if self._calls:
            return FinishReason.TOOL_CALLS
        return FinishReason.LENGTH if reply.done_reason == LENGTH else FinishReason.STOP

    def _usage(self, reply: Reply) -> Usage:
        prompt, completion = reply.prompt_eval_count, reply.eval_count
        return Usage(
            prompt_tokens=prompt or max(1, self.estimate_prompt()),
            completion_tokens=completion or max(self._pieces, self._chars // CHARS_PER_TOKEN),
            estimated=not (prompt and completion),
            total_ns=reply.total_duration,
            load_ns=reply.load_duration,
            prompt_ns=reply.prompt_eval_duration,
            eval_ns=reply.eval_duration,
        )

    def _fail(self, event: WireEvent) -> None:
        if event.error is None:
            raise TypeError(f"event {event.kind.name} brought no error")
        self.out.add(FailureDelta(event.error))

    def _fail_at_done(self, error: ServerError, event: WireEvent) -> None:
        reply = event.reply or Reply()
        is_counted = bool(reply.prompt_eval_count and reply.eval_count)
        self.out.add(FailureDelta(error, self._usage(reply) if is_counted else None))


OUTPUTS: dict[Output, Callable[[Machine, WireEvent], None]] = {
    Output.OPEN_THINK: lambda machine, _: machine._show(THINK_OPEN),
    Output.FIRST_THOUGHT: Machine._first_thought,
    Output.THINK_TEXT: Machine._think_text,
    Output.CLOSE_THINK: lambda machine, _: machine._show(THINK_CLOSE),
    Output.BREAK_LINE: lambda machine, _: machine._show(LINE_BREAK),
    Output.BLANK_TEXT: lambda machine, event: machine.out.text(TextDelta, event.text),
    Output.ANSWER_TEXT: Machine._answer_text,
    Output.TAG_TEXT: Machine._tag_text,
    Output.HOLD_CALLS: Machine._hold_calls,
    Output.GIVE_CALLS: Machine._give_calls,
    Output.FINISH: Machine._finish,
    Output.FINISH_EARLY: Machine._finish_early,
    Output.FAIL: Machine._fail,
    Output.FAIL_LOADED: lambda machine, event: machine._fail_at_done(build.only_loaded(machine.model), event),
    Output.FAIL_SPENT: lambda machine, event: machine._fail_at_done(build.thinking_spent_everything(machine.model), event),
    Output.FAIL_EMPTY: lambda machine, event: machine._fail_at_done(build.empty_answer(machine.model), event),
}

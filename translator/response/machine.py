"""Walks the transition table: events in, deltas out.

Enters: events of one reply, in order. Leaves: deltas in the only order that every Dify consumer reads right: text and thinking, the end of
thinking, one delta with all tool calls, one final delta. The most frequent step, one more piece of what is being said, does not look
the row up (`is_saying`, `say_on`): its row leads back to its own state and gives that text, and a test compares every such reply with the
table. The machine holds the calls and the counters of the turn and nothing else that grows.
"""

from collections.abc import Callable

import attrs

from translator.errors import ServerError
from translator.failures import build
from translator.limits import DEFAULT_LIMITS, Limits
from translator.response.table import TABLE, TERMINAL
from translator.scalars import MAX_EXACT
from translator.schema.json_data import arguments_to_text
from translator.shapes.dify import FinishReason, ToolCall, Usage
from translator.shapes.events import (
    THINK_CLOSE,
    THINK_OPEN,
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

type TextKind = type[TextDelta] | type[ThinkDelta]


@attrs.define(slots=True)
class DeltaBuffer:
    """`take` gives what was collected since the last `take`."""

    limits: Limits = DEFAULT_LIMITS
    _ready: list[Delta] = attrs.field(factory=list, init=False)
    _kind: TextKind = attrs.field(default=TextDelta, init=False)
    _parts: list[str] = attrs.field(factory=list, init=False)

    def text(self, kind: TextKind, text: str) -> None:
        """Adds text of one kind."""
        if kind is not self._kind:
            self._close()
            self._kind = kind
        self._parts.append(text)

    def add(self, delta: Delta) -> None:
        """Adds a delta that stands alone."""
        self._close()
        self._ready.append(delta)

    def take(self) -> list[Delta]:
        """Gives everything collected, and starts anew."""
        self._close()
        ready, self._ready = self._ready, []
        return ready

    def _close(self) -> None:
        if not self._parts:
            return
        joined = self._parts[0] if len(self._parts) == 1 else "".join(self._parts)
        self._parts.clear()
        step = self.limits.frame_chars
        if 0 < len(joined) <= step:
            self._ready.append(self._kind(joined))
            return
        self._ready.extend(self._kind(joined[at : at + step]) for at in range(0, len(joined), step))


CHARS_PER_TOKEN = 4
LENGTH = "length"


class IllegalStepError(RuntimeError):
    """The table has no row for this event in this state: the caller went on after the end."""

    def __init__(self, state: State, event: Event) -> None:
        super().__init__(f"event {event.name} is illegal in state {state.name}")
        self.state = state
        self.event = event


@attrs.define(slots=True, kw_only=True)
class Machine:
    """One reply. `new_id` gives a fresh call id; `estimate_prompt` gives prompt tokens and is asked only when the server did not count."""

    model: str
    new_id: Callable[[], str]
    estimate_prompt: Callable[[], int]
    out: DeltaBuffer = attrs.field(factory=DeltaBuffer)
    state: State = State.START
    _said_text: bool = attrs.field(default=False, init=False)
    _said_thinking: bool = attrs.field(default=False, init=False)
    _pieces: int = attrs.field(default=0, init=False)
    _chars: int = attrs.field(default=0, init=False)
    _calls: dict[str, ToolCall] = attrs.field(factory=dict, init=False)
    """By id, in their order."""

    @property
    def finished(self) -> bool:
        """True when nothing more can come out."""
        return self.state in TERMINAL

    def feed(self, event: WireEvent) -> None:
        """Takes one event and puts deltas into `out`. Raises IllegalStepError after the end."""
        if event.kind is Event.TEXT or event.kind is Event.THINKING:
            self._count(event)
        elif event.kind is Event.DONE:
            event = self._told_apart(event)
        step = TABLE[self.state].get(event.kind)
        if step is None:
            raise IllegalStepError(self.state, event.kind)
        if step.opens_think:
            event = attrs.evolve(event, text=event.text.lstrip())
            if not event.text:
                return
        self.state = step.state
        for output in step.outputs:
            OUTPUTS[output](self, event)

    def is_saying(self, kind: Event) -> bool:
        """True when one more piece of this kind changes nothing but the counters, and `say_on` does what `feed` would."""
        return (self.state is State.ANSWER and kind is Event.TEXT and self._said_text) or (
            self.state is State.THINKING and kind is Event.THINKING
        )

    def say_on(self, text: str) -> None:
        """Takes one more piece of what is being said: the most frequent step by far, without an event and without the table."""
        self._pieces += 1
        self._chars += len(text)
        self.out.text(TextDelta if self.state is State.ANSWER else ThinkDelta, text)

    def _count(self, event: WireEvent) -> None:
        self._pieces += 1
        self._chars += len(event.text)
        if event.kind is Event.THINKING:
            self._said_thinking = True

    def _told_apart(self, event: WireEvent) -> WireEvent:
        """An answer that never came out of its thinking is another event than an answer that is merely long."""
        if event.reply is not None and self._spent(event.reply):
            return attrs.evolve(event, kind=Event.SPENT)
        return event

    def _spent(self, reply: Reply) -> bool:
        return reply.done_reason == LENGTH and self._said_thinking and not self._said_text and not self._calls

    def _open_think(self, _: WireEvent) -> None:
        self.out.add(THINK_OPEN)

    def _think_text(self, event: WireEvent) -> None:
        self._said_thinking = True
        self.out.text(ThinkDelta, event.text)

    def _close_think(self, _: WireEvent) -> None:
        self.out.add(THINK_CLOSE)

    def _answer_text(self, event: WireEvent) -> None:
        if not self._said_text:
            self._said_text = not event.text.isspace()
        self.out.text(TextDelta, event.text)

    def _hold_calls(self, event: WireEvent) -> None:
        for call in event.calls:
            held = self._to_tool_call(call)
            self._calls[held.id] = held

    def _to_tool_call(self, call: WireToolCall) -> ToolCall:
        identity = call.id or self.new_id()
        while identity in self._calls:
            identity = self.new_id()
        return ToolCall(id=identity, name=call.function.name, arguments=arguments_to_text(call.function.arguments))

    def _give_calls(self, _: WireEvent) -> None:
        if self._calls:
            self.out.add(CallsDelta(tuple(self._calls.values())))

    def _finish(self, event: WireEvent) -> None:
        reply = event.reply or Reply()
        self.out.add(FinalDelta(self._finish_reason(reply), self._usage(reply), reply.done_reason))

    def _finish_reason(self, reply: Reply) -> FinishReason:
        if self._calls:
            return FinishReason.TOOL_CALLS
        return FinishReason.LENGTH if reply.done_reason == LENGTH else FinishReason.STOP

    def _usage(self, reply: Reply) -> Usage:
        prompt, completion = _plausible(reply.prompt_eval_count), _plausible(reply.eval_count)
        return Usage(
            prompt_tokens=prompt or max(1, self.estimate_prompt()),
            completion_tokens=completion or max(self._pieces, self._chars // CHARS_PER_TOKEN),
            estimated=not (prompt and completion),
            total_ns=_plausible(reply.total_duration),
            load_ns=_plausible(reply.load_duration),
            prompt_ns=_plausible(reply.prompt_eval_duration),
            eval_ns=_plausible(reply.eval_duration),
        )

    def _fail(self, event: WireEvent) -> None:
        self.out.add(FailureDelta(event.error or OWN_ERRORS[event.kind](self.model)))


def _plausible(counter: int) -> int:
    """A counter that can be meant; 0, which is how servers say nothing, for one below zero or too large for Dify's numbers."""
    return counter if 0 < counter <= MAX_EXACT else 0


OWN_ERRORS: dict[Event, Callable[[str], ServerError]] = {
    Event.SPENT: build.thinking_spent_everything,
    Event.IDLE: build.only_loaded,
}
"""Ends that are failures although the server reports none; every other failing event brings its error along."""

OUTPUTS: dict[Output, Callable[[Machine, WireEvent], None]] = {
    Output.OPEN_THINK: Machine._open_think,
    Output.THINK_TEXT: Machine._think_text,
    Output.CLOSE_THINK: Machine._close_think,
    Output.ANSWER_TEXT: Machine._answer_text,
    Output.HOLD_CALLS: Machine._hold_calls,
    Output.GIVE_CALLS: Machine._give_calls,
    Output.FINISH: Machine._finish,
    Output.FAIL: Machine._fail,
}

"""An X-ray of one reply: every line with its time, its events, the states it went through, its deltas and the chunks for Dify.

The reply is read by the same machine as in the plugin, which is watched and not imitated. Each line is taken alone, so neighbours that the
plugin would join into one frame because they arrived together stay apart here. A `Trace` is plain data, to be shown as text, JSON or a
page.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator

import attrs

from translator.errors import Problem, ServerError
from translator.failures.build import failure_from_reply
from translator.rerank.refusals import rerank_refusal
from translator.response.chunks import Chunk, deltas_to_chunks
from translator.response.machine import DeltaBuffer, Machine
from translator.response.stream import ReplyStream
from translator.shapes.events import Delta, Event, FailureDelta, FinalDelta, State, WireEvent
from translator.shapes.exchange import HttpReply

OK = 200
RERANK_PATH = "rerank"
LINE_END = b"\n"

type TimedBytes = tuple[float, bytes]
"""Milliseconds since the request was sent, and bytes."""


@attrs.frozen(slots=True)
class TracedStep:
    """One event in the machine. `text` is what the event carried: a piece of text, or the names of the tools it calls."""

    event: Event
    text: str
    before: State
    after: State


@attrs.frozen(slots=True, kw_only=True)
class TracedLine:
    """One line of the reply. `number` counts from 1 and is 0 for what happened without a line, like the end of the bytes.

    `read` is False for a line that came after the end of the answer.
    """

    number: int
    ms: float
    wire: str = attrs.field(repr=False)
    read: bool = True
    before: State
    after: State
    steps: tuple[TracedStep, ...] = ()
    deltas: tuple[Delta, ...] = ()
    chunks: tuple[Chunk, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class Trace:
    """A whole reply. `final` and `problem`: one of them is set, unless the reply says nothing at all."""

    model: str
    status: int
    lines: tuple[TracedLine, ...]
    final: FinalDelta | None = None
    problem: Problem | None = None

    @property
    def total_ms(self) -> float:
        """Milliseconds from the request to the last line."""
        return self.lines[-1].ms if self.lines else 0.0

    @property
    def first_chunk_ms(self) -> float | None:
        """Milliseconds from the request to the first chunk for Dify, None when there is none."""
        return next((line.ms for line in self.lines if line.chunks), None)


def trace_reply(
    pieces: Iterable[TimedBytes],
    *,
    model: str,
    status: int = OK,
    content_type: str = "",
    route: str = "/api/chat",
    estimate_prompt: Callable[[], int] = lambda: 1,
) -> Trace:
    """Reads a reply of `/api/chat` or `/api/generate`, streamed or not, or a refusal of any route. `estimate_prompt` is asked when the
    server did not count.
    """
    if status != OK:
        return _refused(tuple(pieces), model=model, status=status, content_type=content_type, route=route)
    lines = tuple(_lines(pieces, model, estimate_prompt))
    ends = [delta for line in lines for delta in line.deltas]
    return Trace(
        model=model,
        status=status,
        lines=lines,
        final=next((delta for delta in ends if isinstance(delta, FinalDelta)), None),
        problem=next((delta.error.problem for delta in ends if isinstance(delta, FailureDelta)), None),
    )


def _refused(pieces: tuple[TimedBytes, ...], *, model: str, status: int, content_type: str, route: str) -> Trace:
    body = b"".join(data for _, data in pieces)
    error = _failure(HttpReply(status=status, headers={"Content-Type": content_type}, body=body), model, route)
    line = TracedLine(
        number=1,
        ms=pieces[-1][0] if pieces else 0.0,
        wire=_readable(body),
        before=State.START,
        after=State.FAILED,
        deltas=(FailureDelta(error),),
    )
    return Trace(model=model, status=status, lines=(line,), problem=error.problem)


def _failure(reply: HttpReply, model: str, route: str) -> ServerError:
    """The plugin asks rerank services by paths of that name, and reads their refusals by another catalogue."""
    if RERANK_PATH in route:
        return rerank_refusal(reply, route=route, model=model).error
    return failure_from_reply(reply.status, reply.body, content_type=reply.content_type, model=model, route=route)


def _lines(pieces: Iterable[TimedBytes], model: str, estimate_prompt: Callable[[], int]) -> Iterator[TracedLine]:
    stream = WatchedStream(model=model, estimate_prompt=estimate_prompt)
    ms, pending = 0.0, b""
    for ms, data in pieces:
        *complete, rest = data.split(LINE_END)
        for end in complete:
            line, pending = pending + end, b""
            yield from _watch(stream, lambda: stream.feed(end + LINE_END), ms, line)  # noqa: B023 - called at once
        pending += rest
        yield from _watch(stream, lambda: stream.feed(rest), ms, b"")  # noqa: B023 - called at once
    yield from _watch(stream, stream.end, ms, pending)


def _watch(stream: "WatchedStream", step: Callable[[], list[Delta]], ms: float, wire: bytes) -> Iterator[TracedLine]:
    """Gives the line, or nothing when it held nothing and did nothing."""
    before, late = stream.state, stream.finished
    deltas = step()
    steps = stream.taken()
    if not wire.strip() and not steps:
        return
    yield TracedLine(
        number=0 if not wire.strip() else max(1, stream.lines),
        ms=ms,
        wire=_readable(wire),
        read=not late,
        before=before,
        after=stream.state,
        steps=steps,
        deltas=tuple(deltas),
        chunks=tuple(_chunks(deltas)),
    )


def _chunks(deltas: list[Delta]) -> Iterator[Chunk]:
    """The chunks up to a failure; the failure itself is an error frame and no chunk."""
    return deltas_to_chunks(itertools.takewhile(lambda delta: not isinstance(delta, FailureDelta), deltas))


def _readable(wire: bytes) -> str:
    return wire.decode("utf-8", "backslashreplace").strip()


@attrs.define(slots=True, kw_only=True)
class WatchedMachine(Machine):
    """The machine of the plugin, which also writes down its steps."""

    steps: list[TracedStep] = attrs.field(factory=list, init=False)

    def feed(self, event: WireEvent) -> None:
        """Takes one event. Raises IllegalStepError after the end."""
        before = self.state
        super().feed(event)
        self.steps.append(TracedStep(event.kind, _carried(event), before, self.state))

    def feed_steady(self, kind: Event, text: str) -> None:
        """Takes a piece without an event, which is an event for who watches."""
        super().feed_steady(kind, text)
        self.steps.append(TracedStep(kind, text, self.state, self.state))


@attrs.define(slots=True, kw_only=True)
class WatchedStream(ReplyStream):
    """A reply read by a watched machine."""

    _watched: WatchedMachine = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._machine = self._watched = WatchedMachine(
            model=self.model, new_id=self.new_id, estimate_prompt=self.estimate_prompt, out=DeltaBuffer(self.limits)
        )

    def taken(self) -> tuple[TracedStep, ...]:
        """The steps since the last time."""
        steps = tuple(self._watched.steps)
        self._watched.steps.clear()
        return steps


def _carried(event: WireEvent) -> str:
    if event.calls:
        return ", ".join(call.function.name for call in event.calls)
    return event.text

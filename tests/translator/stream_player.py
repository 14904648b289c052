"""Helpers that play a recording, or any bytes, through the translator the way the plugin does, without a connection."""

import itertools
from collections.abc import Iterable

import attrs

from fixtures.recordings import Exchange, every
from translator.errors import ServerError
from translator.response.chunks import deltas_to_chunks
from translator.response.stream import ReplyStream
from translator.shapes.dify import FinishReason, Tool, ToolCall, Usage
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta

ESTIMATED_PROMPT = 7
GENERATING = {"/api/chat", "/api/generate"}


@attrs.frozen(kw_only=True)
class Outcome:
    """What a reader has at the end; the error's code instead of the error, so that outcomes compare."""

    text: str
    calls: tuple[ToolCall, ...]
    finish_reason: FinishReason | None
    usage: Usage | None
    error: str

    @property
    def call_facts(self) -> list[tuple[str, str]]:
        """Name and arguments; ids differ from run to run."""
        return [(call.name, call.arguments) for call in self.calls]


def new_stream(model: str = "m", tools: Iterable[Tool] = ()) -> ReplyStream:
    """A stream with predictable ids and a fixed prompt estimate."""
    ids = itertools.count()
    return ReplyStream(model=model, new_id=lambda: f"id{next(ids)}", estimate_prompt=lambda: ESTIMATED_PROMPT, tools=tuple(tools))


def play(parts: Iterable[bytes], tools: Iterable[Tool] = ()) -> list[Delta]:
    """All deltas of a reply that arrives in these parts, to a request that offered `tools`."""
    stream = new_stream(tools=tools)
    deltas = [delta for part in parts for delta in stream.feed(part)]
    return deltas + stream.end()


def outcome(deltas: Iterable[Delta]) -> Outcome:
    """What the deltas add up to."""
    deltas = list(deltas)
    texts: list[str] = []
    error = ""
    try:
        texts.extend(chunk.text for chunk in deltas_to_chunks(deltas))
    except ServerError as raised:
        error = raised.code
    for delta in deltas:
        if isinstance(delta, FailureDelta):
            texts = [chunk.text for chunk in deltas_to_chunks(d for d in deltas if not isinstance(d, FailureDelta))]
    calls = [delta.calls for delta in deltas if isinstance(delta, CallsDelta)]
    finals = [delta for delta in deltas if isinstance(delta, FinalDelta)]
    return Outcome(
        text="".join(texts),
        calls=calls[0] if calls else (),
        finish_reason=finals[0].finish_reason if finals else None,
        usage=finals[0].usage if finals else None,
        error=error,
    )


def answers() -> list[Exchange]:
    """Every recording in which a server answers a chat or completion request with status 200."""
    return [exchange for exchange in every() if exchange.path in GENERATING and exchange.status == 200]


def label(exchange: Exchange) -> str:
    """Test id."""
    return exchange.address

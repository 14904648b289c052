"""Everything that reads what a server sent, each as a function of bytes that either works or raises what its documentation says.

What must hold of their results is asserted here.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from random import Random

from tests.fuzzing.mutations import cut
from translator import codec
from translator.diagnosis.running import listed_models, running_model
from translator.embedding.replies import read_embed, read_legacy, refusal_of
from translator.errors import ServerError, TranslatorError
from translator.failures.build import failure_from_reply, failure_in_stream
from translator.rerank.generative import read_judgement
from translator.rerank.refusals import rerank_refusal
from translator.rerank.replies import read_scores
from translator.response.capabilities import model_info, read_version
from translator.response.chunks import Chunk, collect, deltas_to_chunks
from translator.response.stream import ReplyStream
from translator.schema.json_data import arguments_to_object
from translator.shapes.dify import Usage
from translator.shapes.events import CallsDelta, Delta, FailureDelta, FinalDelta, TextDelta, ThinkClose, ThinkDelta, ThinkOpen
from translator.shapes.exchange import HttpReply

type Reader = Callable[[bytes, Random], None]

LARGEST = 2**63
"""Numbers that leave must fit into Dify's own (Go's int64)."""
STATUSES = (200, 204, 301, 400, 401, 402, 403, 404, 405, 413, 422, 429, 499, 500, 502, 503, 504, 599)
TYPES = ("", "application/json", "text/html", "text/plain", "application/x-ndjson")


def read_stream(data: bytes, chance: Random) -> None:
    """Framing, decoding, tags, machine, chunks: the deltas of any bytes are well formed, cut as they may be."""
    ids = itertools.count()
    stream = ReplyStream(
        model="m",
        new_id=lambda: f"id{next(ids)}",
        estimate_prompt=lambda: 7,
        thinks=chance.random() < 0.5,
        show_thinking=chance.random() < 0.8,
    )
    deltas = [delta for piece in cut(data, chance) for delta in stream.feed(piece)]
    deltas += ending(stream, chance)
    assert stream.finished, "a reply without an end"
    check_deltas(deltas)
    _collected(deltas_to_chunks(deltas))


def ending(stream: ReplyStream, chance: Random) -> list[Delta]:
    """The bytes end, or the connection breaks."""
    if chance.randrange(4):
        return stream.end()
    return stream.fail(ServerError.of("payload_cut", "The connection ended."))


def check_deltas(deltas: Iterable[Delta]) -> None:
    """Think blocks are balanced and hold all thinking, one delta ends everything, and everything can be written to Dify."""
    thinking, ended, called = False, False, False
    for delta in deltas:
        assert not ended, "something after the end"
        match delta:
            case ThinkOpen():
                assert not thinking, "a think block in a think block"
                thinking = True
            case ThinkClose():
                assert thinking, "the end of no think block"
                thinking = False
            case ThinkDelta(text):
                assert thinking, "thinking outside of its block"
                _check_text(text)
            case TextDelta(text):
                assert not thinking, "text inside a think block"
                _check_text(text)
            case CallsDelta(calls):
                assert not called, "calls twice"
                called = True
                assert len({call.id for call in calls}) == len(calls), "two calls with one id"
                for call in calls:
                    _check_text(call.id + call.name + call.arguments)
                    arguments_to_object(call.arguments, call.name)  # as the next turn sends it back
            case FinalDelta():
                ended = True
                _check_usage(delta.usage)
            case FailureDelta(error):
                ended = True
                _check_text(str(error))
    assert ended, "no end"
    assert not thinking, "a think block left open"


def _check_usage(usage: Usage) -> None:
    assert 0 <= usage.prompt_tokens < LARGEST, "a prompt of an impossible length"
    assert 0 <= usage.completion_tokens < LARGEST, "an answer of an impossible length"
    assert usage.total_tokens < LARGEST, "a sum of an impossible length"


def _check_text(text: str) -> None:
    text.encode()  # raises for what cannot be written


def _collected(chunks: Iterable[Chunk]) -> None:
    try:
        collect(chunks)
    except ServerError as error:
        _check_text(str(error))


def _reader(call: Callable[[bytes], object]) -> Reader:
    def read(data: bytes, chance: Random) -> None:
        try:
            call(data)
        except TranslatorError as error:
            _check_text(str(error))

    return read


def _refusals(data: bytes, chance: Random) -> Iterator[TranslatorError]:
    """What every refusing status makes of the bytes."""
    status, kind = chance.choice(STATUSES), chance.choice(TYPES)
    reply = HttpReply(status=status, headers={"Content-Type": kind}, body=data)
    yield failure_from_reply(status, data, content_type=kind, model="m", route="/api/chat", headers={"Server": "nginx"})
    yield rerank_refusal(reply, route="/rerank", model="m", sent=("a document",)).error
    refusal_of(reply)
    try:
        decoded = codec.loads(data)
    except codec.DecodeError:
        return
    yield failure_in_stream(decoded, model="m")


def read_refusal(data: bytes, chance: Random) -> None:
    """No bytes make the error of a refusal fail, and its sentences can be written."""
    for error in _refusals(data, chance):
        _check_text(str(error))


READERS: dict[str, Reader] = {
    "refusal": read_refusal,
    "embed": _reader(read_embed),
    "embeddings": _reader(read_legacy),
    "rerank": _reader(lambda data: read_scores(data, 3)),
    "judgement": _reader(lambda data: read_judgement(data, "m")),
    "show": _reader(lambda data: model_info(data, data, model="m")),
    "version": _reader(read_version),
    "ps": _reader(lambda data: running_model(data, "m")),
    "tags": _reader(listed_models),
}
"""Readers of one whole document; `read_stream` takes many lines."""

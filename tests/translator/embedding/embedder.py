"""An embedding server that can fail in every known way, and the call that is tested against it."""

from collections.abc import Sequence
from typing import Any

import attrs
import orjson

from fixtures.recordings import load
from tests.translator.plan_driver import Driver, json_reply, recorded
from translator.embedding.job import Embedded, embedding_plan
from translator.embedding.requests import EmbedSettings
from translator.shapes.exchange import HttpReply, HttpRequest

PLAIN = EmbedSettings(model="m", max_texts=64)
NAN = json_reply({"error": "embedding contains NaN or Inf values"}, 400)
TOO_LONG = recorded(load("0.24.0", "embed-too-long-no-truncate"))
LOG_32 = 5


def vector_of(text: str, dimensions: int = 4) -> list[float]:
    """A vector that tells its text."""
    return [len(text) + 1.0, sum(map(ord, text)) % 997 + 1.0, *([0.5] * (dimensions - 2))]


@attrs.frozen(kw_only=True)
class Ollama:
    """A server with a hidden limit of characters; texts with a word of `poison` fail their batch, texts with one of `holes` get zeros."""

    limit: int = 10**9
    poison: tuple[str, ...] = ()
    holes: tuple[str, ...] = ()
    too_long: HttpReply = TOO_LONG
    poisoned: HttpReply = NAN
    dimensions: int = 4
    most_bytes: int = 10**9

    def __call__(self, request: HttpRequest) -> HttpReply:
        texts = orjson.loads(request.body)["input"]
        if len(request.body) > self.most_bytes:
            return HttpReply(status=413, body=b"<html><title>413 Request Entity Too Large</title></html>")
        if any(word in text for text in texts for word in self.poison):
            return self.poisoned
        if any(len(text) > self.limit for text in texts):
            return self.too_long
        vectors = [
            [0.0] * self.dimensions if any(word in text for word in self.holes) else vector_of(text, self.dimensions) for text in texts
        ]
        return json_reply({"embeddings": vectors, "prompt_eval_count": len(texts)})


def embed(driver: Driver, texts: Sequence[str], how: EmbedSettings = PLAIN, **extra: Any) -> Embedded:
    return driver.run(embedding_plan(texts, how, **extra))


def texts_of(count: int) -> list[str]:
    return [f"text number {index}" for index in range(count)]


def assert_embedded(result: Embedded, sent: Sequence[str]) -> None:
    assert list(result.vectors) == [vector_of(text) for text in sent]

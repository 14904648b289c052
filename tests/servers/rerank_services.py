"""Rerank services as recorded, as functions that answer over real connections."""

from collections.abc import Mapping

import attrs

from fixtures.recordings import load
from tests.plugin_entry.serving.sdk_requests import Saved, rerank, validate
from tests.servers.function_server import Asked
from tests.translator.plan_driver import json_reply, recorded
from translator.shapes.exchange import HttpReply

DOCS = ["first words", "second words", "third words"]
LOGITS = [0.5, 2.0, -1.5]
REFUSED = HttpReply(status=400)


def reply_of(scenario: str) -> HttpReply:
    return recorded(load("rerank", scenario))


@attrs.frozen(kw_only=True)
class Service:
    """A rerank service as recorded: where it answers, what it says elsewhere, and its form. `scores` are by position."""

    routes: tuple[str, ...]
    elsewhere: HttpReply
    field: str = "documents"
    missing: HttpReply = REFUSED
    key: str = ""
    unauthorized: HttpReply = REFUSED
    document: object = None
    echo: bool = True
    most: int = 10**6
    too_many: HttpReply = REFUSED

    def __call__(self, asked: Asked) -> HttpReply:
        if asked.route not in self.routes:
            return self.elsewhere
        if self.key and asked.headers.get("Authorization") != f"Bearer {self.key}":
            return self.unauthorized
        texts = asked.body.get(self.field)
        if texts is None:
            return self.missing
        if len(texts) > self.most:
            return self.too_many
        scores = sorted(((score_of(text), index) for index, text in enumerate(texts)), reverse=True)
        if self.field == "texts":
            return json_reply([{"index": index, "score": score} for score, index in scores])
        echo = {"document": self.document} if self.echo else {}
        results = [{"index": index, "relevance_score": score, **echo} for score, index in scores]
        return json_reply({"results": results[: asked.body["top_n"]]})


def score_of(text: str) -> float:
    """Logits, so that a threshold of zero would show."""
    return dict(zip(DOCS, LOGITS, strict=True)).get(text, len(text) / 100 - 1)


TEI = Service(
    routes=("/rerank",), elsewhere=reply_of("tei-wrong-path-api"), field="texts", missing=reply_of("tei-documents-instead-of-texts")
)
LLAMA_CPP = Service(
    routes=("/rerank", "/reranking", "/v1/rerank", "/v1/reranking"), elsewhere=reply_of("llamacpp-wrong-path-api"), echo=False
)
XINFERENCE = Service(routes=("/v1/rerank",), elsewhere=reply_of("xinference-wrong-path-api"))
INFINITY = Service(routes=("/rerank",), elsewhere=json_reply({"detail": "Not Found"}, 404), document=None)
VLLM = Service(routes=("/v1/rerank",), elsewhere=json_reply({"detail": "Not Found"}, 404), document={"text": "x", "multi_modal": None})
OLD_XINFERENCE = attrs.evolve(XINFERENCE, document="trimmed")

SERVICES: Mapping[str, tuple[Service, str, str]] = {
    "TEI": (TEI, "/rerank", "tei"),
    "llama.cpp": (LLAMA_CPP, "/v1/rerank", "jina"),
    "Xinference": (XINFERENCE, "/v1/rerank", "jina"),
    "infinity": (INFINITY, "/rerank", "jina"),
    "vLLM": (VLLM, "/v1/rerank", "jina"),
    "old Xinference": (OLD_XINFERENCE, "/v1/rerank", "jina"),
}


def ranked(
    saved: Saved, docs: list[str] = DOCS, *, top_n: int | None = 0, score_threshold: float | None = 0.0
) -> list[tuple[int, str, float]]:
    """Index, text and score of each result."""
    result = rerank(saved, "the query", docs, top_n=top_n, score_threshold=score_threshold)
    return [(doc.index, doc.text, doc.score) for doc in result.docs]


def check(url: str, **saved: str) -> Saved:
    return validate({"base_url": url, **saved}, kind="rerank", model="reranker")


BEST_FIRST = [(1, "second words", 2.0), (0, "first words", 0.5), (2, "third words", -1.5)]

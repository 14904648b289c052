"""An Ollama server with one embedding model whose vectors tell their texts, for tests over real connections."""

import attrs

from fixtures.recordings import load
from tests.servers.function_server import Asked
from tests.translator.plan_driver import json_reply, recorded
from translator.shapes.exchange import HttpReply

EMBED, LEGACY = "/api/embed", "/api/embeddings"
NAN = json_reply({"error": "embedding contains NaN or Inf values"}, 400)
TOO_LONG = recorded(load("0.24.0", "embed-too-long-no-truncate"))
ROUTE_MISSING = HttpReply(status=404, headers={"Content-Type": "text/plain"}, body=b"404 page not found")


@attrs.frozen(kw_only=True)
class Ollama:
    """A server with one model: `poison` fails the batch it is in, more than `limit` characters are refused, `holed` texts get zeros."""

    version: str = "0.24.0"
    dimensions: int = 8
    window: int = 8192
    capabilities: tuple[str, ...] = ("embedding",)
    poison: str = "\0"
    holed: str = "\0"
    limit: int = 10**9
    legacy: bool = False

    def __call__(self, asked: Asked) -> HttpReply:
        match asked.route:
            case "/api/version":
                return json_reply({"version": self.version})
            case "/api/show":
                facts = {"general.architecture": "bert", "bert.context_length": self.window, "bert.embedding_length": self.dimensions}
                return json_reply({"capabilities": list(self.capabilities), "model_info": facts, "details": {"family": "bert"}})
            case "/api/embed" if not self.legacy:
                return self.embed(asked.body["input"])
            case "/api/embeddings":
                return json_reply({"embedding": [3.0, 4.0]})
            case _:
                return ROUTE_MISSING

    def embed(self, texts: list[str]) -> HttpReply:
        if any(self.poison in text for text in texts):
            return NAN
        if any(len(text) > self.limit for text in texts):
            return TOO_LONG
        vectors = [[0.0] * self.dimensions if self.holed in text else vector_of(text, self.dimensions) for text in texts]
        return json_reply({"embeddings": vectors, "prompt_eval_count": 7 * len(texts)})


def vector_of(text: str, dimensions: int = 8) -> list[float]:
    """A vector that tells its text."""
    return [len(text) + 0.5, sum(map(ord, text)) % 997 + 0.5, *([0.5] * (dimensions - 2))]

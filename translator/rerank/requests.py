"""A query and documents to one request of a rerank service, in either dialect, and the addresses at which a service may answer.

Documents are always plain strings in their order. `top_n` is the number of documents sent, which every service accepts and which beats a
small default of the server: 0, null and negative numbers give empty or shortened results at llama.cpp and Xinference and errors at vLLM and
infinity (`llamacpp-top-n-0`, `xinference-top-n-negative`).
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

import attrs

from translator.codec import dumps
from translator.errors import RequestError
from translator.limits import scores_bytes
from translator.shapes.exchange import HttpRequest


class Dialect(StrEnum):
    """How a rerank service wants to be asked."""

    JINA = "jina"
    """`documents` in, `results` with `relevance_score` out: llama.cpp, vLLM, Xinference, infinity, Jina, Cohere."""
    TEI = "tei"
    """`texts` in, an array with `score` out: text-embeddings-inference."""


ROUTES = ("/rerank", "/reranking")
"""A URL whose path ends so is used as it is; llama.cpp serves both spellings (`llamacpp-path-reranking`)."""

BASE_ROUTES = ("/api/rerank", "/v1/rerank", "/rerank")
"""What is appended to any other URL: the first as users know it, the others once each at validation only."""

BATCH: dict[Dialect, int | None] = {Dialect.JINA: None, Dialect.TEI: 32}
"""Documents per request before the service says otherwise; None: all. TEI refuses more than 32 by default (`tei-over-batch-limit`)."""

PROBE_QUERY = "What is the capital of France?"
PROBE_DOCUMENTS = ("Paris is the capital of France.", "Pandas eat bamboo.")


@attrs.frozen(slots=True, kw_only=True)
class RerankServiceSettings:
    """How to reach a rerank service. `dialect` None: learnt from one second try. `model` may be empty for services with a single one."""

    url: str = attrs.field(repr=False)
    model: str = ""
    api_key: str = attrs.field(default="", repr=False)
    dialect: Dialect | None = None


@attrs.frozen(slots=True, kw_only=True)
class RerankAddress:
    """Where a rerank service answered, and in which dialect."""

    url: str = attrs.field(repr=False)
    dialect: Dialect


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@attrs.frozen(slots=True, kw_only=True)
class ServicePlace:
    """A service's address as typed, taken apart: `url` without user and password, and `origin`, which has them but no path and no query."""

    url: str = attrs.field(repr=False)
    origin: str = attrs.field(repr=False)


def service_place(text: str) -> ServicePlace:
    """Reads what a user typed: the scheme may be missing, the query is kept. Raises RequestError for what is no web address."""
    typed = text.strip()
    parts = _split(typed if _SCHEME.match(typed) else f"http://{typed}")
    host = parts.netloc.rpartition("@")[2]
    return ServicePlace(
        url=parts._replace(netloc=host, fragment="").geturl(),
        origin=parts._replace(path="", query="", fragment="").geturl(),
    )


def candidate_urls(url: str) -> tuple[str, ...]:
    """The addresses at which a service may answer, the one of the URL rule first. Raises RequestError for what is no web address."""
    parts = _split(url)
    path = parts.path.rstrip("/")
    routes = ("",) if path.lower().endswith(ROUTES) else BASE_ROUTES
    return tuple(parts._replace(path=path + route, fragment="").geturl() for route in routes)


def rerank_url(url: str) -> str:
    """The one address that is used when nothing was probed. Raises RequestError for what is no web address."""
    return candidate_urls(url)[0]


def path_of(url: str) -> str:
    """The path alone, which is safe to show: a query or the part before the host may hold a key."""
    return urlsplit(url).path or "/"


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise RequestError.of(
            "rerank_url_invalid",
            "The URL of the rerank service is not a web address.",
            "Give it with http:// or https:// and a host, such as http://host:8080/v1/rerank.",
        )
    return parts


def rerank_request(url: str, dialect: Dialect, query: str, documents: Sequence[str], settings: RerankServiceSettings) -> HttpRequest:
    """One request for all of `documents`, which must not be empty: most services refuse an empty list, Xinference with a 500."""
    body = _jina(url, query, documents, settings) if dialect is Dialect.JINA else _tei(query, documents)
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.api_key:
        headers["Authorization"] = f"Bearer {settings.api_key}"  # TEI takes no lower-case b (tei-unauthorized-lowercase-scheme)
    sent = dumps(body)
    return HttpRequest(url=url, body=sent, headers=headers, reply_bytes=scores_bytes(len(documents), len(sent)))


def _jina(url: str, query: str, documents: Sequence[str], settings: RerankServiceSettings) -> dict[str, Any]:
    body: dict[str, Any] = {"query": query, "documents": list(documents), "top_n": len(documents)}
    if settings.model:
        body["model"] = settings.model
    if not path_of(url).endswith("/v2/rerank"):  # Cohere's second version does not know it
        body["return_documents"] = False
    return body


def _tei(query: str, documents: Sequence[str]) -> dict[str, Any]:
    """`truncate` is the server's default only since 1.9.0 (`tei-no-auto-truncate-too-long`)."""
    return {"query": query, "texts": list(documents), "truncate": True}


TOKENS_TO_SPARE = 4
"""Separators between query and document."""
MARGIN = 0.9
"""Share of the room that is used: tokens are not spread evenly over characters."""


def shortened(query: str, document: str, *, given: int, limit: int) -> str:
    """The head of a document whose pair has `given` tokens or characters where `limit` fit; the same text when there is nothing to cut.

    Empty when the query alone fills the limit.
    """
    per_char = given / max(1, len(query) + len(document))
    room = limit - len(query) * per_char - TOKENS_TO_SPARE
    return document[: max(0, int(room / per_char * MARGIN))]

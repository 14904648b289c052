"""Refusals of rerank services: the error people read, and what can be done about it without asking anybody.

A refusal may say that the service wants the other dialect, fewer documents, a shorter one, or has another path. A service's own words are
shown only in short and without the documents; FastAPI services repeat the whole request beside theirs.
"""

import re
from collections.abc import Iterable

import attrs

from translator.errors import ServerError
from translator.failures.bodies import FailureText, Shape, unwrap
from translator.failures.proxies import proxy_behind
from translator.failures.quoting import HIDDEN
from translator.failures.row import Refusal, facts_of, filled, first_match
from translator.rerank.catalogue import REFUSALS
from translator.rerank.requests import Dialect
from translator.shapes.exchange import HttpReply

PATH_UNKNOWN = "rerank_path_unknown"
"""The code of an unknown path; a model that is unknown has another, although it may be a 404 too (`xinference-wrong-model-name`)."""

MOST_DOCUMENTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"maximum allowed batch size (\d{1,9})", r"at most (\d{1,9}) item", r"max(?:imum)?\D{0,30}(\d{1,9}) documents")
)
"""TEI (413 up to 1.8, 422 since), pydantic (infinity), hosted services."""

CHARACTERS = re.compile(r"must have less than (?P<limit>\d{1,12}) characters\. Given: (?P<given>\d{1,12})")
INPUT_TOKENS = re.compile(r"maximum context length is (?P<limit>\d{1,12}) tokens.{0,200}?(?P<given>\d{1,12})(?: input)? tokens", re.DOTALL)

FIELD = {Dialect.JINA: "documents", Dialect.TEI: "texts"}
MISSING = re.compile(r"missing|required|must be", re.IGNORECASE)

SHORTEST_ECHO = 4
"""Characters from which a document found in a service's words is an echo and not a common word."""


@attrs.frozen(slots=True, kw_only=True)
class RerankRefusal:
    """A refusal, taken apart. Numbers are None when the service gave none."""

    status: int
    found: FailureText = attrs.field(repr=False)
    error: ServerError

    @property
    def wants(self) -> Dialect | None:
        """The dialect whose field the service misses (`tei-documents-instead-of-texts`, `xinference-texts-instead-of-documents`)."""
        if self.status not in (400, 422, 500) or not MISSING.search(self.found.text):
            return None
        named = [dialect for dialect, field in FIELD.items() if re.search(rf"\b{field}\b", self.found.text)]
        return named[0] if len(named) == 1 else None

    @property
    def most_documents(self) -> int | None:
        """How many documents the service takes at once."""
        if self.status not in (400, 413, 422):
            return None
        seen = next(filter(None, (pattern.search(self.found.text) for pattern in MOST_DOCUMENTS)), None)
        return int(seen[1]) if seen else None

    @property
    def is_too_large(self) -> bool:
        """True when the body as a whole is too large (`tei-over-payload-limit`)."""
        return self.error.code == "rerank_too_large"

    @property
    def is_overlong(self) -> bool:
        return self.error.code == "rerank_too_long"

    @property
    def lengths(self) -> tuple[int, int] | None:
        """Length of the pair and the limit, both in tokens or both in characters."""
        seen = CHARACTERS.search(self.found.text) or INPUT_TOKENS.search(self.found.text)
        given, limit = (int(seen["given"]), int(seen["limit"])) if seen else (self.found.n_prompt_tokens, self.found.n_ctx)
        return (given, limit) if given and limit and given > limit * 0.9 else None


def rerank_refusal(reply: HttpReply, *, route: str, model: str = "", sent: Iterable[str] = ()) -> RerankRefusal:
    """Reads a reply whose status is not 200. `route` is the path asked, `sent` are texts that must not be shown."""
    found = unwrap(reply.body, reply.content_type)
    if found.kind is Shape.HTML:
        found = attrs.evolve(found, text="")
    shown = attrs.evolve(found, text=" ".join(_without(sent, found.text).split()))  # Xinference names the field on a later line
    proxy = proxy_behind(reply.headers, found.page_by)
    refusal = Refusal(status=reply.status, found=shown, route=route, model=model, proxy=proxy)
    row, groups = first_match(REFUSALS, refusal)
    return RerankRefusal(status=reply.status, found=found, error=ServerError(filled(row, facts_of(refusal, groups))))


def _without(texts: Iterable[str], said: str) -> str:
    for text in sorted(set(texts), key=len, reverse=True):
        if len(text) >= SHORTEST_ECHO:
            said = said.replace(text, HIDDEN)
    return said

"""All requests of one rerank call to a service: dialect, batches, documents that are too long, and the answer.

One refused batch fails the call; documents that a service passes over in a good reply are counted (`unscored`). Documents go in one request
unless the service refuses so many: a pair's score does not depend on its neighbours, except with listwise models, which are therefore never
split without need. Each way of help is bounded: the other dialect is tried once, a document is shortened once, a batch of one is not split.
"""

from collections.abc import Sequence

import attrs

from translator.errors import Family, ServerError
from translator.failures.build import naming_proxy
from translator.rerank.ranking import Ranking, RankingOptions, chosen, lost_to_threshold, shortened_documents
from translator.rerank.refusals import PATH_UNKNOWN, RerankRefusal, rerank_refusal
from translator.rerank.replies import read_scores
from translator.rerank.requests import (
    BATCH,
    PROBE_DOCUMENTS,
    PROBE_QUERY,
    Dialect,
    RerankAddress,
    RerankServiceSettings,
    candidate_urls,
    path_of,
    rerank_request,
    rerank_url,
    shortened,
)
from translator.shapes.exchange import HttpReply, HttpRequest, Plan

type DocumentBatch = tuple[int, ...]


def rerank_plan(settings: RerankServiceSettings, query: str, documents: Sequence[str], choice: RankingOptions) -> Plan[Ranking]:
    """Ranks the documents; no documents, no requests. Raises RequestError for a URL that is none, ServerError for everything else."""
    job = _Job(settings=settings, url=rerank_url(settings.url), query=query, documents=tuple(documents), dialect=settings.dialect)
    yield from job.run()
    return job.ranking(choice)


def probe_plan(settings: RerankServiceSettings) -> Plan[RerankAddress]:
    """Finds where and how a service answers, with two short documents: at most three addresses and two dialects.

    The next address is tried only after 404 or 405 that is not about the model. A refused key ends the search, as llama.cpp checks it
    before the path (`llamacpp-unauthorized-wrong-path`). Raises RequestError for a URL that is none, ServerError for everything else.
    """
    addresses = candidate_urls(settings.url)
    for url in addresses:
        job = _Job(settings=settings, url=url, query=PROBE_QUERY, documents=PROBE_DOCUMENTS, dialect=settings.dialect)
        try:
            yield from job.run()
        except ServerError as error:
            if error.code != PATH_UNKNOWN or len(addresses) == 1:
                raise
            continue
        if len(job.scores) != len(PROBE_DOCUMENTS):
            raise _incomplete(len(job.scores))
        return RerankAddress(url=url, dialect=job.known_dialect)
    raise _nowhere(addresses)


@attrs.define(slots=True, kw_only=True)
class _Job:
    """The state of one rerank call; `dialect` None until it is learnt."""

    settings: RerankServiceSettings
    url: str = attrs.field(repr=False)
    query: str = attrs.field(repr=False)
    documents: tuple[str, ...] = attrs.field(repr=False)
    dialect: Dialect | None
    may_switch: bool = attrs.field(init=False)
    cut: dict[int, str] = attrs.field(factory=dict, init=False, repr=False)
    scores: dict[int, float] = attrs.field(factory=dict, init=False)
    tokens: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.may_switch = self.dialect is None

    @property
    def known_dialect(self) -> Dialect:
        return self.dialect or Dialect.JINA

    def run(self) -> Plan[None]:
        """Fills `scores`. After a change of dialect everything is sent again."""
        todo = self._all_batches()
        while todo:
            replies = yield tuple(self._request(batch) for batch in todo)
            asked = self.known_dialect
            taken = [self._take(batch, reply) for batch, reply in zip(todo, replies, strict=True)]
            todo = [batch for batches in taken for batch in batches] if self.known_dialect is asked else self._all_batches()

    def ranking(self, choice: RankingOptions) -> Ranking:
        """The answer."""
        return Ranking(
            documents=chosen(self.scores, self.documents, choice),
            dialect=self.known_dialect if self.scores else None,
            tokens=self.tokens,
            unscored=len(self.documents) - len(self.scores),
            negative_dropped=lost_to_threshold(self.scores, choice),
            shortened=shortened_documents(self.documents, self.cut),
        )

    def _all_batches(self) -> list[DocumentBatch]:
        everything = tuple(range(len(self.documents)))
        return _parts(everything, BATCH[self.known_dialect] or max(1, len(everything)))

    def _request(self, batch: DocumentBatch) -> HttpRequest:
        return rerank_request(self.url, self.known_dialect, self.query, self._texts(batch), self.settings)

    def _texts(self, batch: DocumentBatch) -> list[str]:
        return [self.cut.get(index, self.documents[index]) for index in batch]

    def _take(self, batch: DocumentBatch, reply: HttpReply) -> list[DocumentBatch]:
        """Keeps the scores of a reply; gives the batches to send because of it."""
        if reply.status == 200:
            with naming_proxy(reply.headers):
                found = read_scores(reply.body, len(batch))
            self.scores.update({batch[position]: score for position, score in found.by_index.items()})
            self.tokens += found.tokens
            return []
        texts = (self.query, *self._texts(batch))
        refusal = rerank_refusal(reply, route=path_of(self.url), model=self.settings.model, sent=texts)
        return self._helped(batch, refusal)

    def _helped(self, batch: DocumentBatch, refusal: RerankRefusal) -> list[DocumentBatch]:
        if self.may_switch and refusal.wants not in (None, self.known_dialect):
            self.dialect, self.may_switch = refusal.wants, False
            return []
        if len(batch) > 1 and refusal.most_documents is not None:
            return _parts(batch, min(max(1, refusal.most_documents), len(batch) - 1))
        if len(batch) > 1 and (refusal.is_too_large or refusal.is_overlong):
            return _parts(batch, (len(batch) + 1) // 2)
        if refusal.is_overlong and self._shorten(batch[0], refusal):
            return [batch]
        raise refusal.error

    def _shorten(self, index: int, refusal: RerankRefusal) -> bool:
        """Cuts a document by the numbers of the refusal; False when it was cut before, there are no numbers or nothing would be left."""
        if index in self.cut or refusal.lengths is None:
            return False
        given, limit = refusal.lengths
        head = shortened(self.query, self.documents[index], given=given, limit=limit)
        if not head.strip():
            return False
        self.cut[index] = head
        return True


def _parts(batch: DocumentBatch, size: int) -> list[DocumentBatch]:
    return [batch[start : start + size] for start in range(0, len(batch), size)]


def _incomplete(scored: int) -> ServerError:
    return ServerError.of(
        "rerank_incomplete",
        f"The rerank service scored {scored} of {len(PROBE_DOCUMENTS)} documents.",
        "Check that the URL leads to a rerank service and that its model is a reranker.",
        family=Family.UNAVAILABLE,
    )


def _nowhere(addresses: Sequence[str]) -> ServerError:
    return ServerError.of(
        PATH_UNKNOWN,
        f"The rerank service has none of the routes {', '.join(map(path_of, addresses))}.",
        "Enter the whole URL of its rerank route, such as http://host:8080/v1/rerank or http://host:8080/rerank.",
    )

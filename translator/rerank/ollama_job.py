"""Reranking with a model that Ollama itself serves, as it has no rerank route: by yes/no probabilities, or by similarity of embeddings.

The first pair goes alone: it loads the model, fills the cache with the common beginning, and tells a model that cannot rerank at the
cost of one request. A pair that does not fit into the window is shortened at its document, a bounded number of times.
"""

from collections.abc import Sequence

import attrs

from translator.embedding.job import vectors_plan
from translator.embedding.replies import Refused, cosine, refusal_of
from translator.embedding.requests import EmbedSettings, check_dimensions
from translator.embedding.texts import NO_PREFIXES, InputKind, Prefixes, is_blank, sendable
from translator.errors import Family, ServerError
from translator.failures.build import failure_from_reply
from translator.rerank.generative import GenerativeSettings, check_generative, question_path, question_request, read_judgement
from translator.rerank.ranking import Ranking, RankingOptions, chosen, lost_to_threshold, shortened_documents
from translator.rerank.requests import shortened
from translator.shapes.exchange import HttpReply, HttpRequest, Plan
from translator.versions import NEWEST, ServerVersion

LOWEST_COSINE = -1.0
MOST_CUTS = 6
"""Cuts of one document. The first usually suffices, as llama-server names the numbers (0.33.0-rc2 `error-too-long`); others are halves."""


def generative_rerank_plan(
    settings: GenerativeSettings, query: str, documents: Sequence[str], choice: RankingOptions, *, version: ServerVersion = NEWEST
) -> Plan[Ranking]:
    """Ranks by the probability of yes, 0 to 1; no documents, no requests. Raises RequestError and ServerError."""
    check_generative(settings, version)
    job = _Job(settings=settings, query=query, documents=tuple(documents))
    yield from job.run()
    return job.ranking(choice)


def similarity_rerank_plan(
    settings: EmbedSettings,
    query: str,
    documents: Sequence[str],
    choice: RankingOptions,
    *,
    prefixes: Prefixes = NO_PREFIXES,
    version: ServerVersion = NEWEST,
) -> Plan[Ranking]:
    """Ranks by the cosine of the embeddings, -1 to 1; no documents, no requests. Raises RequestError and ServerError."""
    check_dimensions(settings, version)
    written, blank = _written(documents)
    scores: dict[int, float] = {}
    tokens = 0
    notes: tuple[str, ...] = ()
    if written:
        texts = (documents[index] for index in written)
        sent = [sendable(query, prefixes.of(InputKind.QUERY)), *(sendable(text, prefixes.of(InputKind.DOCUMENT)) for text in texts)]
        names = [
            f"The query ({len(query):,} characters)",
            *(f"Document {index + 1} of {len(documents)} ({len(documents[index]):,} characters)" for index in written),
        ]
        embedded = yield from vectors_plan(sent, settings, names=names, version=version)
        first, *others = embedded.vectors
        scores = {index: cosine(first, vector) for index, vector in zip(written, others, strict=True)}
        tokens = embedded.tokens
        notes = tuple(f"{names[adjustment.index]}: {adjustment.change.value}." for adjustment in embedded.adjustments)
    return Ranking(
        documents=chosen(scores, documents, choice, blank=blank, lowest=LOWEST_COSINE),
        tokens=tokens,
        negative_dropped=lost_to_threshold(scores, choice),
        notes=notes,
    )


def _written(documents: Sequence[str]) -> tuple[list[int], list[int]]:
    """Positions of the documents that say anything, and of those that do not: a model would rank nothing above something (`bananas` above
    `A town` for "river floods").
    """
    blank = [index for index, text in enumerate(documents) if is_blank(text)]
    return [index for index in range(len(documents)) if index not in set(blank)], blank


@attrs.define(slots=True, kw_only=True)
class _Job:
    """The state of one call."""

    settings: GenerativeSettings
    query: str = attrs.field(repr=False)
    documents: tuple[str, ...] = attrs.field(repr=False)
    cut: dict[int, str] = attrs.field(factory=dict, init=False, repr=False)
    cuts: dict[int, int] = attrs.field(factory=dict, init=False)
    scores: dict[int, float] = attrs.field(factory=dict, init=False)
    tokens: int = attrs.field(default=0, init=False)

    def run(self) -> Plan[None]:
        """Fills `scores`."""
        positions, _ = _written(self.documents)
        for group in (positions[:1], positions[1:]):
            todo = list(group)
            while todo:
                replies = yield tuple(self._request(position) for position in todo)
                todo = [position for position, reply in zip(todo, replies, strict=True) if not self._take(position, reply)]

    def ranking(self, choice: RankingOptions) -> Ranking:
        """The answer."""
        return Ranking(
            documents=chosen(self.scores, self.documents, choice, blank=_written(self.documents)[1]),
            tokens=self.tokens,
            negative_dropped=lost_to_threshold(self.scores, choice),
            shortened=shortened_documents(self.documents, self.cut),
        )

    def _text(self, position: int) -> str:
        return self.cut.get(position, self.documents[position])

    def _request(self, position: int) -> HttpRequest:
        return question_request(self.settings, self.query, self._text(position))

    def _take(self, position: int, reply: HttpReply) -> bool:
        """True when the pair is scored, False when it is to be sent again, shorter."""
        if reply.status == 200:
            judged = read_judgement(reply.body, self.settings.model)
            self.scores[position] = judged.score
            self.tokens += judged.tokens
            return True
        refusal = refusal_of(reply)
        if refusal.kind is not Refused.OVERLONG:
            raise self._failure(reply)
        self.cuts[position] = self.cuts.get(position, 0) + 1
        shorter = self._shorter(self._text(position), refusal.found.n_prompt_tokens, refusal.found.n_ctx)
        if self.cuts[position] > MOST_CUTS or not shorter.strip():
            raise self._too_long(position)
        self.cut[position] = shorter
        return False

    def _shorter(self, text: str, given: int | None, limit: int | None) -> str:
        if given and limit and given > limit:
            return shortened(self.query, text, given=given, limit=limit)
        return text[: len(text) // 2]

    def _failure(self, reply: HttpReply) -> ServerError:
        return failure_from_reply(
            reply.status,
            reply.body,
            model=self.settings.model,
            route=question_path(self.settings),
            headers=reply.headers,
        )

    def _too_long(self, position: int) -> ServerError:
        return ServerError.of(
            "rerank_too_long",
            f"Document {position + 1} of {len(self.documents)} does not fit into the model's window even when shortened.",
            "Raise the context size of the rerank model, or shorten the query.",
            family=Family.BAD_REQUEST,
        )

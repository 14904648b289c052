"""One embedding call: batches are sent, and the texts that a server cannot embed are found and rescued.

A batch fails as a whole when one text in it fails, so it is halved until the text stands alone: about 2 log2(n) requests more per bad
text. Failed halves are searched one after the other, so that a fault of all texts is told after as many, not after 2n. A text that stands
alone is tried once more in a milder form, or shortened if it is too long. No vector is made up, and no text left out.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import attrs

from translator.embedding.errors import flawed, given_up, unequal_lengths, wrong_count, wrong_dimensions
from translator.embedding.frame import check_frame
from translator.embedding.replies import EmbedReply, Flaw, Refused, WrittenVector, dimensions_of, read_embed, read_legacy, refusal_of
from translator.embedding.requests import (
    EMBED_PATH,
    LEGACY_PATH,
    EmbedSettings,
    Overlong,
    batches,
    dimensions_unsupported,
    embed_request,
    legacy_request,
)
from translator.embedding.texts import milder, sendable
from translator.errors import ServerError
from translator.failures.bodies import FailureText
from translator.failures.build import failure_from_reply, naming_proxy
from translator.limits import FRAME_BYTES
from translator.shapes.exchange import HttpReply, HttpRequest, Plan
from translator.tokens import TEXT_MARKS, estimate_text
from translator.versions import NEWEST, ServerVersion

REFINEMENTS = 3
"""Tries to win back text after a cut was accepted: at most 1/16 of the last refused length is lost without need."""
MARGIN = 0.95
"""Share of the window aimed at when a refusal names token counts: tokens are not spread evenly over characters."""
SHORTEST = {Refused.OVERLONG: 8, Refused.OPAQUE: 200}
"""Refusals that a shorter text may cure, and the characters at which "too long" cannot be the reason any more."""
SURELY_LESS = 0.8
"""A text that fills the window is hardly estimated at less than this share of it."""
MOST_TOKENS_PER_CHARACTER = 4
BYTES_PER_TOKEN = 4
"""Rough size of a token, for servers that do not count (legacy route)."""

type TextBatch = tuple[tuple[int, str], ...]
"""Positions and the texts to send for them."""


class AdjustmentKind(StrEnum):
    """What was done to a text so that it could be embedded; worth a line in the log."""

    STAND_IN = "blank, a full stop was embedded instead"
    MILDER = "embedded with plain punctuation"
    SHORTENED = "shortened to its head"
    AT_WINDOW = "it fills the window, so the server may have left out its end"


@attrs.frozen(slots=True, kw_only=True)
class Adjustment:
    """A text that was not embedded as it came. `index` counts from 0, lengths are characters without the prefix."""

    index: int
    change: AdjustmentKind
    length: int
    length_sent: int


@attrs.frozen(slots=True, kw_only=True)
class Failed:
    """Texts that got no vectors, and why. `sent_with` is the number of texts in the request that failed."""

    batch: TextBatch = attrs.field(repr=False)
    sent_with: int
    kind: Refused
    error: ServerError
    found: FailureText = attrs.field(factory=FailureText, repr=False)


@attrs.define(slots=True, kw_only=True)
class Isolation:
    """The state of one embedding call.

    `texts` are as sent, each with the same `prefix`; `names` are theirs in errors, by default their numbers. `in_frame` is the number of
    vectors that must fit into one line to Dify, 0 for no such line.
    """

    texts: tuple[str, ...] = attrs.field(repr=False)
    settings: EmbedSettings
    prefix: str = ""
    names: tuple[str, ...] = ()
    in_frame: int = 0
    version: ServerVersion = NEWEST
    path: str = attrs.field(default=EMBED_PATH, init=False)
    vectors: dict[int, WrittenVector] = attrs.field(factory=dict, init=False, repr=False)
    dimensions: int = attrs.field(default=0, init=False)
    tokens: int = attrs.field(default=0, init=False)
    estimated: bool = attrs.field(default=False, init=False)
    adjustments: dict[int, Adjustment] = attrs.field(factory=dict, init=False)

    def run(self) -> Plan[None]:
        """Fills `vectors`. Raises ServerError, and RequestError when the answer cannot be had with these settings."""
        failed = yield from self._round([self._batch(positions) for positions in batches(self.texts, self.settings)])
        if any(one.kind is Refused.NO_ROUTE for one in failed):
            failed = yield from self._on_legacy_route()
        while failed:
            first = failed.pop(0)
            if len(first.batch) == 1:
                yield from self._rescue(first)
            else:
                half = len(first.batch) // 2
                failed = (yield from self._round([first.batch[:half], first.batch[half:]])) + failed

    def _batch(self, positions: Sequence[int]) -> TextBatch:
        return tuple((position, self.texts[position]) for position in positions)

    def _on_legacy_route(self) -> Plan[list[Failed]]:
        """The first text goes alone: a server without any embedding route is told at the cost of one request."""
        if self.settings.dimensions is not None:
            raise dimensions_unsupported()
        self.path = LEGACY_PATH
        missing = [position for position in range(len(self.texts)) if position not in self.vectors]
        failed = yield from self._round([self._batch(missing[:1])])
        rest = yield from self._round([self._batch([position]) for position in missing[1:]])
        return failed + rest

    def _round(self, todo: Sequence[TextBatch]) -> Plan[list[Failed]]:
        if not todo:
            return []
        replies = yield tuple(self._request(batch) for batch in todo)
        return [failed for batch, reply in zip(todo, replies, strict=True) for failed in self._take(batch, reply)]

    def _request(self, batch: TextBatch) -> HttpRequest:
        texts = [text for _, text in batch]
        return embed_request(texts, self.settings) if self.path == EMBED_PATH else legacy_request(texts[0], self.settings)

    # --- one reply ---------------------------------------------------------------------------------------------------------------

    def _take(self, batch: TextBatch, reply: HttpReply) -> list[Failed]:
        if reply.status != 200:
            return [self._refused(batch, reply)]
        with naming_proxy(reply.headers):
            if len(reply.body) > FRAME_BYTES and not self.dimensions:
                check_frame(self.in_frame, dimensions_of(reply.body))  # megabytes of numbers are not parsed in vain
            answer = read_embed(reply.body) if self.path == EMBED_PATH else read_legacy(reply.body)
        if len(answer.vectors) != len(batch):
            error = wrong_count(self.settings.model, len(answer.vectors), len(batch))
            return [Failed(batch=batch, sent_with=len(batch), kind=Refused.TEXT, error=error)]
        self._count(batch, answer)
        failed = []
        for sent, vector in zip(batch, answer.vectors, strict=True):
            if isinstance(vector, Flaw):
                error = flawed(self.settings.model, vector)
                failed.append(Failed(batch=(sent,), sent_with=len(batch), kind=Refused.TEXT, error=error))
            else:
                self._keep(sent[0], vector)
        return failed

    def _refused(self, batch: TextBatch, reply: HttpReply) -> Failed:
        refusal = refusal_of(reply)
        error = failure_from_reply(
            reply.status,
            reply.body,
            model=self.settings.model,
            route=self.path,
            headers=reply.headers,
        )
        if refusal.kind is Refused.FATAL or (refusal.kind is Refused.NO_ROUTE and self.path == LEGACY_PATH):
            raise error
        return Failed(batch=batch, sent_with=len(batch), kind=refusal.kind, error=error, found=refusal.found)

    def _keep(self, position: int, vector: WrittenVector) -> None:
        wanted = self.settings.dimensions
        if wanted is not None and vector.length != wanted:
            raise wrong_dimensions(self.settings.model, vector.length, wanted, self.version)
        if not self.dimensions:
            check_frame(self.in_frame, vector.length)
            self.dimensions = vector.length
        if vector.length != self.dimensions:
            raise unequal_lengths(self.settings.model, self.dimensions, vector.length)
        self.vectors[position] = vector

    def _count(self, batch: TextBatch, answer: EmbedReply) -> None:
        if answer.tokens is None:
            self.estimated = True
            self.tokens += sum(1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN for _, text in batch)
        else:
            self.tokens += answer.tokens
        for position, text in self._at_window(batch, answer.tokens):
            self._note(position, AdjustmentKind.AT_WINDOW, text)

    def _at_window(self, batch: TextBatch, tokens: int | None) -> Iterator[tuple[int, str]]:
        """The texts that the server may have cut: it answers 200 and counts what it read (`embeddinggemma-too-long`: 2,048 of 2,048)."""
        window = self.settings.window
        if window is None or self.settings.overlong is Overlong.ERROR or (tokens is not None and tokens < window):
            return
        if tokens is not None and len(batch) == 1:
            yield batch[0]
            return
        least = window if tokens is None else window * SURELY_LESS
        for position, text in batch:
            if len(text) * MOST_TOKENS_PER_CHARACTER >= least and estimate_text(text, self.settings.vocabulary) + TEXT_MARKS >= least:
                yield position, text

    # --- one text ----------------------------------------------------------------------------------------------------------------

    def _rescue(self, failed: Failed) -> Plan[None]:
        position, text = failed.batch[0]
        if failed.kind in (Refused.TEXT, Refused.OPAQUE):
            for variant in _variants(text, failed):
                again = yield from self._try(position, variant)
                if again is None:
                    self._note(position, AdjustmentKind.MILDER, variant)
                    return
                failed = again
        cut = failed.kind in SHORTEST and self.settings.overlong is not Overlong.ERROR
        if not cut:
            raise self._given_up(position, failed)
        yield from self._shorten(position, text, failed)

    def _try(self, position: int, text: str) -> Plan[Failed | None]:
        failed = yield from self._round([((position, text),)])
        return failed[0] if failed else None

    def _shorten(self, position: int, text: str, failed: Failed) -> Plan[None]:
        """Cuts until the server accepts, then gives back what one cut took too much. The head is kept, as the server itself does."""
        refused = len(text)
        while True:
            if refused <= SHORTEST.get(failed.kind, refused):
                raise self._given_up(position, failed)
            numbers = failed.found
            length = _cut_length(refused, numbers)
            again = yield from self._try(position, sendable(text[:length]))
            if again is None:
                break
            refused, failed = length, again
        if _share_of_window(numbers) is None:
            length = yield from self._refine(position, text, length, refused)
        self._note(position, AdjustmentKind.SHORTENED, text[:length])

    def _refine(self, position: int, text: str, accepted: int, refused: int) -> Plan[int]:
        for _ in range(REFINEMENTS):
            middle = (accepted + refused) // 2
            if middle == accepted:
                break
            again = yield from self._try(position, sendable(text[:middle]))
            if again is None:
                accepted = middle
            else:
                refused = middle
        return accepted

    def _note(self, position: int, change: AdjustmentKind, sent: str) -> None:
        original, without = self.texts[position], len(self.prefix)
        if sent != original or change is AdjustmentKind.AT_WINDOW:
            self.adjustments[position] = Adjustment(
                index=position, change=change, length=len(original) - without, length_sent=max(0, len(sent) - without)
            )

    def _given_up(self, position: int, failed: Failed) -> ServerError:
        number = f"Text {position + 1} of {len(self.texts)} ({len(self.texts[position]) - len(self.prefix):,} characters)"
        place = self.names[position] if self.names else number
        return given_up(place, failed.kind, failed.found, failed.error, self.settings)


def _variants(text: str, failed: Failed) -> tuple[str, ...]:
    """What to send for a text that failed: itself if it never was alone in a request, then its milder form, at least one of both."""
    if failed.sent_with > 1:
        return tuple(dict.fromkeys((text, milder(text))))
    return (milder(text),)


def _share_of_window(found: FailureText) -> float | None:
    """Which part of the text fits, by the numbers of the refusal; None when it names none that help."""
    if not found.n_ctx or not found.n_prompt_tokens or found.n_prompt_tokens <= found.n_ctx:
        return None
    return MARGIN * found.n_ctx / found.n_prompt_tokens


def _cut_length(refused: int, found: FailureText) -> int:
    share = _share_of_window(found)
    return max(1, int(refused * (0.5 if share is None else share)))

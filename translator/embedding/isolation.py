"""The search for texts a server cannot embed, and their rescue.

A batch fails as a whole when one text in it fails, so it is halved until the text stands alone: about 2 log2(n) requests more per bad
text. Failed halves are searched one after the other, so that a fault of all texts is told after as many, not after 2n. A text that stands
alone is tried once more in a milder form, or shortened if it is too long. No vector is ever made up, and no text left out.
"""

from collections.abc import Generator, Sequence
from typing import assert_never

import attrs

from translator.embedding.replies import (
    Adjustment,
    Change,
    EmbedReply,
    Flaw,
    Refused,
    Vector,
    check_frame,
    dimensions_of,
    read_embed,
    read_legacy,
    refusal_of,
)
from translator.embedding.requests import EMBED_PATH, LEGACY_PATH, EmbedSettings, Overlong, batches, embed_request, legacy_request
from translator.embedding.texts import milder, sendable
from translator.errors import Family, Problem, RequestError, ServerError
from translator.failures.bodies import FailureText
from translator.failures.build import failure_from_reply, naming_proxy
from translator.failures.quoting import printable_name
from translator.limits import FRAME_BYTES
from translator.shapes.exchange import HttpReply, HttpRequest, Replies, Round

_CHANGE_TEXT = "The model fails on this text, not Dify: change or remove the text, or use another embedding model."
_CHECK_MODEL = "Check that the model is an embedding model and that the server is up to date."


def _model(name: str) -> str:
    return f'The model "{printable_name(name)}"'


def flawed(model: str, flaw: Flaw) -> ServerError:
    """A vector that must not be kept."""
    return ServerError.of("embed_vector_flawed", f"{_model(model)} returned {flaw}.", _CHANGE_TEXT)


def wrong_count(model: str, got: int, sent: int) -> ServerError:
    """More or fewer vectors than texts."""
    return ServerError.of(
        "embed_count_wrong", f"{_model(model)} returned {got:,} vectors for {sent:,} texts.", _CHECK_MODEL, family=Family.UNAVAILABLE
    )


def wrong_dimensions(model: str, got: int, wanted: int) -> ServerError:
    """The vectors have another length than asked for (0.33.0-rc2 `embed-dimensions-larger`, 0.9.6 `embed-dimensions`)."""
    return ServerError.of(
        "embed_dimensions_wrong",
        f"{_model(model)} returned vectors of {got:,} numbers although {wanted:,} were asked for.",
        f"Leave the vector length empty, give at most {got:,}, or update Ollama to 0.11.11 or newer, which can shorten vectors.",
    )


def dimensions_unsupported() -> RequestError:
    """A vector length was asked for and the server has only the legacy route."""
    return RequestError.of(
        "embed_dimensions_unsupported",
        "This Ollama server is too old to shorten vectors.",
        "Update Ollama to 0.11.11 or newer, or leave the vector length empty.",
    )


def unequal_lengths(model: str, first: int, other: int) -> ServerError:
    """Two texts got vectors of different lengths."""
    return ServerError.of(
        "embed_lengths_differ",
        f"{_model(model)} returned vectors of {first:,} and of {other:,} numbers in one call.",
        _CHECK_MODEL,
        family=Family.UNAVAILABLE,
    )


def too_long(model: str, place: str, found: FailureText) -> ServerError:
    """A text is longer than the window and was not, or could not be, shortened."""
    window = f" ({found.n_ctx:,} tokens)" if found.n_ctx is not None else ""
    return ServerError.of(
        "embed_text_too_long",
        f'{place} is longer than the window{window} of the model "{printable_name(model)}".',
        "Use smaller chunks, raise the context size, or allow long texts to be cut.",
    )


def text_failed(place: str, cause: Problem) -> ServerError:
    """A text could not be embedded for the reason `cause`."""
    return ServerError(
        Problem(
            code=cause.code,
            family=cause.family,
            cause=f"{place} could not be embedded. {cause.cause}",
            remedy=cause.remedy or _CHANGE_TEXT,
        )
    )


def given_up(model: str, place: str, kind: Refused, found: FailureText, error: ServerError) -> ServerError:
    """The error of one text, by the kind of its last refusal."""
    match kind:
        case Refused.OVERLONG:
            return too_long(model, place, found)
        case Refused.TEXT | Refused.OPAQUE | Refused.TOO_LARGE | Refused.NO_ROUTE | Refused.FATAL:
            return text_failed(place, error.problem)
        case _:
            assert_never(kind)


REFINEMENTS = 3
"""Tries to win back text after a cut was accepted: at most 1/16 of the last refused length is lost without need."""
MARGIN = 0.95
"""Share of the window aimed at when a refusal names token counts: tokens are not spread evenly over characters."""
SHORTEST = 8
"""Characters at which "too long" cannot be true any more."""
BYTES_PER_TOKEN = 4
"""Rough size of a token, for servers that do not count (legacy route)."""

type Batch = tuple[tuple[int, str], ...]
"""Positions and the texts to send for them."""

type Steps[T] = Generator[Round, Replies, T]


@attrs.frozen(slots=True, kw_only=True)
class Failed:
    """Texts that got no vectors, and why. `sent_with` is the number of texts in the request that failed."""

    batch: Batch = attrs.field(repr=False)
    sent_with: int
    kind: Refused
    error: ServerError
    found: FailureText = attrs.field(factory=FailureText, repr=False)


@attrs.define(slots=True, kw_only=True)
class Isolation:
    """The state of one embedding call. `in_frame` is the number of vectors that must fit into one line to Dify, 0 for no such line."""

    texts: tuple[str, ...] = attrs.field(repr=False)
    settings: EmbedSettings
    in_frame: int = 0
    path: str = attrs.field(default=EMBED_PATH, init=False)
    vectors: dict[int, Vector] = attrs.field(factory=dict, init=False, repr=False)
    dimensions: int = attrs.field(default=0, init=False)
    tokens: int = attrs.field(default=0, init=False)
    estimated: bool = attrs.field(default=False, init=False)
    adjustments: dict[int, Adjustment] = attrs.field(factory=dict, init=False)

    def run(self) -> Steps[None]:
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

    def _batch(self, positions: Sequence[int]) -> Batch:
        return tuple((position, self.texts[position]) for position in positions)

    def _on_legacy_route(self) -> Steps[list[Failed]]:
        """The first text goes alone: a server without any embedding route is told at the cost of one request."""
        if self.settings.dimensions is not None:
            raise dimensions_unsupported()
        self.path = LEGACY_PATH
        missing = [position for position in range(len(self.texts)) if position not in self.vectors]
        failed = yield from self._round([self._batch(missing[:1])])
        rest = yield from self._round([self._batch([position]) for position in missing[1:]])
        return failed + rest

    def _round(self, todo: Sequence[Batch]) -> Steps[list[Failed]]:
        if not todo:
            return []
        replies = yield tuple(self._request(batch) for batch in todo)
        return [failed for batch, reply in zip(todo, replies, strict=True) for failed in self._take(batch, reply)]

    def _request(self, batch: Batch) -> HttpRequest:
        texts = [text for _, text in batch]
        return embed_request(texts, self.settings) if self.path == EMBED_PATH else legacy_request(texts[0], self.settings)

    # --- one reply ---------------------------------------------------------------------------------------------------------------

    def _take(self, batch: Batch, reply: HttpReply) -> list[Failed]:
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

    def _refused(self, batch: Batch, reply: HttpReply) -> Failed:
        refusal = refusal_of(reply)
        error = failure_from_reply(
            reply.status,
            reply.body,
            content_type=reply.content_type,
            model=self.settings.model,
            route=self.path,
            headers=reply.headers,
        )
        if refusal.kind is Refused.FATAL or (refusal.kind is Refused.NO_ROUTE and self.path == LEGACY_PATH):
            raise error
        return Failed(batch=batch, sent_with=len(batch), kind=refusal.kind, error=error, found=refusal.found)

    def _keep(self, position: int, vector: Vector) -> None:
        wanted = self.settings.dimensions
        if wanted is not None and len(vector) != wanted:
            raise wrong_dimensions(self.settings.model, len(vector), wanted)
        if not self.dimensions:
            check_frame(self.in_frame, len(vector))
            self.dimensions = len(vector)
        if len(vector) != self.dimensions:
            raise unequal_lengths(self.settings.model, self.dimensions, len(vector))
        self.vectors[position] = vector

    def _count(self, batch: Batch, answer: EmbedReply) -> None:
        if answer.tokens is None:
            self.estimated = True
            self.tokens += sum(1 + len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN for _, text in batch)
        else:
            self.tokens += answer.tokens

    # --- one text ----------------------------------------------------------------------------------------------------------------

    def _rescue(self, failed: Failed) -> Steps[None]:
        position, text = failed.batch[0]
        if failed.kind in (Refused.TEXT, Refused.OPAQUE):
            for variant in _variants(text, failed):
                again = yield from self._try(position, variant)
                if again is None:
                    self._note(position, Change.MILDER, variant)
                    return
                failed = again
        cut = failed.kind in (Refused.OVERLONG, Refused.OPAQUE) and self.settings.overlong is not Overlong.REFUSE
        if not cut:
            raise self._given_up(position, failed)
        yield from self._shorten(position, text, failed)

    def _try(self, position: int, text: str) -> Steps[Failed | None]:
        failed = yield from self._round([((position, text),)])
        return failed[0] if failed else None

    def _shorten(self, position: int, text: str, failed: Failed) -> Steps[None]:
        """Cuts until the server accepts, then gives back what one cut took too much. The head is kept, as the server itself does."""
        refused = len(text)
        while True:
            if refused <= SHORTEST or failed.kind not in (Refused.OVERLONG, Refused.OPAQUE):
                raise self._given_up(position, failed)
            numbers = failed.found
            length = _cut_length(refused, numbers)
            again = yield from self._try(position, sendable(text[:length]))
            if again is None:
                break
            refused, failed = length, again
        if _share_of_window(numbers) is None:
            length = yield from self._refine(position, text, length, refused)
        self._note(position, Change.SHORTENED, text[:length])

    def _refine(self, position: int, text: str, accepted: int, refused: int) -> Steps[int]:
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

    def _note(self, position: int, change: Change, sent: str) -> None:
        original = self.texts[position]
        if sent != original:
            self.adjustments[position] = Adjustment(index=position, change=change, length=len(original), length_sent=len(sent))

    def _given_up(self, position: int, failed: Failed) -> ServerError:
        place = f"Text {position + 1} of {len(self.texts)} ({len(self.texts[position]):,} characters)"
        return given_up(self.settings.model, place, failed.kind, failed.found, failed.error)


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

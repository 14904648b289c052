"""One embedding call of Dify from its texts to its vectors.

The result is one flawless vector per text in the order of the texts, small enough for one line to Dify. An error names a text by its number
and length, never by its words.
"""

from collections.abc import Sequence

import attrs

from translator.codec import loads
from translator.embedding.frame import frame_safe
from translator.embedding.isolation import Adjustment, AdjustmentKind, Isolation
from translator.embedding.replies import Vector
from translator.embedding.requests import EmbedSettings, check_dimensions
from translator.embedding.texts import BLANK_STAND_IN, NO_PREFIXES, InputKind, Prefixes, sendable
from translator.shapes.exchange import Plan
from translator.versions import NEWEST, ServerVersion


@attrs.frozen(slots=True, kw_only=True)
class Embedded:
    """One vector per text in the order of the texts, each as JSON. `estimated`: the server did not count all tokens."""

    written: tuple[bytes, ...] = attrs.field(default=(), repr=False)
    tokens: int = 0
    estimated: bool = False
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The numbers, read anew each time."""
        return tuple(map(loads, self.written))


def embedding_plan(
    texts: Sequence[str],
    settings: EmbedSettings,
    *,
    kind: InputKind = InputKind.DOCUMENT,
    prefixes: Prefixes = NO_PREFIXES,
    version: ServerVersion = NEWEST,
) -> Plan[Embedded]:
    """Embeds texts; no texts, no requests. The answer fits into one line to Dify (4 MiB), with fewer digits where it must.

    Raises RequestError for settings that cannot work and for an answer too large for Dify, ServerError for refusals and flawed vectors.
    """
    check_dimensions(settings, version)
    prefix = prefixes.of(kind)
    sent = tuple(sendable(text, prefix) for text in texts)
    blank = prefix + BLANK_STAND_IN
    job = Isolation(texts=sent, settings=settings, prefix=prefix, in_frame=len(sent), version=version)
    job.adjustments = {
        index: Adjustment(index=index, change=AdjustmentKind.STAND_IN, length=len(text), length_sent=len(BLANK_STAND_IN))
        for index, text in enumerate(texts)
        if sent[index] == blank != prefix + text
    }
    yield from job.run()
    result = _result(job)
    return attrs.evolve(result, written=frame_safe(result.written))


def vectors_plan(
    texts: Sequence[str], settings: EmbedSettings, *, names: Sequence[str] = (), version: ServerVersion = NEWEST
) -> Plan[Embedded]:
    """Embeds texts as they are: no prefix, no stand-in for a blank text, and the answer may have any size. Raises ServerError.

    `names` are what errors call the texts.
    """
    job = Isolation(texts=tuple(texts), settings=settings, names=tuple(names), version=version)
    yield from job.run()
    return _result(job)


def _result(job: Isolation) -> Embedded:
    return Embedded(
        written=tuple(job.vectors[index].json for index in range(len(job.texts))),
        tokens=job.tokens,
        estimated=job.estimated,
        adjustments=tuple(job.adjustments[index] for index in sorted(job.adjustments)),
    )

"""What an embedding call gives: vectors, token counts and what had to be done to single texts. Data only."""

from enum import StrEnum

import attrs

type Vector = list[float]


class Change(StrEnum):
    """What was done to a text so that it could be embedded; worth a line in the log."""

    STAND_IN = "blank, a full stop was embedded instead"
    MILDER = "embedded with plain punctuation"
    SHORTENED = "shortened to its head"


@attrs.frozen(slots=True, kw_only=True)
class Adjustment:
    """A text that was not embedded as it came. `index` counts from 0, lengths are characters as sent (prefix included)."""

    index: int
    change: Change
    length: int
    length_sent: int


@attrs.frozen(slots=True, kw_only=True)
class Embedded:
    """One vector per text in the order of the texts. `estimated`: the server did not count all tokens."""

    vectors: tuple[Vector, ...] = attrs.field(repr=False)
    tokens: int = 0
    estimated: bool = False
    adjustments: tuple[Adjustment, ...] = ()

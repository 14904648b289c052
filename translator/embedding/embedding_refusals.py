"""What a refusal of the embedding routes means for the texts that were sent.

Enters: a reply whose status is not 200. Leaves: a `Refused`, the kind that decides whether to isolate a text, shorten one, take
the old route or give up. The sentence for people comes from `response/failures.py`.
"""

import re
from enum import StrEnum

import attrs

from translator.failures.bodies import FailureText, Shape, unwrap
from translator.shapes.exchange import HttpReply


class Refused(StrEnum):
    """Kinds of refusal."""

    OVERLONG = "overlong"
    """A text is longer than the window, and the server did not cut it."""
    TEXT = "text"
    """Something in a text made the model fail: NaN, infinity, a decode error, a crash. One such text fails its whole batch."""
    OPAQUE = "opaque"
    """A failure without words; may be any of the two above (0.5.13 `embed-too-long` is `{"error":{}}`)."""
    TOO_LARGE = "too large"
    """A proxy does not pass a body of that size (413)."""
    NO_ROUTE = "no route"
    """The server does not know the path."""
    FATAL = "fatal"
    """Has nothing to do with single texts."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ANY = re.compile("")

RULES: tuple[tuple[frozenset[int], re.Pattern[str], Refused], ...] = (
    (frozenset({404, 405}), _any(r"^40[45] (page not found|method not allowed)$"), Refused.NO_ROUTE),
    (frozenset({413}), ANY, Refused.TOO_LARGE),
    (
        frozenset({400, 500}),
        _any(
            r"context (length|size)",
            r"exceed_context_size",
            r"too large to process",
            r"longer than the context",
        ),
        Refused.OVERLONG,
    ),
    (
        frozenset({400, 500}),
        _any(
            r"not support",
            r"invalid input type",
            r"model is required|invalid model name|not found",
            r"has terminated|loading model|load model|failed to load|unable to load|error starting|timed out waiting",
            r"system memory|out of memory|newer version",
            r"\boption\b|duration|missing unit",
            r"unauthorized|access denied",
        ),
        Refused.FATAL,
    ),
    (frozenset({400, 500}), _any(r"\S"), Refused.TEXT),
    (frozenset({400, 500}), ANY, Refused.OPAQUE),
)
"""Statuses and words, first fit counts; what fits nothing is FATAL.

Words of an over-long text: 0.5 to 0.11 `input length exceeds maximum context length`, 0.12 to 0.13.2 `input exceeds maximum context
length`, later `the input length exceeds the context length`. Between 400 and 500 the same refusal moved with 0.13.3. Any other sentence
with 400 or 500 is taken for a text's fault, as the server wraps every runner failure in these two (server/routes.go, EmbedHandler;
0.33.0-rc2 `embed-nan-literal`, `embed-overflow`, `embed-runner-error`, `embed-runner-crash`): isolating costs few requests and ends in
the same error.
"""


@attrs.frozen(slots=True)
class Refusal:
    """A refusal and its words, which are for matching only."""

    kind: Refused
    found: FailureText


def refusal_of(reply: HttpReply) -> Refusal:
    """Reads a reply whose status is not 200."""
    found = unwrap(reply.body, reply.content_type)
    text = found.text if found.kind is not Shape.HTML else f"web page: {found.text}"
    words = f"{text}\n{found.type}".strip()
    kind = next((kind for statuses, pattern, kind in RULES if reply.status in statuses and pattern.search(words)), Refused.FATAL)
    return Refusal(Refused.FATAL if found.kind is Shape.HTML and kind is not Refused.TOO_LARGE else kind, found)

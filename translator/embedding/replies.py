"""Replies of `/api/embed` and `/api/embeddings`: vectors that are fit to be kept, or what a refusal means for the texts that were sent.

Dify keeps a vector without an expiry date and drops NaN vectors from its list, which pairs all later texts with wrong ones; so a vector
without meaning is worse than an error. The flaws are named here; `isolation.py` decides what is done about them.
"""

import math
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import attrs

from translator.codec import DecodeError, count_of, dumps, loads, loads_counted, require_few_values
from translator.errors import Family, ServerError
from translator.failures.bodies import FailureText, Shape, unwrap
from translator.failures.build import failure_in_stream
from translator.failures.requests import TOO_LONG
from translator.shapes.exchange import HttpReply

type Vector = list[float]
"""An embedding: finite numbers, not all zero. Whole numbers may be of type int."""


class Refused(StrEnum):
    """Kinds of refusal."""

    OVERLONG = "overlong"
    """A text is longer than the window, and the server did not cut it."""
    TEXT = "text"
    """Something in a text made the model fail: NaN, infinity, a decode error, a crash. One such text fails its whole batch."""
    OPAQUE = "opaque"
    """A failure that says nothing; may be any of the two above. 0.5.13 `embed-too-long` is `{"error":{}}`; a process that ended in the
    middle of its work leaves `EOF`, most often because the text was too large for it."""
    TOO_LARGE = "too large"
    """A proxy does not pass a body of that size (413)."""
    NO_ROUTE = "no route"
    """The server does not know the path."""
    FATAL = "fatal"
    """Has nothing to do with single texts."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


ANY = re.compile("")

LOST_PROCESS = (
    r"connection (?:was )?(?:reset|aborted|forcibly closed)",
    r"forcibly closed",
    r"broken pipe",
    r"no longer running",
    r"failed to decode batch",
)
"""How Go, on Linux and Windows, and llama.cpp say what `EOF` says."""

RULES: tuple[tuple[frozenset[int], re.Pattern[str], Refused], ...] = (
    (frozenset({404, 405}), _any(r"^40[45] (page not found|method not allowed)$"), Refused.NO_ROUTE),
    (frozenset({413}), ANY, Refused.TOO_LARGE),
    (
        frozenset({400, 500}),
        _any(
            *TOO_LONG,
            r"context (?:length|size)",
            r"longer than the context",
            r"input (?:is )?too large",
            r"fit (?:the )?entire input",
            r"n_tokens\w* <= n_u?batch",
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
    (frozenset({400, 500}), _any(r"\beof\b", *LOST_PROCESS), Refused.OPAQUE),
    (frozenset({400, 500}), _any(r"\S"), Refused.TEXT),
    (frozenset({400, 500}), ANY, Refused.OPAQUE),
)
"""Statuses and words, first fit counts; what fits nothing is FATAL.

Between 400 and 500 the same refusal moved with 0.13.3. Any other sentence with 400 or 500 is taken for a text's fault, as the server wraps
every runner failure in these two (server/routes.go, EmbedHandler; 0.33.0-rc2 `embed-nan-literal`, `embed-overflow`, `embed-runner-error`,
`embed-runner-crash`): isolating costs few requests and ends in the same error.
"""


@attrs.frozen(slots=True)
class EmbedRefusal:
    """A refusal and its words, which are for matching only."""

    kind: Refused
    found: FailureText


def refusal_of(reply: HttpReply) -> EmbedRefusal:
    """Reads a reply whose status is not 200."""
    found = unwrap(reply.body, reply.content_type)
    text = found.text if found.kind is not Shape.HTML else f"web page: {found.text}"
    words = f"{text}\n{found.type}".strip()
    kind = next((kind for statuses, pattern, kind in RULES if reply.status in statuses and pattern.search(words)), Refused.FATAL)
    return EmbedRefusal(Refused.FATAL if found.kind is Shape.HTML and kind is not Refused.TOO_LARGE else kind, found)


HOLES_MIN = 2
HOLES_SHARE = 64
"""A vector is holed when it has at least two exact zeros and at least one in 64: NaN arrives as zero (0.33.0-rc2 `embed-nan-null`).
Fewer change no ranking, and a few models have a dead dimension."""


class Flaw(StrEnum):
    """Why a vector must not be used; the words complete "the model returned ..."."""

    MISSING = "no vector"
    NOT_NUMBERS = "a vector with values that are no numbers"
    NOT_FINITE = "a vector with infinite or undefined numbers"
    ZERO = "a vector of zeros, which is how the server writes undefined numbers (NaN)"
    HOLED = "a vector with many exact zeros, which is how the server writes undefined numbers (NaN)"


@attrs.frozen(slots=True)
class WrittenVector:
    """A vector that can be kept, as JSON: a third of the memory that its numbers take, and the form in which it goes on to Dify."""

    length: int
    json: bytes = attrs.field(repr=False)


@attrs.frozen(slots=True, kw_only=True)
class EmbedReply:
    """One reply. `tokens` is None when the server did not count."""

    vectors: tuple[WrittenVector | Flaw, ...] = attrs.field(repr=False)
    tokens: int | None = None


def read_embed(body: bytes) -> EmbedReply:
    """A reply of `/api/embed`; the caller compares the number of vectors. Raises ServerError when it is no such reply.

    Only one vector at a time is held as numbers: those of a whole reply take three times its bytes, and orjson two times more to read them.
    """
    start, stop = _list_of_vectors(body)
    try:
        require_few_values(body)
        try:
            pieces = _pieces(body, start, stop)  # all of them first: what is kept lies together in memory
            found = [vector for piece in pieces for vector in _read(piece)]
        except DecodeError:  # something else than numbers is in the list, or the reply is no JSON at all
            found, start, stop = [], 0, 0
        plain = _object(body[:start] + body[stop:])
    except DecodeError as error:
        raise not_vectors("it is no JSON") from error
    others = plain.get("embeddings")
    if not isinstance(others, list):
        raise not_vectors("it has no list of vectors")
    # with others the list that was found was not the reply's own
    return EmbedReply(vectors=tuple(map(_written, others)) or tuple(found), tokens=count_of(plain.get("prompt_eval_count")) or None)


_LIST = re.compile(rb'"embeddings"\s*:\s*\[')


def _list_of_vectors(body: bytes) -> tuple[int, int]:
    """Where the elements of the list are; an empty range when that cannot be told.

    There are no texts in it, so it ends before the next quote; and a quote within a text has a backslash before it, so no text looks like
    the key.
    """
    found = _LIST.search(body)
    if found is None:
        return 0, 0
    start, quote = found.end(), body.find(b'"', found.end())
    return start, max(start, body.rfind(b"]", start, quote if quote >= 0 else len(body)))


def _pieces(body: bytes, start: int, stop: int) -> list[bytes]:
    """The elements between these places in pieces of JSON, each up to the end of one list."""
    pieces = []
    while start < stop:
        end = (body.find(b"]", start, stop) + 1) or stop
        pieces.append(body[start:end].strip(b", \t\r\n"))
        start = end
    return pieces


def _read(piece: bytes) -> Iterator[WrittenVector | Flaw]:
    """Reads the elements; a vector keeps the spelling of the server, in one line. Raises DecodeError."""
    text = piece[piece.rfind(b"[") :].replace(b"\n", b" ")
    is_number = b"u" not in text and b"s" not in text  # `true` and `false` count as 1 and 0 in Python
    for value in loads_counted(b"[" + piece + b"]"):
        yield flaw_of(value) or (WrittenVector(len(value), text) if is_number else Flaw.NOT_NUMBERS)


def dimensions_of(body: bytes) -> int:
    """Numbers of the first vector in a reply, counted without parsing it; 0 when there is none to be seen."""
    start = body.find(b"[[")
    end = body.find(b"]", start)
    return body.count(b",", start, end) + 1 if 0 <= start < end else 0


def read_legacy(body: bytes) -> EmbedReply:
    """A reply of `/api/embeddings`: one vector, made unit length here (0.9.6 `embeddings-legacy` is not). Raises ServerError."""
    try:
        vector: Any = _object(body).get("embedding")
    except DecodeError as error:
        raise not_vectors("it is no JSON") from error
    return EmbedReply(vectors=(flaw_of(vector) or _written(normalised(vector)),))


def _written(vector: Any) -> WrittenVector | Flaw:
    return flaw_of(vector) or WrittenVector(len(vector), dumps(vector))


def flaw_of(vector: object) -> Flaw | None:
    """Why a vector cannot be used; None for one that can."""
    if not isinstance(vector, list) or not vector:
        return Flaw.MISSING
    try:
        square = float(math.sumprod(vector, vector))
    except TypeError:
        return Flaw.NOT_NUMBERS
    except OverflowError:
        return Flaw.NOT_FINITE
    if not math.isfinite(square):
        return Flaw.NOT_FINITE
    if square == 0:
        return Flaw.ZERO
    return Flaw.HOLED if _is_holed(vector) else None


def _is_holed(vector: list[Any]) -> bool:
    if all(vector):
        return False  # much faster than counting, and nearly always so
    holes = vector.count(0)
    return holes >= HOLES_MIN and holes * HOLES_SHARE >= len(vector)


def normalised(vector: Vector) -> Vector:
    """The same direction with length 1, in nine significant digits, which is all a 32-bit float holds."""
    length = math.sqrt(math.sumprod(vector, vector))
    return [float(f"{number / length:.9g}") for number in vector]


def cosine(left: Vector, right: Vector) -> float:
    """Similarity of two vectors of equal length, -1 to 1."""
    lengths = math.sqrt(math.sumprod(left, left)) * math.sqrt(math.sumprod(right, right))
    return max(-1.0, min(1.0, math.sumprod(left, right) / lengths))


def _object(body: bytes) -> dict[str, Any]:
    plain = loads(body)
    if not isinstance(plain, dict):
        raise not_vectors("it is no JSON object")
    if plain.get("error") is not None:
        raise failure_in_stream(plain["error"])
    return plain


def not_vectors(reason: str) -> ServerError:
    """The error of a reply that is no embedding; `reason` says in a few words what it is."""
    return ServerError.of(
        "embed_reply_unreadable",
        f"The server answered the embedding request with something else than vectors ({reason}).",
        "Check that the base URL leads to an Ollama server and not to another service or a login page.",
        family=Family.UNAVAILABLE,
    )

"""How many vectors fit into one answer to Dify, whose daemon takes one line per answer and kills a plugin that writes a longer one."""

from collections.abc import Sequence

from translator.codec import dumps, loads
from translator.errors import RequestError
from translator.limits import FRAME_BYTES

ENVELOPE_BYTES = 64 * 1024
"""Left free for everything else on that line."""
ROOM = FRAME_BYTES - ENVELOPE_BYTES
MOST_BYTES_PER_NUMBER = 16
"""Nine significant digits, sign, leading zeros or exponent, and a comma: the most that a normalised number takes."""
LEAST_BYTES_PER_NUMBER = 8
"""Fewer never occur in dense vectors; a request over this bound is refused before the rest of it is computed."""


def most_texts_per_frame(dimensions: int, wanted: int) -> int:
    """How many vectors of that length surely fit into one line, at most `wanted`, at least one: the `max_chunks` to declare to Dify."""
    return max(1, min(wanted, ROOM // (MOST_BYTES_PER_NUMBER * max(1, dimensions))))


def check_frame(count: int, dimensions: int) -> None:
    """Raises RequestError when `count` vectors cannot fit into one line whatever their numbers are."""
    if count * dimensions * LEAST_BYTES_PER_NUMBER > ROOM:
        raise _frame_error(count, dimensions)


def frame_safe(written: Sequence[bytes]) -> tuple[bytes, ...]:
    """Vectors, each as JSON, that fit into one line to Dify: as they are, else in nine significant digits (exact for 32-bit floats).

    Raises RequestError when they do not fit.
    """
    if _fit(written):
        return tuple(written)
    shorter = tuple(dumps([float(f"{number:.9g}") for number in loads(vector)]) for vector in written)
    if _fit(shorter):
        return shorter
    raise _frame_error(len(written), len(loads(written[0])))


def _fit(written: Sequence[bytes]) -> bool:
    return sum(map(len, written)) + len(written) <= ROOM


def _frame_error(count: int, dimensions: int) -> RequestError:
    return RequestError.of(
        "embed_frame_too_large",
        f"{count:,} vectors of {dimensions:,} numbers are more than Dify takes in one answer.",
        f"Set the number of texts per request (max chunks) of this model to {most_texts_per_frame(dimensions, count)} or less.",
    )

"""Texts to requests of `/api/embed`, and of `/api/embeddings` for servers before 0.2.6 that have no other.

What a text becomes before it is sent is decided in `texts.py`, what happens after a refusal in `isolation.py`.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import attrs

from translator.codec import dumps
from translator.errors import RequestError
from translator.failures.quoting import printable_name
from translator.limits import vectors_bytes
from translator.shapes.exchange import HttpRequest
from translator.shapes.wire import KeepAlive
from translator.tokens import Vocabulary
from translator.versions import EMBED_DIMENSIONS, NEWEST, ServerVersion

EMBED_PATH = "/api/embed"
LEGACY_PATH = "/api/embeddings"
JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}

SMALLEST_WINDOW = 16
"""Tokens; two of them are begin and end."""
MAX_TEXTS = 32
MAX_CHARS = 100_000


class Overlong(StrEnum):
    """What happens to a text that is longer than the model's window."""

    CUT = "cut"
    """The server keeps the head (`truncate: true`). Where it refuses all the same, as 0.13 to 0.29 do, the text is shortened here."""
    ERROR = "error"
    """`truncate: false`: a text that is too long fails the request."""


@attrs.frozen(slots=True, kw_only=True)
class EmbedSettings:
    """How to embed.

    `max_texts` and `max_chars` (characters) bound one request to the server. `num_ctx` is the window in tokens; `num_batch` follows it
    unless given, as 0.30 and later otherwise cut every text at 2,048 tokens without a word (0.33.0-rc2 `embed-num-ctx-only` and
    `embed-2048-num-batch`). `max_ctx` is the most that the model can read,
    None where nobody knows. `dimensions` shortens the vectors. `vocabulary` is for estimates. `options` are sent as they are.
    """

    model: str
    max_texts: int = attrs.field(default=MAX_TEXTS, validator=attrs.validators.ge(1))
    max_chars: int = attrs.field(default=MAX_CHARS, validator=attrs.validators.ge(1))
    num_ctx: int | None = None
    num_batch: int | None = None
    max_ctx: int | None = None
    keep_alive: KeepAlive | None = None
    dimensions: int | None = None
    overlong: Overlong = Overlong.CUT
    vocabulary: Vocabulary = Vocabulary.OTHER
    options: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def window(self) -> int | None:
        """Tokens that a text may have: what was asked for, and not more than the model can read; None where neither is known."""
        sizes = [size for size in (self.num_ctx, self.max_ctx) if size]
        return min(sizes, default=None)


def check_dimensions(settings: EmbedSettings, version: ServerVersion = NEWEST) -> None:
    """Raises RequestError when a vector length is asked for that cannot be had: not positive, or from a server that ignores the wish.

    0.9.6 `embed-dimensions` returns all 32 numbers where 8 were asked for.
    """
    if settings.dimensions is None:
        return
    if settings.dimensions < 1:
        raise RequestError.of(
            "embed_dimensions_invalid", "The vector length must be a positive whole number.", "Leave it empty for the model's own."
        )
    if version < EMBED_DIMENSIONS:
        raise dimensions_unsupported(f" ({version})")


def check_sizes(settings: EmbedSettings, longest: int | None) -> None:
    """Raises RequestError for sizes that no text or vector of this model can have. `longest` is its own vector length, if it is known.

    0.24.0 and 0.33.0 `embeddinggemma-dimensions-larger`: the server gives shorter vectors without a word.
    """
    if settings.dimensions is not None and longest is not None and settings.dimensions > longest:
        raise RequestError.of(
            "embed_dimensions_invalid",
            f'The vectors of the model "{printable_name(settings.model)}" have {longest:,} numbers, not {settings.dimensions:,}.',
            f"Give at most {longest:,} dimensions, or leave them empty for the model's own.",
        )
    if settings.num_ctx is not None and settings.num_ctx < SMALLEST_WINDOW:
        raise RequestError.of(
            "embed_window_too_small",
            f"A context size of {settings.num_ctx:,} holds no text.",
            f"Give at least {SMALLEST_WINDOW} tokens, or leave the context size empty for the model's own.",
        )


def dimensions_unsupported(which: str = "") -> RequestError:
    """The error of a server that cannot shorten vectors; `which` is its version in brackets, if it is known."""
    return RequestError.of(
        "embed_dimensions_unsupported",
        f"This Ollama server{which} cannot shorten vectors.",
        f"Update Ollama to {EMBED_DIMENSIONS} or newer, or leave the vector length empty.",
    )


def batches(texts: Sequence[str], settings: EmbedSettings) -> tuple[tuple[int, ...], ...]:
    """Positions of the texts, in order, in as few requests as the bounds allow; a text over the budget of characters goes alone."""
    result: list[tuple[int, ...]] = []
    current: list[int] = []
    chars = 0
    for position, text in enumerate(texts):
        if current and (len(current) >= settings.max_texts or chars + len(text) > settings.max_chars):
            result.append(tuple(current))
            current, chars = [], 0
        current.append(position)
        chars += len(text)
    if current:
        result.append(tuple(current))
    return tuple(result)


def embed_request(texts: Sequence[str], settings: EmbedSettings) -> HttpRequest:
    """One request for all of `texts`; `embeddings[i]` of the reply belongs to `texts[i]` (server/routes.go, EmbedHandler)."""
    body: dict[str, Any] = {
        "model": settings.model,
        "input": list(texts),
        "truncate": settings.overlong is Overlong.CUT,
    }
    if settings.dimensions is not None:
        body["dimensions"] = settings.dimensions
    return _post(EMBED_PATH, body, settings, len(texts))


def legacy_request(text: str, settings: EmbedSettings) -> HttpRequest:
    """One request for one text: the old route takes no list, no `truncate` and no `dimensions`."""
    return _post(LEGACY_PATH, {"model": settings.model, "prompt": text}, settings, 1)


def _post(path: str, body: dict[str, Any], settings: EmbedSettings, texts: int) -> HttpRequest:
    options = _options(settings)
    if options:
        body["options"] = options
    if settings.keep_alive is not None:
        body["keep_alive"] = settings.keep_alive
    return HttpRequest(url=path, body=dumps(body), headers=JSON_HEADERS, reply_bytes=vectors_bytes(texts))


def _options(settings: EmbedSettings) -> dict[str, Any]:
    sizes = {"num_ctx": settings.num_ctx, "num_batch": settings.num_batch or settings.num_ctx}
    return {**{name: size for name, size in sizes.items() if size}, **settings.options}

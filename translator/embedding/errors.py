"""What goes wrong with an embedding call, in sentences. A text is named by its number and length, never by its words."""

from translator.embedding.replies import Flaw, Refused
from translator.embedding.requests import EmbedSettings, Overlong
from translator.errors import Family, Problem, ServerError
from translator.failures.bodies import FailureText
from translator.failures.quoting import printable_name
from translator.versions import EMBED_DIMENSIONS, ServerVersion

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


def wrong_dimensions(model: str, got: int, wanted: int, version: ServerVersion) -> ServerError:
    """The vectors have another length than asked for (0.33.0-rc2 `embed-dimensions-larger`, 0.9.6 `embed-dimensions`).

    Only a server that did not say its version may be too old to shorten them; longer vectors than asked for are its sign.
    """
    remedy = "Leave the vector length empty."
    if got < wanted:
        remedy = f"Leave the vector length empty, or give at most {got:,}."
    elif not version.is_known:
        remedy = f"Leave the vector length empty, or update Ollama to {EMBED_DIMENSIONS} or newer, which can shorten vectors."
    return ServerError.of(
        "embed_dimensions_wrong", f"{_model(model)} returned vectors of {got:,} numbers although {wanted:,} were asked for.", remedy
    )


def unequal_lengths(model: str, first: int, other: int) -> ServerError:
    """Two texts got vectors of different lengths."""
    return ServerError.of(
        "embed_lengths_differ",
        f"{_model(model)} returned vectors of {first:,} and of {other:,} numbers in one call.",
        _CHECK_MODEL,
        family=Family.UNAVAILABLE,
    )


def too_long(place: str, found: FailureText, settings: EmbedSettings) -> ServerError:
    """A text is longer than the window and was not, or could not be, shortened. Only what can help is advised."""
    window = settings.num_ctx or found.n_ctx
    size = f" ({window:,} tokens)" if window else ""
    advice = ["use smaller chunks"]
    if settings.max_ctx is None or window is None or window < settings.max_ctx:
        advice.append("raise the context size")
    if settings.overlong is Overlong.ERROR:
        advice.append("allow long texts to be cut")
    *most, last = advice
    remedy = f"{', '.join(most)}, or {last}." if most else f"{last}."
    return ServerError.of(
        "embed_text_too_long",
        f'{place} is longer than the window{size} of the model "{printable_name(settings.model)}".',
        f"{remedy[0].upper()}{remedy[1:]}",
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


def given_up(place: str, kind: Refused, found: FailureText, error: ServerError, settings: EmbedSettings) -> ServerError:
    """The error of one text, by the kind of its last refusal."""
    return too_long(place, found, settings) if kind is Refused.OVERLONG else text_failed(place, error.problem)

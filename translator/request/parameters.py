"""The table of all model parameters: what Dify's form shows, which values are allowed, where each one goes in a request.

Values are read in `options.py`. The rows avoid the traps of Dify's parameter rules: no templates (a template replaces a default, minimum or
maximum of 0), no number of decimals (values with more decimals are refused before we see them), whole numbers as int, and a row for
everything that must arrive, as the SDK drops whatever has no rule.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from translator.request.parameter_texts import HELP, LABELS, LOCALES
from translator.versions import THINK, ServerVersion


class ParameterKind(StrEnum):
    """What a value is, in Dify's words for rule types."""

    FLOAT = "float"
    INT = "int"
    STRING = "string"
    BOOLEAN = "boolean"
    TEXT = "text"


class ParameterPlace(StrEnum):
    """Where a parameter goes."""

    OPTION = "option"
    """Into `options` of the request."""
    TOP = "top"
    """A field of the request itself."""
    OURS = "ours"
    """Nowhere: it steers the translation of the reply."""


@attrs.frozen(slots=True)
class Parameter:
    """One row. `default` is what the server does by itself, None where that depends on model, machine or version: it is shown, not sent.

    `since` is the first server that knows the parameter, None for all. `in_form` is False where Dify has its own field (`stop`); the
    library takes it all the same.
    """

    name: str
    kind: ParameterKind
    minimum: float | None = None
    maximum: float | None = None
    default: bool | int | float | str | None = None
    wire: str = attrs.field(default=attrs.Factory(lambda row: row.name, takes_self=True), kw_only=True)
    place: ParameterPlace = attrs.field(default=ParameterPlace.OPTION, kw_only=True)
    choices: tuple[str, ...] = attrs.field(default=(), kw_only=True)
    since: ServerVersion | None = attrs.field(default=None, kw_only=True)
    in_form: bool = attrs.field(default=True, kw_only=True)

    @property
    def label(self) -> Mapping[str, str]:
        """The short name in en_US, zh_Hans, ja_JP and pt_BR."""
        return dict(zip(LOCALES, LABELS[self.name], strict=True))

    @property
    def help(self) -> Mapping[str, str]:
        """One or two sentences in the same languages."""
        return dict(zip(LOCALES, HELP[self.name], strict=True))


class ThinkChoice(StrEnum):
    """Whether and how much a model thinks. `default` says nothing and lets the server decide (since 0.12.4: think)."""

    DEFAULT = "default"
    OFF = "off"
    ON = "on"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    MAX = "max"


_FLOAT, _INT, _STRING, _BOOLEAN, _TEXT = ParameterKind
_TOP, _OURS = ParameterPlace.TOP, ParameterPlace.OURS


PARAMETERS: tuple[Parameter, ...] = (
    Parameter("temperature", _FLOAT, 0, 2, 0.8),
    Parameter("top_p", _FLOAT, 0, 1, 0.9),
    Parameter("top_k", _INT, 0, None, 40),
    Parameter("min_p", _FLOAT, 0, 1, 0.0),
    Parameter("typical_p", _FLOAT, 0, 1, 1.0),
    Parameter("max_tokens", _INT, -2, None, -1, wire="num_predict"),
    Parameter("think", _STRING, default="default", place=_TOP, choices=tuple(choice.value for choice in ThinkChoice), since=THINK),
    Parameter("show_thinking", _BOOLEAN, default=True, place=_OURS),
    Parameter("repeat_penalty", _FLOAT, 0.1, 2, 1.0),
    Parameter("repeat_last_n", _INT, -1, None, 64),
    Parameter("presence_penalty", _FLOAT, -2, 2, 0.0),
    Parameter("frequency_penalty", _FLOAT, -2, 2, 0.0),
    Parameter("seed", _INT, None, None, -1),
    Parameter("stop", _TEXT, in_form=False),
    Parameter("format", _STRING, place=_TOP, choices=("json",)),
    Parameter("json_schema", _TEXT, place=_TOP, wire="format"),
    Parameter("keep_alive", _STRING, place=_TOP),
    Parameter("num_ctx", _INT, 64),
    Parameter("num_keep", _INT, -1, None, 4),
    Parameter("num_batch", _INT, 2, None, 512),
    Parameter("num_gpu", _INT, -1, None, -1),
    Parameter("main_gpu", _INT, 0),
    Parameter("num_thread", _INT, 0, None, 0),
    Parameter("use_mmap", _BOOLEAN),
    Parameter("draft_num_predict", _INT, 0),
)
"""Options of api/types.go (0.33.0) with the server's defaults (DefaultOptions).

`stop` is no rule: Dify's editor has its own field for it, and a second one would arrive as a text where Dify's daemon wants a list. Ranges
bound what makes sense and what every server takes: a `repeat_penalty` of 0 is refused by 0.33 and ends the model's process of 0.24
(`option-repeat-penalty-0`), a `num_batch` of 1 ends the one of 0.33 (`option-num-batch-1`).
"""

LARGEST_INT = 2**31 - 1
"""Whole numbers of options are 32 bits wide in llama.cpp. Not in the form: Dify would make a slider of it."""

LARGEST: Mapping[str, int] = {"num_thread": 512}
"""Smaller bounds of this kind: ggml has room for so many threads (GGML_MAX_N_THREADS); 2**31 - 1 ended the model's process of 0.33."""

BY_NAME: Mapping[str, Parameter] = {row.name: row for row in PARAMETERS}

SYNONYMS: Mapping[str, str] = {"num_predict": "max_tokens"}
"""Other names that mean the same row. Agents and older apps say `max_tokens`, Ollama's users `num_predict`."""

RETIRED: frozenset[str] = frozenset(
    {
        "numa", "num_gqa", "rope_frequency_base", "rope_frequency_scale", "embedding_only",
        "tfs_z", "penalize_newline",
        "low_vram", "f16_kv", "logits_all", "vocab_only", "use_mlock",
        "mirostat", "mirostat_tau", "mirostat_eta",
    }
)  # fmt: skip
"""Options the server once had, removed between 0.1.35 and 0.7.0; servers before 0.7.0 still check their types. Taken and not sent."""


_REPEAT_PENALTY_OFF = ServerVersion(0, 32, 10)
_REPEAT_PENALTY_OFF_ONCE = (ServerVersion(0, 17, 5), ServerVersion(0, 17, 7))


def repeat_penalty_default(version: ServerVersion) -> float:
    """1.0 since 0.32.10 and in 0.17.5 to 0.17.7, else 1.1 (api/types.go, DefaultOptions)."""
    first, last = _REPEAT_PENALTY_OFF_ONCE
    return 1.0 if version >= _REPEAT_PENALTY_OFF or first <= version <= last else 1.1


def form_parameters(
    version: ServerVersion,
    *,
    context_size: int | None = None,
    model_maximum: int | None = None,
    max_tokens: int | None = None,
) -> tuple[Parameter, ...]:
    """The rows to show for one model on one server, in order.

    `context_size` (tokens) becomes the number shown for `num_ctx`, so that switching the parameter on changes nothing by itself;
    `model_maximum` (tokens) bounds it. It has no minimum in the form: with both bounds Dify shows a slider, which goes in steps of 100 from
    the minimum and cannot meet both 4096 and 8192; with one, any number can be typed. `max_tokens` is the upper bound for that parameter
    from the saved credentials.
    """
    changes: dict[str, dict[str, Any]] = {
        "num_ctx": {"default": context_size, "minimum": None, "maximum": model_maximum},
        "max_tokens": {"maximum": max_tokens},
        "repeat_penalty": {"default": repeat_penalty_default(version)},
    }
    known = (row for row in PARAMETERS if row.in_form and (row.since is None or row.since <= version))
    return tuple(attrs.evolve(row, **changes.get(row.name, {})) for row in known)

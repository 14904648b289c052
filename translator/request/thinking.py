"""The user's setting of thinking becomes the `think` field that this server accepts for this model.

Nothing that the server is known to refuse is sent. Where that cannot be known, a refusal is followed by one more try with less
(`step_down`).
"""

from collections.abc import Mapping

import attrs

from translator.errors import RequestError
from translator.request.parameters import ThinkChoice
from translator.scalars import is_blank
from translator.shapes.wire import Think
from translator.versions import (
    FORMAT_WITHOUT_THINKING,
    NEWEST,
    THINK,
    THINK_BY_DEFAULT,
    THINK_FALSE_ANYWHERE,
    THINK_LEVELS,
    THINK_LEVELS_ANYWHERE,
    THINK_MAX,
    ServerVersion,
)

SPELLINGS: Mapping[str, ThinkChoice] = {
    **{choice.value: choice for choice in ThinkChoice},
    "auto": ThinkChoice.DEFAULT,
    "true": ThinkChoice.ON,
    "yes": ThinkChoice.ON,
    "false": ThinkChoice.OFF,
    "no": ThinkChoice.OFF,
    "none": ThinkChoice.OFF,
}
"""Texts that are understood, in any case. The server itself takes exact lower case only (0.24.0 `think-bad-value`)."""

ALWAYS_THINKING_LOWEST = ThinkChoice.LOW
"""gpt-oss cannot be switched off: with `think: false` it thinks at its default effort (0.24.0, 0.33.0 `harmony-think-false`)."""

FORMAT_SINCE: Mapping[str, ServerVersion] = {"gemma4": ServerVersion(0, 21, 1)}
"""Built-in parsers that honour `format` with `think: false` earlier than the others (server/routes.go, ChatHandler)."""


@attrs.frozen(slots=True, kw_only=True)
class Thinker:
    """What is known of the model that shall think.

    `can_think` is None where the server did not say. `always_thinks`: gpt-oss and everything else that speaks its format.
    `parser` is the name of the server's built-in parser for the model, empty where there is none. `formats_at_once`: a format holds from
    the first token on, so that thinking has no place before it (`/api/generate`).
    """

    can_think: bool | None
    always_thinks: bool = False
    parser: str = ""
    formats_at_once: bool = False
    version: ServerVersion = NEWEST


@attrs.frozen(slots=True, kw_only=True)
class ThinkPlan:
    """The field to send (None: leave it out), whether thinking is shown, and a note for the log on what was changed.

    `after_nothing` is what to try once more when thinking was all that came. `enforces_format` False: the server applies a format after
    the thinking only, and never if the model does not think this time.
    """

    think: Think | None
    show: bool = True
    note: str = ""
    after_nothing: "StepDown | None" = None
    enforces_format: bool = True


def think_choice(think: object = None, level: object = None) -> ThinkChoice:
    """The setting from the parameter `think` and the older `think_level`; "off" wins over a level, a level over "on".

    Raises RequestError that names the choices.
    """
    switch, effort = _spelled(think, "think"), _spelled(level, "think_level")
    if switch is ThinkChoice.OFF or effort is ThinkChoice.DEFAULT:
        return switch
    return effort


def _spelled(value: object, name: str) -> ThinkChoice:
    if is_blank(value):
        return ThinkChoice.DEFAULT
    word = str(value).strip().lower() if isinstance(value, str | bool) else ""
    if word in SPELLINGS:
        return SPELLINGS[word]
    raise RequestError.of("parameter_choice", f"The parameter {name} has an unknown value.", f"Choose one of {', '.join(ThinkChoice)}.")


def plan_think(choice: ThinkChoice, model: Thinker, *, structured: bool = False, show: bool = True) -> ThinkPlan:
    """What to send for a setting.

    `structured`: the answer has a format (JSON or a schema); then no thinking may be part of the text, because Dify parses the text.
    `show`: the user's wish to see the thinking.
    """
    if model.version < THINK:
        note = "this server is older than 0.9.0 and does not know the setting" if choice is not ThinkChoice.DEFAULT else ""
        return ThinkPlan(think=None, show=show and not structured, note=note)
    if structured:
        return _plan_structured(choice, model)
    think, note = _field(choice, model)
    return ThinkPlan(think=think, show=show, note=note)


def _plan_structured(choice: ThinkChoice, model: Thinker) -> ThinkPlan:
    """Thinks as asked, but hidden; thinking is off where nothing was asked, unless that would lose the format or the answer.

    The chat route applies a format after the thinking since 0.12.4 (`think-with-schema`). gpt-oss with `think: false` and a format answers
    with empty content (0.33.0 `harmony-format-think-false`; `harmony-format` is fine). Built-in parsers ignored the format with
    `think: false` before 0.31.2.
    """
    if model.always_thinks:
        think, _ = _field(choice if _asks(choice) else ALWAYS_THINKING_LOWEST, model)
        return ThinkPlan(think=think, show=False, note="hidden: this model cannot stop thinking")
    only_after = (
        model.parser and model.can_think and THINK_BY_DEFAULT <= model.version < FORMAT_SINCE.get(model.parser, FORMAT_WITHOUT_THINKING)
    )
    if _asks(choice) and model.can_think is not False and model.version >= THINK_BY_DEFAULT and not model.formats_at_once:
        think, note = _field(choice, model)
        step = None if only_after else StepDown(_off(model))
        note = note or "thinking is hidden while the answer has a format"
        return ThinkPlan(think=think, show=False, note=note, after_nothing=step, enforces_format=False)
    if only_after:
        note = "hidden: this server applies a format to this model only after thinking"
        return ThinkPlan(think=None, show=False, note=note, enforces_format=False)
    note = "thinking is off while the answer has a format" if _asks(choice) else ""
    return ThinkPlan(think=_off(model), show=False, note=note)


def _asks(choice: ThinkChoice) -> bool:
    return choice not in (ThinkChoice.DEFAULT, ThinkChoice.OFF)


def _field(choice: ThinkChoice, model: Thinker) -> tuple[Think | None, str]:
    """The field for an answer without a format, and a note on what was changed."""
    if choice is ThinkChoice.DEFAULT:
        return None, ""
    if choice is ThinkChoice.OFF and model.always_thinks:
        return _level(ALWAYS_THINKING_LOWEST, model), "this model cannot stop thinking; it thinks as little as possible"
    if choice is ThinkChoice.OFF:
        return _off(model), ""
    if model.can_think is False:
        return None, "this model does not think; the setting was not sent"
    sent = True if choice is ThinkChoice.ON else _level(choice, model)
    return sent, _level_note(choice, sent)


def _off(model: Thinker) -> Think | None:
    """False, except where nothing has to be switched off or 0.12.4 would refuse it for a model that does not think."""
    if model.can_think is False:
        return None
    refused = model.can_think is None and THINK_BY_DEFAULT <= model.version < THINK_FALSE_ANYWHERE
    return None if refused else False


def _level(choice: ThinkChoice, model: Thinker) -> Think:
    """The level as far as this server takes it: bool only before 0.11.0, levels for gpt-oss only before 0.17.7, `max` since 0.22.0."""
    if model.version < (THINK_LEVELS if model.always_thinks else THINK_LEVELS_ANYWHERE):
        return True
    if choice is ThinkChoice.MAX and model.version < THINK_MAX:
        return ThinkChoice.HIGH.value
    return choice.value


def _level_note(choice: ThinkChoice, sent: Think) -> str:
    if choice is ThinkChoice.ON or sent == choice.value:
        return ""
    if sent is True:
        return "this server takes no level for this model; thinking is on"
    return f"this server does not know the level {choice.value}; {sent} was sent"


@attrs.frozen(slots=True)
class StepDown:
    """One more try: the `think` to send instead (None: leave it out)."""

    think: Think | None


NO_THINKING, BAD_LEVEL, NO_LEVEL = "no_thinking", "think_level", "think_level_too_new"
"""Codes of the catalogue: the model does not think; the server does not know the level; it knows none, or none for this model."""


def step_down(code: str, think: Think | None) -> StepDown | None:
    """What to try once more after a refusal with this code; None when the refusal is about something else than `think`.

    `does not support thinking` (0.24.0 `error-no-thinking`): without the field. A level the server does not know (0.9.6 `think-high`:
    a bool wanted; 0.24.0 `think-bad-value`: other words wanted): `max` becomes `high` where levels are known, else plain thinking.
    """
    if think is None:
        return None
    if code == NO_THINKING:
        return StepDown(None)
    if isinstance(think, bool) or code not in {BAD_LEVEL, NO_LEVEL}:
        return None
    return StepDown(ThinkChoice.HIGH.value if code == BAD_LEVEL and think == ThinkChoice.MAX.value else True)

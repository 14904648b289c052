"""What a row of the error catalogue is, and how one is found and filled in.

Enters: a `Refusal` (status, moment, unwrapped text, route, model). Leaves: the first `Entry` that fits it, and the `Problem` made
from the entry's two sentences. Rows hold templates, never code; the facts they may name are listed in `FACTS`, and named groups of
a row's own pattern may be used too. Every fact that comes from outside is made quotable first.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import attrs

from translator.errors import Family, Problem
from translator.failures.bodies import FailureText, Shape
from translator.failures.proxies import NO_PROXY, Part, Proxy
from translator.failures.quoting import printable_name, quotable

FACTS = ("model", "name", "route", "status", "numbers", "said", "proxy", "passed")
"""What a template may name: `model` 'the model "x"', `name` the bare name, `route` the path, `status` the HTTP status,
`numbers` " (15,001 tokens, the window holds 512)" or nothing, `said` ' The server said: "..."' or nothing, `proxy` "a proxy (nginx)",
`passed` " A proxy (nginx) in between may have made this reply itself." or nothing where the reply tells of no proxy."""

PASSED: Mapping[Part, str] = {
    Part.NONE: "",
    Part.PASSED: "{proxy} in between may have made this reply itself.",
    Part.WROTE: "{proxy} in between made this reply, not the server.",
}
SPEAKERS: Mapping[Part, str] = {Part.NONE: "server", Part.PASSED: "server", Part.WROTE: "proxy"}


class Moment(StrEnum):
    """When a server refuses. The same words mean another thing in the middle of an answer than instead of one."""

    REPLY = "instead of an answer"
    STREAM = "in a stream"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


def _statuses(statuses: Iterable[int]) -> frozenset[int]:
    return frozenset(statuses)


def _shapes(shapes: Iterable[Shape]) -> frozenset[Shape]:
    return frozenset(shapes)


def _parts(parts: Iterable[Part]) -> frozenset[Part]:
    return frozenset(parts)


def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


@attrs.frozen(slots=True, kw_only=True)
class Entry:
    """One row. It fits when every column that is not empty fits; of `patterns` one is enough."""

    code: str
    """Stable name for programs. Rows may share one when they differ in wording only."""
    statuses: frozenset[int] = attrs.field(default=frozenset(), converter=_statuses)
    """HTTP statuses; empty means any, including 200 for an error inside a stream."""
    patterns: tuple[re.Pattern[str], ...] = attrs.field(default=(), converter=_compiled)
    """Searched in the sentence and its machine-readable type, case ignored."""
    shapes: frozenset[Shape] = attrs.field(default=frozenset(), converter=_shapes)
    route: re.Pattern[str] = attrs.field(default="", converter=_pattern)
    """Searched in the path, such as `rerank` or `^/api/embed`."""
    model: re.Pattern[str] = attrs.field(default="", converter=_pattern)
    moment: Moment | None = None
    """None means any. A status alone does not tell: a line of a stream may name one."""
    signin: bool = False
    """Fits only when the body offers a sign-in address."""
    parts: frozenset[Part] = attrs.field(default=frozenset(), converter=_parts)
    """What a proxy that the headers tell of had to do with the reply."""
    family: Family
    retryable: bool = False
    """The same request may succeed within seconds, as long as no byte of an answer was read."""
    cause: str
    remedy: str
    source: str
    """Where the wording comes from: a recording by server version and name, or an upstream file."""


@attrs.frozen(slots=True, kw_only=True)
class Refusal:
    """One refusal as rows see it. `status` is 200 for an error inside a stream, unless the error names another."""

    status: int
    found: FailureText
    moment: Moment = Moment.REPLY
    route: str = ""
    model: str = ""
    proxy: Proxy = NO_PROXY


def first_match(entries: Iterable[Entry], refusal: Refusal) -> tuple[Entry, dict[str, str]]:
    """The first row that fits, and what the named groups of its pattern caught.

    Raises LookupError when no row fits, which the last row of the catalogue excludes.
    """
    haystack = f"{refusal.found.text}\n{refusal.found.type}"
    for entry in entries:
        groups = _searched(entry, haystack) if _fits(entry, refusal) else None
        if groups is not None:
            return entry, groups
    raise LookupError("the error catalogue has no last row")


def filled(entry: Entry, facts: dict[str, str]) -> Problem:
    """The entry's sentences with the facts put in. Facts are never read as templates."""
    return Problem(
        code=entry.code,
        family=entry.family,
        cause=_sentence(entry.cause.format_map(facts)),
        remedy=_sentence(entry.remedy.format_map(facts)),
    )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def facts_of(refusal: Refusal, groups: dict[str, str]) -> dict[str, str]:
    """Every fact a template may name, safe to show."""
    shown = {key: quotable(value) for key, value in groups.items()}
    name = printable_name(refusal.model or shown.get("found", ""))
    said, part = quotable(refusal.found.text), refusal.proxy.part
    return shown | {
        "model": f'the model "{name}"' if name else "the model",
        "name": name or "NAME",
        "route": refusal.route or "this path",
        "status": str(refusal.status),
        "numbers": _numbers(refusal.found),
        "said": f' The {SPEAKERS[part]} said: "{said.replace('"', "'")}".' if said else "",
        "proxy": refusal.proxy.shown,
        "passed": sentence(PASSED[part], refusal.proxy),
    }


def sentence(template: str, proxy: Proxy) -> str:
    """A further sentence about `proxy`, with a space before it; nothing where there is nothing to say."""
    return f" {_sentence(template.format(proxy=proxy.shown))}" if template else ""


def _fits(entry: Entry, refusal: Refusal) -> bool:
    return (
        (not entry.statuses or refusal.status in entry.statuses)
        and (not entry.shapes or refusal.found.kind in entry.shapes)
        and entry.moment in (None, refusal.moment)
        and (not entry.signin or refusal.found.signin)
        and (not entry.parts or refusal.proxy.part in entry.parts)
        and entry.route.search(refusal.route) is not None
        and entry.model.search(refusal.model) is not None
    )


def _searched(entry: Entry, haystack: str) -> dict[str, str] | None:
    if not entry.patterns:
        return {}
    seen = next(filter(None, (pattern.search(haystack) for pattern in entry.patterns)), None)
    return None if seen is None else {key: value or "" for key, value in seen.groupdict().items()}


def _numbers(found: FailureText) -> str:
    match found.n_prompt_tokens, found.n_ctx:
        case int(prompt), int(window):
            return f" ({prompt:,} tokens, the window holds {window:,})"
        case _, int(window):
            return f" (the window holds {window:,} tokens)"
        case int(prompt), _:
            return f" ({prompt:,} tokens)"
        case _:
            return ""

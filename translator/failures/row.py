"""Rows of an error catalogue: their columns, how the row of a refusal is found, and how its text is filled in.

A constructor per Dify error (`bad_request`, `unavailable`, ...) takes what a row is recognised by and where the wording comes from; `says`
adds the two sentences that people read: what happened, and what to do. The sentences are templates, which may name the facts listed in
`FACTS` and the named groups of the row's own patterns. Everything that comes from a server is made quotable before it is shown.
"""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache, partial
from typing import Any

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


def _statuses(given: int | Iterable[int]) -> frozenset[int]:
    return frozenset([given] if isinstance(given, int) else given)


_compiled = cache(re.compile)
"""At first use: all patterns of the catalogues would be a tenth of the time until the first answer of a process."""


@attrs.frozen(slots=True, kw_only=True)
class Row:
    """One row. It fits when every column that is not empty fits; of `patterns` one is enough."""

    family: Family
    code: str
    """Stable name for programs. Rows may share one when they differ in wording only."""
    patterns: tuple[str, ...]
    """Searched in the sentence and its machine-readable type, case ignored."""
    source: str
    """Where the wording comes from: a recording by server version and name, or an upstream file."""
    statuses: frozenset[int] = attrs.field(default=frozenset[int](), converter=_statuses)
    """HTTP statuses; empty means any, including 200 for an error inside a stream."""
    shapes: frozenset[Shape] = attrs.field(default=frozenset[Shape](), converter=frozenset)
    route: str = ""
    """A pattern, searched in the path, such as `rerank` or `^/api/embed`."""
    model: str = ""
    moment: Moment | None = None
    """None means any. A status alone does not tell: a line of a stream may name one."""
    signin: bool = False
    """Fits only when the body offers a sign-in address."""
    parts: frozenset[Part] = attrs.field(default=frozenset[Part](), converter=frozenset)
    """What a proxy that the headers tell of had to do with the reply."""
    retryable: bool = False
    """The same request may succeed within seconds, as long as no byte of an answer was read."""
    cause: str = ""
    remedy: str = ""

    def says(self, cause: str, remedy: str) -> "Row":
        """The same row with its two sentences."""
        return attrs.evolve(self, cause=cause, remedy=remedy)


def _row(family: Family, code: str, *patterns: str, **columns: Any) -> Row:
    return Row(family=family, code=code, patterns=patterns, **columns)


bad_request = partial(_row, Family.BAD_REQUEST)
"""A row for what the user or the request has to change."""
unavailable = partial(_row, Family.UNAVAILABLE)
"""A row for the server's own trouble."""
rate_limited = partial(_row, Family.RATE_LIMIT)
"""A row for an allowance or a number of requests that is used up."""
unauthorized = partial(_row, Family.AUTHORIZATION)
"""A row for a key that is not accepted. Dify hides the text of these errors when a model runs."""


@attrs.frozen(slots=True, kw_only=True)
class Refusal:
    """One refusal as rows see it. `status` is 200 for an error inside a stream, unless the error names another."""

    status: int
    found: FailureText
    moment: Moment = Moment.REPLY
    route: str = ""
    model: str = ""
    proxy: Proxy = NO_PROXY


def first_match(rows: Iterable[Row], refusal: Refusal) -> tuple[Row, dict[str, str]]:
    """The first row that fits, and what the named groups of its pattern caught.

    Raises LookupError when no row fits, which the last row of the catalogue excludes.
    """
    haystack = f"{refusal.found.text}\n{refusal.found.type}"
    for row in rows:
        groups = _searched(row, haystack) if _fits(row, refusal) else None
        if groups is not None:
            return row, groups
    raise LookupError("the error catalogue has no last row")


def _fits(row: Row, refusal: Refusal) -> bool:
    return (
        (not row.statuses or refusal.status in row.statuses)
        and (not row.shapes or refusal.found.kind in row.shapes)
        and row.moment in (None, refusal.moment)
        and (not row.signin or refusal.found.signin)
        and (not row.parts or refusal.proxy.part in row.parts)
        and _compiled(row.route).search(refusal.route) is not None
        and _compiled(row.model).search(refusal.model) is not None
    )


def _searched(row: Row, haystack: str) -> dict[str, str] | None:
    if not row.patterns:
        return {}
    seen = next(filter(None, (_compiled(pattern, re.IGNORECASE).search(haystack) for pattern in row.patterns)), None)
    return None if seen is None else {key: value or "" for key, value in seen.groupdict().items()}


def filled(row: Row, facts: dict[str, str]) -> Problem:
    """The row's sentences with the facts put in. Facts are never read as templates."""
    return Problem(
        code=row.code,
        family=row.family,
        cause=_capitalized(row.cause.format_map(facts)),
        remedy=_capitalized(row.remedy.format_map(facts)),
    )


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
        "passed": proxy_sentence(PASSED[part], refusal.proxy),
    }


def proxy_sentence(template: str, proxy: Proxy) -> str:
    """The sentence about `proxy` with a space before it; "" for an empty template."""
    return f" {_capitalized(template.format(proxy=proxy.shown))}" if template else ""


def _capitalized(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _numbers(found: FailureText) -> str:
    match found.n_prompt_tokens, found.n_ctx:
        case None, None if found.n_excess is not None:
            return f" ({found.n_excess:,} tokens too many)"
        case int(prompt), int(window):
            return f" ({prompt:,} tokens, the window holds {window:,})"
        case _, int(window):
            return f" (the window holds {window:,} tokens)"
        case int(prompt), _:
            return f" ({prompt:,} tokens)"
        case _:
            return ""

"""The error catalogue: every failure of a server that this library knows, in the order in which it is looked for.

Enters: a `Refusal`. Leaves: a `Problem` with a code, the family of Dify errors, a cause and a remedy. The table is the
concatenation of the sections below, one file each; the first row that fits wins, so rows that know a text stand before rows that
only know a status, and the last section fits everything. `docs/errors.md` is generated from it. Rerank services have a catalogue of
their own, `rerank_catalogue`.

Families follow what Dify does with them: an authorization error loses its text at invoke time (Dify shows a general sentence about
credentials), so it is used only for what may be about the key. Sign-in, plan, subscription, disabled cloud and the empty 403 of the
host check are bad requests, because their remedy has to be read.
"""

import attrs

from translator.errors import Problem
from translator.failures.cloud import CLOUD
from translator.failures.entry import Entry, Refusal, facts_of, filled, first_match
from translator.failures.http import FALLBACK, HTTP
from translator.failures.models import MODELS
from translator.failures.proxy_rows import PROXY
from translator.failures.requests import REQUESTS
from translator.failures.runner import RUNNER
from translator.failures.stream import STREAM


@attrs.frozen(slots=True, kw_only=True)
class Section:
    """Rows about one subject, with the heading of the docs page."""

    title: str
    entries: tuple[Entry, ...]


SECTIONS: tuple[Section, ...] = (
    Section(title="ollama.com", entries=CLOUD),
    Section(title="The model", entries=MODELS),
    Section(title="The request", entries=REQUESTS),
    Section(title="Running the model", entries=RUNNER),
    Section(title="Proxies", entries=PROXY),
    Section(title="Addresses and keys", entries=HTTP),
    Section(title="Anything else", entries=FALLBACK),
)

CATALOGUE: tuple[Entry, ...] = tuple(entry for section in SECTIONS for entry in section.entries)

STREAM_FAULTS: dict[str, Entry] = {entry.code: entry for entry in STREAM}

RETRYABLE: frozenset[str] = frozenset(entry.code for entry in CATALOGUE if entry.retryable)
"""Codes worth another try, and only while no byte of an answer was read: 502, 503, 504 and the 429 of concurrency."""


def problem_of(refusal: Refusal) -> Problem:
    """The catalogue's word on a refusal; never raises."""
    entry, groups = first_match(CATALOGUE, refusal)
    return filled(entry, facts_of(refusal, groups))

"""The error catalogue: every failure of a server that this library knows, in the order in which it is looked for.

The table is the concatenation of the sections below, one file each; the first row that fits wins, so rows that know a text stand before
rows that only know a status, and the last section fits everything. `docs/errors.md` is generated from it. Rerank services have a catalogue
of their own, `translator/rerank/catalogue.py`.

Families follow what Dify does with them: an authorization error loses its text at invoke time (Dify shows a general sentence about
credentials), so it is used only for what may be about the key. Sign-in, plan, subscription, disabled cloud and the empty 403 of the
host check are bad requests, because their remedy has to be read.
"""

from collections.abc import Mapping

from translator.errors import Problem
from translator.failures.cloud import CLOUD
from translator.failures.http import FALLBACK, HTTP
from translator.failures.models import MODELS
from translator.failures.proxy_rows import PROXY
from translator.failures.requests import REQUESTS
from translator.failures.row import Refusal, Row, facts_of, filled, first_match
from translator.failures.runner import RUNNER
from translator.failures.stream import STREAM

SECTIONS: Mapping[str, tuple[Row, ...]] = {
    "ollama.com": CLOUD,
    "The model": MODELS,
    "The request": REQUESTS,
    "Running the model": RUNNER,
    "Proxies": PROXY,
    "Addresses and keys": HTTP,
    "Anything else": FALLBACK,
}
"""Rows by subject, which is the heading on the docs page."""

CATALOGUE: tuple[Row, ...] = tuple(row for rows in SECTIONS.values() for row in rows)

STREAM_FAULTS: dict[str, Row] = {row.code: row for row in STREAM}

RETRYABLE: frozenset[str] = frozenset(row.code for row in CATALOGUE if row.retryable)
"""Codes worth another try, and only while no byte of an answer was read: 502, 503, 504 and the 429 of concurrency."""

LOADING: frozenset[str] = frozenset({"queue_full", "model_loading", "rerank_loading"})
"""Codes of a server that refuses until a model is loaded, which may take minutes. Ollama's queue holds only requests for models that are
not loaded yet (server/sched.go); those for a loaded model wait without a limit. So a full queue means that a load is under way."""


def problem_of(refusal: Refusal) -> Problem:
    """Cause and remedy of a refusal; never raises."""
    row, groups = first_match(CATALOGUE, refusal)
    return filled(row, facts_of(refusal, groups))

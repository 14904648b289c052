"""What a row of checks of one server means: the findings in one sentence, and an exit code.

The first thing that is wrong is the trouble; an address that was found to answer is better advice than any general one. Whoever made the
findings did the talking to servers.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import attrs

from translator.diagnosis.one_sentence import continuing, one_sentence, without_stop
from translator.errors import TranslatorError


class Layer(StrEnum):
    """What is looked at, in this order; the value is the word shown."""

    ADDRESS = "address"
    PROXY = "proxy"
    NAME = "name"
    TCP = "connection"
    TLS = "encryption"
    HTTP = "HTTP"
    SERVER = "server"
    VERSION = "version"
    KEY = "key"
    MODELS = "models"
    MODEL = "model"
    LOADED = "memory"
    CONTAINER = "container"
    ELSEWHERE = "elsewhere"


EXIT_CODES: Mapping[Layer, int] = {step: code for code, step in enumerate(Layer, start=10)}
"""The exit code for trouble at a step: 10 for the address, 11 for the proxy and so on, so that a script can tell them apart. 0 is all
well; the numbers between are left to the shell and to the command line itself."""

TROUBLES: Mapping[Layer, str] = {
    Layer.ADDRESS: "the base URL, the key or the certificate cannot be used as given",
    Layer.NAME: "the name of the host leads to no address",
    Layer.TCP: "nobody accepts a connection",
    Layer.TLS: "no encrypted connection comes about, or the certificate is not trusted",
    Layer.HTTP: "the server, or a proxy before it, does not answer, answers nonsense or refuses",
    Layer.SERVER: "something else than Ollama answers",
    Layer.KEY: "the key is missing or not accepted",
    Layer.MODELS: "the server has no models, or does not list them",
    Layer.MODEL: "the model is missing, or its description is unusable",
}
"""What the exit code of a step means; at the other steps only the time can run out."""


@attrs.frozen(slots=True, kw_only=True)
class Finding:
    """What one check found: a sentence, and a remedy where something can be done.

    `address` is a base URL that was found to answer; `details` are lines below the sentence. `is_note`: neither good nor bad. `is_guess`:
    the remedy says where the server may be, and what is found when that is tried says more.
    """

    step: Layer
    ok: bool
    sentence: str
    remedy: str = ""
    address: str = ""
    details: tuple[str, ...] = ()
    is_note: bool = False
    is_guess: bool = False

    @classmethod
    def of_error(cls, step: Layer, error: TranslatorError) -> "Finding":
        """Something is wrong, as the error says."""
        return cls(step=step, ok=False, sentence=error.problem.cause, remedy=error.problem.remedy)


@attrs.frozen(slots=True, kw_only=True)
class Diagnosis:
    """All findings, what they mean, and the exit code for it."""

    findings: tuple[Finding, ...]
    sentence: str
    exit_code: int


def trouble_in(findings: Sequence[Finding]) -> Finding | None:
    """The first thing that is wrong; what follows it is its consequence."""
    return next((finding for finding in findings if not finding.ok), None)


def conclude(findings: Sequence[Finding], *, place: str, model: str = "") -> Diagnosis:
    """The diagnosis for a server at `place` (scheme, host and port), and for a model where one was named."""
    trouble = trouble_in(findings)
    if trouble is None:
        return Diagnosis(findings=tuple(findings), sentence=_all_is_well(findings, place, model), exit_code=0)
    elsewhere = next((finding for finding in findings if finding.step is Layer.ELSEWHERE), None)
    if elsewhere is None or not (elsewhere.address or trouble.is_guess):
        sentence = one_sentence(trouble.sentence, trouble.remedy)
    elif elsewhere.address:
        sentence = _found_elsewhere(trouble, elsewhere.address)
    else:
        sentence = one_sentence(trouble.sentence, elsewhere.remedy)
    return Diagnosis(findings=tuple(findings), sentence=sentence, exit_code=EXIT_CODES[trouble.step])


def _found_elsewhere(trouble: Finding, address: str) -> str:
    """An address that answers is the cure, whatever the general remedy is."""
    return f"{without_stop(one_sentence(trouble.sentence))}, but Ollama answers at {address}: use that as the base URL."


def _all_is_well(findings: Sequence[Finding], place: str, model: str) -> str:
    ready = f'Ollama at {place} is ready and has the model "{model}"' if model else f"Ollama at {place} is ready"
    notes = "; ".join(without_stop(continuing(one_sentence(finding.sentence, finding.remedy))) for finding in findings if finding.remedy)
    return f"{ready}, but {notes}." if notes else f"{ready}."

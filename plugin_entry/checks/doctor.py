"""The connection doctor: runs one check after the other and concludes what is wrong.

The command line runs all checks; the check of credentials runs `CONNECTION_CHECKS` and uses only the sentence. A new check is a function
and a row.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from enum import StrEnum

import attrs

from plugin_entry.checks import doctor_models, doctor_network, doctor_server
from plugin_entry.checks.probing import Examination, ProbeLimits, Surroundings, read_surroundings
from plugin_entry.network.connections import new_session
from plugin_entry.network.names import NameLookups
from plugin_entry.network.server import Server
from translator.diagnosis.conclusion import Diagnosis, Finding, Layer, conclude, trouble_in


class When(StrEnum):
    """When a check makes sense."""

    WHILE_WELL = "while nothing is wrong"
    AFTER_TROUBLE = "once something is wrong"
    ALWAYS = "always"


@attrs.frozen(slots=True)
class Check:
    """One row: what is looked at, when, and by what."""

    step: Layer
    when: When
    look: Callable[[Examination], Awaitable[Finding | None]]


CHECKS: tuple[Check, ...] = (
    Check(Layer.PROXY, When.WHILE_WELL, doctor_network.check_proxy),
    Check(Layer.NAME, When.WHILE_WELL, doctor_network.check_name),
    Check(Layer.TCP, When.WHILE_WELL, doctor_network.check_connection),
    Check(Layer.TLS, When.WHILE_WELL, doctor_network.check_encryption),
    Check(Layer.HTTP, When.WHILE_WELL, doctor_server.check_http),
    Check(Layer.SERVER, When.WHILE_WELL, doctor_server.check_server),
    Check(Layer.VERSION, When.WHILE_WELL, doctor_server.check_version),
    Check(Layer.KEY, When.WHILE_WELL, doctor_server.check_key),
    Check(Layer.MODELS, When.WHILE_WELL, doctor_models.check_models),
    Check(Layer.MODEL, When.WHILE_WELL, doctor_models.check_model),
    Check(Layer.LOADED, When.WHILE_WELL, doctor_models.check_loaded),
    Check(Layer.CONTAINER, When.ALWAYS, doctor_network.check_container),
    Check(Layer.ELSEWHERE, When.AFTER_TROUBLE, doctor_network.check_elsewhere),
)

ABOUT_MODELS = frozenset({Layer.VERSION, Layer.KEY, Layer.MODELS, Layer.MODEL, Layer.LOADED})
CONNECTION_CHECKS = tuple(check for check in CHECKS if check.step not in ABOUT_MODELS)
"""Why a server cannot be reached, for a form that must answer soon."""

CURABLE_ELSEWHERE = frozenset({Layer.NAME, Layer.TCP, Layer.TLS, Layer.HTTP, Layer.SERVER})
"""Troubles for which another address may be the cure."""


OUT_OF_TIME = "The examination ended after"
IN_A_HURRY = ProbeLimits(connect=2.0, answer=3.0, guess=1.0)


def silent(_: Finding) -> None:
    """The `tell` of callers that only want the diagnosis."""


async def diagnose(
    server: Server,
    *,
    model: str = "",
    checks: Sequence[Check] = CHECKS,
    limits: ProbeLimits | None = None,
    budget_s: float = 60.0,
    surroundings: Surroundings | None = None,
    tell: Callable[[Finding], None] = silent,
    lookups: NameLookups | None = None,
) -> Diagnosis:
    """Examines a server within `budget_s` seconds; `tell` is given each finding at once. Raises nothing of its own.

    Runs on any event loop and opens a session of its own, so that it neither uses nor spoils a connection of others; `lookups` are those of
    the loop, if it has some.
    """
    findings: list[Finding] = []
    begun: list[Check] = []
    async with new_session(lookups or NameLookups(), keep=False) as session:
        exam = Examination(
            server=server,
            model=model,
            surroundings=surroundings or read_surroundings(),
            limits=limits or ProbeLimits(connect=server.limits.connect or ProbeLimits().connect),
            session=session,
        )
        try:
            async with asyncio.timeout(budget_s):
                async for finding in _findings(exam, checks, begun):
                    findings.append(finding)
                    tell(finding)
        except TimeoutError:
            findings.append(_out_of_time(begun, findings, budget_s))
            tell(findings[-1])
        finally:
            exam.give_up()
    return conclude(findings, place=server.place, model=model)


async def why_unreachable(server: Server, budget_s: float, lookups: NameLookups) -> str:
    """The sentence for a form: what is wrong with the way to the server, "" when nothing is found in time. Raises nothing of its own."""
    diagnosis = await diagnose(server, checks=CONNECTION_CHECKS, limits=IN_A_HURRY, budget_s=budget_s, lookups=lookups)
    trouble = trouble_in(diagnosis.findings)
    return "" if trouble is None or trouble.sentence.startswith(OUT_OF_TIME) else diagnosis.sentence


async def _findings(exam: Examination, checks: Sequence[Check], begun: list[Check]) -> AsyncIterator[Finding]:
    """One finding after the other; the last of `begun` is the check under way."""
    trouble: Finding | None = None
    for check in checks:
        if not _applies(check, trouble):
            continue
        begun.append(check)
        finding = await check.look(exam)
        if finding is not None:
            trouble = trouble or (None if finding.ok else finding)
            yield finding


def _applies(check: Check, trouble: Finding | None) -> bool:
    if check.when is When.ALWAYS:
        return True
    if check.when is When.WHILE_WELL:
        return trouble is None
    return trouble is not None and trouble.step in CURABLE_ELSEWHERE


def _out_of_time(begun: Sequence[Check], findings: Sequence[Finding], budget_s: float) -> Finding:
    """The last finding; no trouble of its own when the trouble is known."""
    known = trouble_in(findings)
    return Finding(
        step=begun[-1].step,
        ok=known is not None,
        sentence=f"{OUT_OF_TIME} {budget_s:.1f} seconds, before all was looked at.",
        remedy="" if known else "The server is very slow to answer: try again when it is less busy.",
    )

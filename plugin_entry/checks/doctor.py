"""The connection doctor: runs one check after the other and concludes what is wrong.

The command line runs all checks; the check of credentials runs `CONNECTION_CHECKS` and uses only the sentence. A new check is a function
and a row.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from plugin_entry.checks import doctor_models, doctor_network, doctor_server
from plugin_entry.checks.probing import Examination, ProbeLimits, Surroundings, read_surroundings
from plugin_entry.network.connections import new_session
from plugin_entry.network.names import NameLookups
from plugin_entry.network.server import Server
from translator.diagnosis.conclusion import Diagnosis, Finding, Layer, conclude, trouble_in

type Check = Callable[[Examination], Awaitable[Finding | None]]

CHECKS: Mapping[Layer, Check] = {
    Layer.PROXY: doctor_network.check_proxy,
    Layer.NAME: doctor_network.check_name,
    Layer.TCP: doctor_network.check_connection,
    Layer.TLS: doctor_network.check_encryption,
    Layer.HTTP: doctor_server.check_http,
    Layer.SERVER: doctor_server.check_server,
    Layer.VERSION: doctor_server.check_version,
    Layer.KEY: doctor_server.check_key,
    Layer.MODELS: doctor_models.check_models,
    Layer.MODEL: doctor_models.check_model,
    Layer.LOADED: doctor_models.check_loaded,
    Layer.CONTAINER: doctor_network.check_container,
    Layer.ELSEWHERE: doctor_network.check_elsewhere,
}
"""What is looked at, in this order, and by what. `_applies` says when."""

ABOUT_MODELS = frozenset({Layer.VERSION, Layer.KEY, Layer.MODELS, Layer.MODEL, Layer.LOADED})
CONNECTION_CHECKS = {step: check for step, check in CHECKS.items() if step not in ABOUT_MODELS}
"""Why a server cannot be reached, for a form that must answer soon."""

CURABLE_ELSEWHERE = frozenset({Layer.NAME, Layer.TCP, Layer.TLS, Layer.HTTP, Layer.SERVER})
"""Troubles for which another address may be the cure."""


OUT_OF_TIME = "The examination ended after"
IN_A_HURRY = ProbeLimits(connect=2.0, answer=3.0, guess=1.0)


async def diagnose(
    server: Server,
    *,
    model: str = "",
    checks: Mapping[Layer, Check] = CHECKS,
    limits: ProbeLimits | None = None,
    budget_s: float = 60.0,
    surroundings: Surroundings | None = None,
    tell: Callable[[Finding], object] = lambda _: None,
    lookups: NameLookups | None = None,
) -> Diagnosis:
    """Examines a server within `budget_s` seconds; `tell` is given each finding at once. Raises nothing of its own.

    Runs on any event loop and opens a session of its own, so that it neither uses nor spoils a connection of others; `lookups` are those of
    the loop, if it has some.
    """
    findings: list[Finding] = []
    step = Layer.PROXY
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
                for step, check in checks.items():
                    if _applies(step, trouble_in(findings)) and (finding := await check(exam)):
                        findings.append(finding)
                        tell(finding)
        except TimeoutError:
            findings.append(_out_of_time(step, trouble_in(findings), budget_s))
            tell(findings[-1])
        finally:
            exam.give_up()
    return conclude(findings, place=server.place, model=model)


async def why_unreachable(server: Server, budget_s: float, lookups: NameLookups) -> str:
    """The sentence for a form: what is wrong with the way to the server, "" when nothing is found in time. Raises nothing of its own."""
    diagnosis = await diagnose(server, checks=CONNECTION_CHECKS, limits=IN_A_HURRY, budget_s=budget_s, lookups=lookups)
    trouble = trouble_in(diagnosis.findings)
    return "" if trouble is None or trouble.sentence.startswith(OUT_OF_TIME) else diagnosis.sentence


def _applies(step: Layer, trouble: Finding | None) -> bool:
    """What is behind a trouble is not looked at; the container always is, and other addresses where one of them may be the cure."""
    if step is Layer.ELSEWHERE:
        return trouble is not None and trouble.step in CURABLE_ELSEWHERE
    return trouble is None or step is Layer.CONTAINER


def _out_of_time(step: Layer, trouble: Finding | None, budget_s: float) -> Finding:
    """The last finding; no trouble of its own when the trouble is known."""
    return Finding(
        step=step,
        ok=trouble is not None,
        sentence=f"{OUT_OF_TIME} {budget_s:.1f} seconds, before all was looked at.",
        remedy="" if trouble else "The server is very slow to answer: try again when it is less busy.",
    )

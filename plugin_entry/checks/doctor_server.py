"""The doctor's checks of the server over HTTP: whether it answers, who it is, which version, and whether it takes the key.

Each check gives one finding, or None where there is nothing to say. Nothing here loads a model or generates a word.
"""

from plugin_entry.checks.doctor_network import speaks_tls
from plugin_entry.checks.probing import Examination, answers_to
from translator import versions
from translator.diagnosis.conclusion import Finding, Layer
from translator.diagnosis.model_kinds import ME, cloud_key_missing, cloud_key_refused
from translator.diagnosis.server_kinds import FURTHER_ROUTES, TAGS, VERSION
from translator.diagnosis.unanswered import is_let_in, is_open_who, refusal_in, remedy_for, replies_in, why_unusable, withheld
from translator.errors import Family, ServerError
from translator.failures.bodies import proxy_named_in
from translator.failures.build import https_expected
from translator.response.capabilities import version_text
from translator.shapes.exchange import HttpReply
from translator.versions import ServerVersion

HUNG_UP = frozenset({"connection_reset", "connect_reset", "response_invalid"})
"""Codes of a server that closes the connection, or answers what is no HTTP: many that speak TLS alone do so when they read HTTP."""

MISSING_BEFORE: tuple[tuple[ServerVersion, str], ...] = (
    (versions.CAPABILITIES, "does not say what its models can do"),
    (versions.STREAMED_TOOLS, "does not stream while tools are offered"),
    (versions.THINK, "cannot switch thinking on or off"),
    (versions.TRUNCATE, "shortens prompts that are too long without a word"),
)
"""What servers older than a version lack, as a user notices it."""


async def check_http(exam: Examination) -> Finding | None:
    """Whether the server answers at all, and does not refuse us; one good answer of two is enough."""
    answers = await answers_to(exam, (VERSION, TAGS))
    refusal = refusal_in(answers)
    if refusal is None:
        reply = next(reply for reply in replies_in(answers).values() if is_let_in(reply))
        return Finding(step=Layer.HTTP, ok=True, sentence=f"The server answers over HTTP{_way(reply)}.")
    if refusal.code in HUNG_UP and await speaks_tls(exam):
        return Finding.of_error(Layer.HTTP, https_expected())
    if exam.base_url.is_cloud or refusal.family is not Family.AUTHORIZATION:
        return Finding.of_error(Layer.KEY if refusal.family is Family.AUTHORIZATION else Layer.HTTP, refusal)
    return await check_server(exam)


async def check_server(exam: Examination) -> Finding | None:
    """Whether it is Ollama, else what it is."""
    if exam.base_url.is_cloud:
        return Finding(step=Layer.SERVER, ok=True, sentence="It is Ollama's cloud.")
    answers = await answers_to(exam, (VERSION, TAGS))
    if is_open_who(answers):
        answers |= await answers_to(exam, FURTHER_ROUTES)
    if error := why_unusable(answers, exam.server.place):
        return Finding.of_error(Layer.KEY if error.family is Family.AUTHORIZATION else Layer.SERVER, error)
    return Finding(step=Layer.SERVER, ok=True, sentence="It is Ollama.")


async def check_version(exam: Examination) -> Finding | None:
    """The version, and what a person misses in an old one; the cloud is always the newest."""
    if exam.base_url.is_cloud:
        return None
    answer = (await answers_to(exam, (VERSION,)))[VERSION]
    said = version_text(answer.body) if isinstance(answer, HttpReply) and answer.status == 200 else ""
    if not said:
        sentence = f"Its version is unknown, as {withheld(VERSION, answer)}, and counts as the newest."
        return Finding(step=Layer.VERSION, ok=True, is_note=True, sentence=sentence, remedy=remedy_for(answer))
    version = ServerVersion.parse(said)
    if not version.is_known:
        return Finding(step=Layer.VERSION, ok=True, sentence="Its version is that of a build from source, which counts as the newest.")
    missing = [what for since, what in MISSING_BEFORE if version < since]
    if missing:
        sentence, remedy = f"Its version {version} is old and {_listing(missing)}.", "Update Ollama when you can."
        return Finding(step=Layer.VERSION, ok=True, is_note=True, sentence=sentence, remedy=remedy)
    return Finding(step=Layer.VERSION, ok=True, sentence=f"Its version is {version}.")


async def check_key(exam: Examination) -> Finding | None:
    """Whether the cloud takes the key, by a question that needs one and generates nothing; other servers took it already or ignore it."""
    if not exam.base_url.is_cloud:
        return Finding(step=Layer.KEY, ok=True, sentence="The server took the key, or needs none.") if exam.has_key else None
    if not exam.has_key:
        return Finding.of_error(Layer.KEY, cloud_key_missing())
    try:
        reply = await exam.ask(ME, "POST")
    except ServerError as error:
        return Finding.of_error(Layer.KEY, error)
    if refused := cloud_key_refused(reply):
        return Finding.of_error(Layer.KEY, refused)
    sentence = "The key is valid." if reply.status == 200 else "Whether the key is valid could not be found out."
    return Finding(step=Layer.KEY, ok=True, sentence=sentence)


def _way(reply: HttpReply) -> str:
    """The proxy that passed the answer on, where that is known."""
    headers = reply.headers
    named = proxy_named_in(headers.get("via", "")) or proxy_named_in(headers.get("server", ""))
    return f", through {named}" if named else ", through a proxy" if "via" in headers else ""


def _listing(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))

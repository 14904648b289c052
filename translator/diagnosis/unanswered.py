"""What an address that should be Ollama does not answer: everything, or one of its routes; and the error to show for it.

A proxy may let only some routes through, and a list of models may fail on its own; neither makes an Ollama server something else.
"""

from collections.abc import Mapping

import attrs

from translator.diagnosis.server_kinds import NO_ROUTE, TAGS, VERSION, ServerKind, has_tags, is_ollama, kind_of, not_ollama
from translator.errors import Family, ServerError
from translator.failures.bodies import Shape, unwrap
from translator.failures.build import failure_from_reply, with_proxy
from translator.failures.proxies import NO_PROXY, Proxy, proxy_in
from translator.failures.quoting import quotable
from translator.shapes.exchange import HttpReply

type Outcome = HttpReply | ServerError
type Outcomes = Mapping[str, Outcome]
"""By route."""

UNAUTHORIZED = 401
VAGUE = frozenset({ServerKind.OTHER, ServerKind.WEB_PAGE})
"""Kinds that say less than a refusal does."""
KNOWN_STRANGERS = frozenset(ServerKind) - VAGUE - {ServerKind.OLLAMA, ServerKind.OPENAI}
"""Kinds that are another program, whatever key it gets; Ollama has OpenAI's API, too."""
LATE = frozenset({"first_byte_timeout", "connect_timeout", "stalled"})

PROXY_REMEDY = "Let the proxy in front of Ollama pass all paths under /api on."
SERVER_REMEDY = "Look into the log of the Ollama server."
SILENT_REMEDY = "Check host and port of the base URL, or restart the server; Ollama answers this at once, also while it loads."
LATE_REMEDY = "Try again when the server is less busy, and look into its log if that lasts."


def replies_in(answers: Outcomes) -> dict[str, HttpReply]:
    """The replies alone."""
    return {route: answer for route, answer in answers.items() if isinstance(answer, HttpReply)}


def is_let_in(answer: Outcome | None) -> bool:
    """The server is there and took the question, whatever it knows of the route."""
    return isinstance(answer, HttpReply) and (answer.status < 400 or answer.status in NO_ROUTE)


def refusal_in(answers: Outcomes) -> ServerError | None:
    """Why no question was taken; None when one was. A reply says more than a connection that came to nothing."""
    if any(is_let_in(answer) for answer in answers.values()):
        return None
    replies = replies_in(answers)
    if replies:
        return _refused(*next(iter(replies.items())))
    return next((to_small_question(answer) for answer in answers.values() if isinstance(answer, ServerError)), None)


def is_open_who(answers: Outcomes) -> bool:
    """Whether version and models leave open who answers, so that `FURTHER_ROUTES` are worth asking; other programs want logins, too."""
    refusal = refusal_in(answers)
    return not is_ollama(replies_in(answers)) if refusal is None else refusal.family is Family.AUTHORIZATION


def why_unusable(answers: Outcomes, place: str) -> ServerError | None:
    """Why no Ollama answers here: everything is refused, or it is something else. None for Ollama, be it only in part."""
    refusal = refusal_in(answers)
    if refusal is not None and refusal.family is not Family.AUTHORIZATION:
        return refusal
    return why_not_ollama(answers, place) or refusal


def why_not_ollama(answers: Outcomes, place: str) -> ServerError | None:
    """None for Ollama, be it only in part; a login that is wanted comes first, unless a server that is known to be none wants it."""
    replies = replies_in(answers)
    kind = kind_of(replies)
    for route in (TAGS, VERSION):
        if route in replies and replies[route].status == UNAUTHORIZED and kind not in KNOWN_STRANGERS:
            return _refused(route, replies[route])
    if kind is ServerKind.OLLAMA:
        return None
    refused = [route for route in (TAGS, VERSION) if route in replies and not is_let_in(replies[route])]
    if kind in VAGUE and refused:
        return _refused(refused[0], replies[refused[0]])
    error = not_ollama(kind, place)
    return with_proxy(error, _proxy_of(replies)) if kind is ServerKind.WEB_PAGE else error


def models_withheld(answers: Outcomes, place: str) -> ServerError | None:
    """None for a server that lists its models."""
    if has_tags(replies_in(answers)):
        return None
    answer = answers[TAGS]
    return ServerError.of(
        "models_withheld",
        f"Ollama answers at {place}, but instead of a list of models {withheld(TAGS, answer)}.",
        remedy_for(answer),
        family=Family.UNAVAILABLE,
    )


def withheld(route: str, answer: Outcome) -> str:
    """What came instead of what Ollama says there, as half a sentence."""
    return f"{route} gave {_what(answer)}"


def remedy_for(answer: Outcome) -> str:
    """What makes a route of Ollama answer again."""
    if isinstance(answer, ServerError):
        return LATE_REMEDY if answer.code in LATE else SERVER_REMEDY
    is_page = unwrap(answer.body, answer.content_type).kind is Shape.HTML
    return SERVER_REMEDY if answer.status >= 500 and not is_page else PROXY_REMEDY


def to_small_question(error: ServerError) -> ServerError:
    """The error of a question that Ollama answers at once, at which silence means something else than after a prompt."""
    return ServerError(attrs.evolve(error.problem, remedy=SILENT_REMEDY)) if error.code == "first_byte_timeout" else error


def _proxy_of(replies: Mapping[str, HttpReply]) -> Proxy:
    return next((proxy for reply in replies.values() if (proxy := proxy_in(reply.headers)).part), NO_PROXY)


def _refused(route: str, reply: HttpReply) -> ServerError:
    return failure_from_reply(reply.status, reply.body, route=route, headers=reply.headers)


def _what(answer: Outcome) -> str:
    """In a few words."""
    if isinstance(answer, ServerError):
        return "no answer in time" if answer.code in LATE else "no whole answer"
    found = unwrap(answer.body, answer.content_type)
    if found.kind is Shape.HTML:
        return f"a web page (status {answer.status})"
    if answer.status == 200:
        return "an answer that is not Ollama's"
    said = quotable(found.text).replace('"', "'")
    return f"status {answer.status}" + (f' ("{said}")' if said else "")

"""Every status that refuses, with every body the wire knows: what users get for each. Data only.

Bodies and statuses come as Ollama, its cloud, rerank services and the proxies in front of them send them; the words are nobody's, so that
status and shape alone decide. What known words mean is in the error catalogue (docs/errors.md).
"""

from collections.abc import Iterator, Mapping

from tests.faults.cells import Expected, Fault, Kind, Outcome
from translator.errors import Family

SECTION = "Refused with a status"
SAID = b"something went wrong"
JSON = b"application/json; charset=utf-8"
PAGE = b"<html><head><title>%b</title></head><body><center><h1>%b</h1></center><hr><center>nginx</center></body></html>" % (SAID, SAID)

BODIES: Mapping[str, tuple[bytes, bytes]] = {
    "json": (JSON, b'{"error":"' + SAID + b'"}'),
    "double": (JSON, b'{"error":"{\\"error\\":{\\"code\\":500,\\"message\\":\\"' + SAID + b'\\",\\"type\\":\\"server_error\\"}}"}'),
    "openai": (JSON, b'{"error":{"message":"' + SAID + b'","type":"api_error","param":null,"code":null}}'),
    "struct": (JSON, b'{"StatusCode":500,"Status":"500 Internal Server Error","error":"' + SAID + b'"}'),
    "nameless": (JSON, b'{"error":{}}'),
    "cut": (JSON, b'{"error":"' + SAID),
    "plain": (b"text/plain; charset=utf-8", SAID),
    "html": (b"text/html", PAGE),
    "empty": (b"", b""),
}
"""Content type and body."""
SHAPES: Mapping[str, str] = {
    "json": "a sentence in JSON",
    "double": "JSON inside a JSON string",
    "openai": "an error object",
    "struct": "Go's own error as JSON",
    "nameless": "JSON without words",
    "cut": "JSON that is cut",
    "plain": "plain text",
    "html": "a web page",
    "empty": "no body",
}


def _bad(code: str) -> Outcome:
    return Outcome(code, Family.BAD_REQUEST)


def _away(code: str) -> Outcome:
    return Outcome(code, Family.UNAVAILABLE)


def _barred(code: str) -> Outcome:
    return Outcome(code, Family.AUTHORIZATION)


def _busy(code: str) -> Outcome:
    return Outcome(code, Family.RATE_LIMIT)


REFUSALS: Mapping[int, tuple[Outcome, Outcome]] = {
    401: (_barred("unauthorized"), _barred("rerank_unauthorized")),
    402: (_bad("cloud_plan"), _bad("rerank_refused")),
    403: (_barred("forbidden"), _barred("rerank_forbidden")),
    404: (_bad("not_found"), _bad("rerank_path_unknown")),
    405: (_bad("method_refused"), _bad("rerank_path_unknown")),
    410: (_bad("cloud_retired"), _bad("rerank_refused")),
    413: (_bad("body_too_large"), _bad("rerank_too_large")),
    429: (_busy("rate_limited"), _busy("rerank_rate_limited")),
    500: (_away("unknown"), _away("rerank_failed")),
    502: (_away("unavailable"), _away("rerank_failed")),
    503: (_away("unavailable"), _away("rerank_loading")),
    504: (_away("proxy_timeout"), _away("rerank_failed")),
}
"""By status: from Ollama, and from a rerank service."""

OTHERWISE: Mapping[tuple[int, str], Outcome] = {
    (403, "html"): _bad("proxy_refused"),
    (403, "empty"): _bad("host_refused"),
    (404, "html"): _bad("not_ollama"),
    (405, "html"): _bad("not_ollama"),
    (500, "html"): _away("proxy_failed"),
    (500, "nameless"): _away("runner_silent"),
    (500, "empty"): _away("runner_silent"),
    **{(status, shape): _away("proxy_gateway") for status in (502, 503) for shape in ("cut", "plain", "html", "empty")},
}
"""Where the shape of Ollama's answer, or of a proxy's before it, says more than the status."""

OF_EMBEDDINGS: Mapping[tuple[int, str], Outcome] = {(500, "nameless"): _bad("embed_nameless")}
"""Servers before 0.6.1 answer so to a text that is too long."""

OF_SERVICES: Mapping[tuple[int, str], Outcome] = {
    (401, "html"): _barred("unauthorized"),
    (403, "html"): _bad("proxy_refused"),
    (502, "html"): _away("proxy_gateway"),
    (503, "html"): _away("proxy_gateway"),
}
"""No rerank service refuses with a web page."""


def refusal_rows() -> Iterator[Fault]:
    """One row per status and shape."""
    for status, (ollama, service) in REFUSALS.items():
        for shape, words in SHAPES.items():
            common = OTHERWISE.get((status, shape), ollama)
            expected: dict[Kind, Expected] = {
                **dict.fromkeys(Kind, common),
                Kind.EMBED: OF_EMBEDDINGS.get((status, shape), common),
                Kind.RERANK: OF_SERVICES.get((status, shape), service),
            }
            yield Fault(
                name=f"{status}-{shape}",
                section=SECTION,
                says=f"answers {status} with {words}",
                expected=expected,
                status=status,
                shape=shape,
            )

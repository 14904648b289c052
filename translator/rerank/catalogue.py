"""The catalogue of what rerank services refuse: statuses and words of a service to the error that people read.

Data only; read by `response/rerank_failures.py`, and printed on `docs/errors.md`. The first row that fits counts. A 500 that names the
input is the request's fault, as llama.cpp and Xinference use it for that. Sources without a server's version are recordings of rerank
services.
"""

from translator.errors import Family
from translator.failures.entry import Entry
from translator.failures.proxy_rows import ANSWERED, PROXY_OR_KEY

CLIENT_FAULT = range(400, 500)
SERVER_FAULT = range(500, 600)
GATEWAY_FAULT = (502, 504)

NO_KEY = "The rerank service does not accept the API key, or wants one."
ENTER_KEY = "Enter the API key of the rerank service."
NO_RIGHT = "The rerank service does not allow this API key to rerank.{said}"
GIVE_RIGHT = "Give the key the right to use the model, or enter another one."

REFUSALS: tuple[Entry, ...] = (
    Entry(
        code="rerank_unauthorized",
        statuses=(401,),
        patterns=(r"invalid api key", r"could not validate credentials"),
        family=Family.AUTHORIZATION,
        cause=NO_KEY,
        remedy=ENTER_KEY,
        source="llamacpp-unauthorized, xinference-unauthorized",
    ),
    Entry(
        code="rerank_forbidden",
        statuses=(403,),
        patterns=(r"not enough permissions",),
        family=Family.AUTHORIZATION,
        cause=NO_RIGHT,
        remedy=GIVE_RIGHT,
        source="Xinference api/restful_api.py",
    ),
    *ANSWERED,
    PROXY_OR_KEY,
    Entry(
        code="rerank_unauthorized",
        statuses=(401,),
        family=Family.AUTHORIZATION,
        cause=NO_KEY,
        remedy=ENTER_KEY,
        source="tei-unauthorized (empty)",
    ),
    Entry(
        code="rerank_forbidden",
        statuses=(403,),
        family=Family.AUTHORIZATION,
        cause=NO_RIGHT,
        remedy=GIVE_RIGHT,
        source="other wording",
    ),
    Entry(
        code="rerank_model_unknown",
        statuses=(400, 404),
        patterns=(r"model.{0,200}(not found|not exist|unknown)", r"invalid model"),
        family=Family.BAD_REQUEST,
        cause="The rerank service does not serve {model}.{said}",
        remedy="Enter the name or UID under which the service serves its rerank model.",
        source="xinference-wrong-model-name, vLLM entrypoints/openai",
    ),
    Entry(
        code="rerank_path_unknown",
        statuses=(404,),
        patterns=(r"^404 page not found",),
        family=Family.BAD_REQUEST,
        cause="There is no rerank route at {route}; Ollama itself has none.{passed}",
        remedy='Enter the URL of a rerank service, or choose the service "ollama" or "ollama-embedding" to rerank with a model of Ollama.',
        source="0.33.0-rc2 error-unknown-route",
    ),
    Entry(
        code="rerank_path_unknown",
        statuses=(404, 405),
        family=Family.BAD_REQUEST,
        cause="The rerank service has no route {route}.{said}{passed}",
        remedy="Enter the whole URL of its rerank route, such as http://host:8080/v1/rerank or http://host:8080/rerank.",
        source="tei-wrong-path-api, llamacpp-wrong-path-api, xinference-wrong-path-api",
    ),
    Entry(
        code="rerank_rate_limited",
        statuses=(429,),
        family=Family.RATE_LIMIT,
        retryable=True,
        cause="The rerank service is overloaded or a quota is used up.{said}{passed}",
        remedy="Try again later, or send fewer requests at once.",
        source="TEI router/src/http/server.rs",
    ),
    Entry(
        code="rerank_not_a_reranker",
        statuses=(400, 424, 500, 501),
        patterns=(r"not a re-?ranker", r"not support (the )?`?re-?rank"),
        family=Family.BAD_REQUEST,
        cause="The service answers, but its model cannot rerank.{said}",
        remedy="Start the service with a rerank model (llama.cpp: --reranking).",
        source="tei-embedding-model-rerank, tei-classifier-model-rerank, llamacpp-embedding-model",
    ),
    Entry(
        code="rerank_too_long",
        statuses=(400, 413, 422, 500),
        patterns=(
            r"context (size|length)",
            r"too large to process",
            r"must have less than \d+ (tokens|characters)",
        ),
        family=Family.BAD_REQUEST,
        cause="A document together with the query is too long for the rerank model{numbers}.{said}",
        remedy="Use smaller chunks, or raise the batch and context size of the service (llama.cpp: -ub and -c).",
        source="llamacpp-too-long, llamacpp-over-physical-batch, tei-too-long-truncate-false, tei-too-many-characters",
    ),
    Entry(
        code="rerank_too_many",
        statuses=(413, 422),
        patterns=(r"maximum allowed batch size", r"at most \d+ item"),
        family=Family.BAD_REQUEST,
        cause="The rerank service takes fewer documents at once.{said}",
        remedy="Raise the batch limit of the service.",
        source="tei-over-batch-limit, infinity 0.0.77",
    ),
    Entry(
        code="rerank_too_large",
        statuses=(413,),
        family=Family.BAD_REQUEST,
        cause="A document is larger than the rerank service, or {proxy} before it, accepts.{said}",
        remedy="Use smaller chunks, or raise the body limit of the service.",
        source="tei-over-payload-limit",
    ),
    Entry(
        code="rerank_refused",
        statuses=(500,),
        patterns=(
            r"validation error",
            r"field required",
            r"parse error|expecting value",
            r"has no attribute",
            r"index out of range",
            r"hasn't support",
            r"_M_default_append",
        ),
        family=Family.BAD_REQUEST,
        cause="The rerank service could not work with the request.{said}",
        remedy="Check the model name and the kind of service.",
        source="xinference-no-model-field, xinference-empty-documents, llamacpp-malformed-json, llamacpp-top-n-negative",
    ),
    Entry(
        code="rerank_loading",
        statuses=(503,),
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="The rerank service is not ready: it is loading its model or overloaded.{said}{passed}",
        remedy="Try again in a minute.",
        source="llama.cpp tools/server, Xinference api/restful_api.py",
    ),
    Entry(
        code="rerank_refused",
        statuses=(*CLIENT_FAULT, 501),
        family=Family.BAD_REQUEST,
        cause="The rerank service refused the request (HTTP {status}).{said}{passed}",
        remedy="Check the kind of service, the URL and the model name.",
        source="tei-documents-instead-of-texts, llamacpp-empty-documents",
    ),
    Entry(
        code="rerank_failed",
        statuses=GATEWAY_FAULT,
        family=Family.UNAVAILABLE,
        retryable=True,
        cause="{proxy} got no answer from the rerank service (HTTP {status}).{said}",
        remedy="Check that the service runs; it may be starting, overloaded or out of memory.",
        source="RFC 9110, 15.6.3 and 15.6.5",
    ),
    Entry(
        code="rerank_failed",
        statuses=SERVER_FAULT,
        family=Family.UNAVAILABLE,
        cause="The rerank service failed (HTTP {status}).{said}{passed}",
        remedy="Look into the log of the service for the cause.",
        source="TEI router/src/http/server.rs",
    ),
    Entry(
        code="rerank_redirected",
        statuses=range(300, 400),
        family=Family.BAD_REQUEST,
        cause="The URL of the rerank service leads on to another address (HTTP {status}).{passed}",
        remedy="Enter the final address; https instead of http is a frequent reason.",
        source="RFC 9110, 15.4",
    ),
    Entry(
        code="rerank_failed",
        family=Family.UNAVAILABLE,
        cause="The rerank service answered with HTTP {status} and without scores.{said}{passed}",
        remedy="Check that the URL leads to a rerank service.",
        source="RFC 9110, 15",
    ),
)
"""First fit counts; the last row fits everything."""

"""The error catalogue of rerank services; `docs/errors.md` prints it. The first row that fits counts, the last one fits everything.

A 500 that names the input is the request's fault, as llama.cpp and Xinference use it for that. Sources without a server's version are
recordings of rerank services.
"""

from translator.failures.proxy_rows import ANSWERED, PROXY_OR_KEY
from translator.failures.requests import TOO_LONG
from translator.failures.row import Row, bad_request, rate_limited, unauthorized, unavailable

CLIENT_FAULT = range(400, 500)
SERVER_FAULT = range(500, 600)
GATEWAY_FAULT = (502, 504)

NO_KEY = "The rerank service does not accept the API key, or wants one."
ENTER_KEY = "Enter the API key of the rerank service."
NO_RIGHT = "The rerank service does not allow this API key to rerank.{said}"
GIVE_RIGHT = "Give the key the right to use the model, or enter another one."

REFUSALS: tuple[Row, ...] = (
    unauthorized(
        "rerank_unauthorized",
        r"invalid api key",
        r"could not validate credentials",
        statuses=401,
        source="llamacpp-unauthorized, xinference-unauthorized",
    ).says(NO_KEY, ENTER_KEY),
    unauthorized("rerank_forbidden", r"not enough permissions", statuses=403, source="Xinference api/restful_api.py").says(
        NO_RIGHT, GIVE_RIGHT
    ),
    *ANSWERED,
    PROXY_OR_KEY,
    unauthorized("rerank_unauthorized", statuses=401, source="tei-unauthorized (empty)").says(NO_KEY, ENTER_KEY),
    unauthorized("rerank_forbidden", statuses=403, source="other wording").says(NO_RIGHT, GIVE_RIGHT),
    bad_request(
        "rerank_model_unknown",
        r"model.{0,200}(not found|not exist|unknown)",
        r"invalid model",
        statuses=(400, 404),
        source="xinference-wrong-model-name, vLLM entrypoints/openai",
    ).says("The rerank service does not serve {model}.{said}", "Enter the name or UID under which the service serves its rerank model."),
    bad_request("rerank_path_unknown", r"^404 page not found", statuses=404, source="0.33.0-rc2 error-unknown-route").says(
        "There is no rerank route at {route}; Ollama itself has none.{passed}",
        'Enter the URL of a rerank service, or choose the service "ollama" or "ollama-embedding" to rerank with a model of Ollama.',
    ),
    bad_request(
        "rerank_path_unknown", statuses=(404, 405), source="tei-wrong-path-api, llamacpp-wrong-path-api, xinference-wrong-path-api"
    ).says(
        "The rerank service has no route {route}.{said}{passed}",
        "Enter the whole URL of its rerank route, such as http://host:8080/v1/rerank or http://host:8080/rerank.",
    ),
    rate_limited("rerank_rate_limited", statuses=429, retryable=True, source="TEI router/src/http/server.rs").says(
        "The rerank service is overloaded or a quota is used up.{said}{passed}", "Try again later, or send fewer requests at once."
    ),
    bad_request(
        "rerank_not_a_reranker",
        r"not a re-?ranker",
        r"not support (the )?`?re-?rank",
        statuses=(400, 424, 500, 501),
        source="tei-embedding-model-rerank, tei-classifier-model-rerank, llamacpp-embedding-model",
    ).says("The service answers, but its model cannot rerank.{said}", "Start the service with a rerank model (llama.cpp: --reranking)."),
    bad_request(
        "rerank_too_long",
        *TOO_LONG,
        r"context (?:size|length)",
        r"must have less than \d+ (tokens|characters)",
        statuses=(400, 413, 422, 500),
        source="llamacpp-too-long, llamacpp-over-physical-batch, tei-too-long-truncate-false, tei-too-many-characters",
    ).says(
        "A document together with the query is too long for the rerank model{numbers}.{said}",
        "Use smaller chunks, or raise the batch and context size of the service (llama.cpp: -ub and -c).",
    ),
    bad_request(
        "rerank_too_many",
        r"maximum allowed batch size",
        r"at most \d+ item",
        statuses=(413, 422),
        source="tei-over-batch-limit, infinity 0.0.77",
    ).says("The rerank service takes fewer documents at once.{said}", "Raise the batch limit of the service."),
    bad_request("rerank_too_large", statuses=413, source="tei-over-payload-limit").says(
        "A document is larger than the rerank service, or {proxy} before it, accepts.{said}",
        "Use smaller chunks, or raise the body limit of the service.",
    ),
    bad_request(
        "rerank_refused",
        r"validation error",
        r"field required",
        r"parse error|expecting value",
        r"has no attribute",
        r"index out of range",
        r"hasn't support",
        r"_M_default_append",
        statuses=500,
        source="xinference-no-model-field, xinference-empty-documents, llamacpp-malformed-json, llamacpp-top-n-negative",
    ).says("The rerank service could not work with the request.{said}", "Check the model name and the kind of service."),
    unavailable("rerank_loading", statuses=503, retryable=True, source="llama.cpp tools/server, Xinference api/restful_api.py").says(
        "The rerank service is not ready: it is loading its model or overloaded.{said}{passed}", "Try again in a minute."
    ),
    bad_request("rerank_refused", statuses=(*CLIENT_FAULT, 501), source="tei-documents-instead-of-texts, llamacpp-empty-documents").says(
        "The rerank service refused the request (HTTP {status}).{said}{passed}", "Check the kind of service, the URL and the model name."
    ),
    unavailable("rerank_failed", statuses=GATEWAY_FAULT, retryable=True, source="RFC 9110, 15.6.3 and 15.6.5").says(
        "{proxy} got no answer from the rerank service (HTTP {status}).{said}",
        "Check that the service runs; it may be starting, overloaded or out of memory.",
    ),
    unavailable("rerank_failed", statuses=SERVER_FAULT, source="TEI router/src/http/server.rs").says(
        "The rerank service failed (HTTP {status}).{said}{passed}", "Look into the log of the service for the cause."
    ),
    bad_request("rerank_redirected", statuses=range(300, 400), source="RFC 9110, 15.4").says(
        "The URL of the rerank service leads on to another address (HTTP {status}).{passed}",
        "Enter the final address; https instead of http is a frequent reason.",
    ),
    unavailable("rerank_failed", source="RFC 9110, 15").says(
        "The rerank service answered with HTTP {status} and without scores.{said}{passed}", "Check that the URL leads to a rerank service."
    ),
)
"""First fit counts; the last row fits everything."""

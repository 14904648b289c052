"""Catalogue rows for rerank services (TEI, llama.cpp, Xinference, infinity, vLLM), valid only where the path speaks of rerank.

Xinference and llama.cpp answer 500 to requests they do not understand; the text decides, so those are bad requests here.
FastAPI services repeat the sent documents in `input`, which is never read.
"""

from translator.errors import Family
from translator.response.catalogue_entry import Entry
from translator.response.failure_bodies import Shape

RERANK_PATH = r"rerank"

RERANK: tuple[Entry, ...] = (
    Entry(
        code="rerank_on_ollama",
        route=RERANK_PATH,
        statuses=(404,),
        patterns=(r"404 page not found",),
        family=Family.BAD_REQUEST,
        cause="This is an Ollama server, and Ollama has no rerank route.",
        remedy="Enter the address of a rerank service, or set the service to one that ranks with an Ollama model.",
        source="every version, `error-unknown-route`",
    ),
    Entry(
        code="rerank_batch_limit",
        route=RERANK_PATH,
        patterns=(r"batch size (?P<sent>\d{1,9}) > maximum allowed batch size (?P<limit>\d{1,9})",),
        family=Family.BAD_REQUEST,
        cause="The rerank service takes {limit} documents at once, and {sent} were sent.",
        remedy="Lower the number of candidates, or raise --max-client-batch-size of the service.",
        source="rerank `tei-over-batch-limit`, `tei-small-batch-limit` (422; 413 up to TEI 1.8)",
    ),
    Entry(
        code="rerank_too_long",
        route=RERANK_PATH,
        patterns=(
            r"must have less than \d{1,9} (?:tokens|characters)",
            r"larger than the max context size",
            r"too large to process",
            r"maximum context length",
            r"exceed_context_size",
        ),
        family=Family.BAD_REQUEST,
        cause="A document together with the query is longer than the rerank service can read{numbers}.",
        remedy="Use smaller chunks, let the service cut long texts (TEI), or raise its batch and context size (llama.cpp: -ub, -c).",
        source="rerank `llamacpp-too-long`, `llamacpp-over-physical-batch`, `tei-too-long-truncate-false`, `tei-too-many-characters`",
    ),
    Entry(
        code="rerank_dialect",
        route=RERANK_PATH,
        patterns=(r"missing field `texts`", r"(?m)^\W*documents\W*\n?\s*field required", r"documents: field required"),
        family=Family.BAD_REQUEST,
        cause="The rerank service expects the documents under another name.",
        remedy="Set the service to TEI or to Jina-compatible in the model's settings.",
        source="rerank `tei-documents-instead-of-texts`, `xinference-texts-instead-of-documents`",
    ),
    Entry(
        code="rerank_model_unfit",
        route=RERANK_PATH,
        patterns=(r"not a re-?ranker model", r"does not support [`']?rerank", r"modelnotdeployed"),
        family=Family.BAD_REQUEST,
        cause="The service runs, but its model cannot rerank.",
        remedy="Start the service with a rerank model (llama.cpp: with --reranking).",
        source="rerank `llamacpp-embedding-model` (501), `tei-embedding-model-rerank`, `tei-classifier-model-rerank` (424)",
    ),
    Entry(
        code="rerank_request_refused",
        route=RERANK_PATH,
        patterns=(
            r"must be a non-empty string array",
            r"must be provided",
            r"`texts` cannot be empty",
            r"failed to (?:deserialize|parse) the (?:json|request) body",
            r"validation error for \w+",
            r"json\.exception\.\w+",
            r"expecting value: line \d+",
            r"vector::_M_\w+",
            r"list index out of range",
            r"object has no attribute",
            r"hasn't support",
            r"expected request with `content-type",
        ),
        family=Family.BAD_REQUEST,
        cause="The rerank service did not understand the request.{said}",
        remedy="Check that the service setting matches the server and that query and documents are plain texts.",
        source="rerank `llamacpp-empty-documents`, `llamacpp-malformed-json`, `tei-wrong-type`, `xinference-empty-documents`",
    ),
    Entry(
        code="rerank_request_refused",
        route=RERANK_PATH,
        statuses=(415, 422, 424),
        family=Family.BAD_REQUEST,
        cause="The rerank service did not accept the request (status {status}).{said}",
        remedy="Check that the service setting matches the server.",
        source="infinity, FastAPI services in general",
    ),
    Entry(
        code="model_missing",
        route=RERANK_PATH,
        statuses=(400, 404),
        patterns=(r"model not found", r"does not exist", r"invalid model"),
        family=Family.BAD_REQUEST,
        cause="The rerank service has no model with the name that was sent.{said}",
        remedy="Enter the model name exactly as the service lists it.",
        source="rerank `xinference-wrong-model-name`, `-again`; vLLM, infinity",
    ),
    Entry(
        code="rerank_overloaded",
        route=RERANK_PATH,
        statuses=(429,),
        patterns=(r"overloaded", r"too many"),
        family=Family.RATE_LIMIT,
        retryable=True,
        cause="The rerank service is overloaded.{said}",
        remedy="Try again in a moment, or run fewer requests at once.",
        source="TEI router, `Overloaded`",
    ),
    Entry(
        code="rerank_wrong_path",
        route=RERANK_PATH,
        statuses=(404, 405),
        shapes=(Shape.EMPTY, Shape.HTML, Shape.PLAIN, Shape.TEXT_IN_JSON, Shape.NAMELESS),
        family=Family.BAD_REQUEST,
        cause="The rerank service has no route {route} (status {status}).",
        remedy="Enter the whole address: most services use /v1/rerank, TEI uses /rerank.",
        source="rerank `llamacpp-wrong-path-api`, `tei-wrong-path-v1`, `xinference-wrong-path-api` (405)",
    ),
)

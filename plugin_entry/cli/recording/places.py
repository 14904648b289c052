"""What a recording may keep: known places of known routes, as a table. Everything that is not in it is replaced.

A place says what may stand there:

- a mapping: an object with these keys; `"*"` is any other key that is a plain name, such as that of an option
- a set of words: one of them stays
- a pattern: a text that matches it stays, unless it holds a secret of this run
- `Kind`: texts, names of models and pictures, each replaced in its own way
- a pair: the first for objects, the second for everything else
- None: unknown, nothing stays

Numbers stay at known places except in texts; `true`, `false` and `null` always stay. A list has the place of its items.

Sources: api/types.go and server/routes.go of Ollama 0.5.13 to 0.33; the recordings in `fixtures/` for rerank services.
"""

import re
from collections.abc import Mapping
from enum import Enum

type Place = Mapping[str, Place] | frozenset[str] | re.Pattern[str] | Kind | tuple[Place, Place] | None


class Kind(Enum):
    """Places that are treated in their own way, and what becomes of a value there."""

    OPEN = "stays unless it holds something secret"
    TEXT = "what was asked and answered, with everything inside: the same, unless texts are taken out"
    ERROR = "a sentence of the server or of a proxy, which may quote what was asked: the same; known words stay even then"
    SCHEMA = "a JSON schema: its keywords are known, names and descriptions are texts"
    MODEL = "the name of a model: parts that name a place or a person are replaced"
    PICTURE = "base64 or a URL: replaced by a picture"


OPEN, TEXT, ERROR, SCHEMA, MODEL, PICTURE = Kind

NUMBER = re.compile(r"(?!)")
"""No text stays."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]{5,20}(?:Z|[+-]\d\d:\d\d)")
DURATION = re.compile(r"-?\d{1,12}(?:\.\d{1,9})?(?:ns|us|ms|s|m|h)?")
VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){1,3}(?:-[a-z0-9.]{1,12})?")
DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}|[0-9a-f]{12}|[0-9a-f]{40}|")
FAMILY = re.compile(r"[a-z][a-z0-9_.-]{1,30}|")
SIZE = re.compile(r"\d{1,15}(?:\.\d{1,3})?[KMBT]?|")
QUANTIZATION = re.compile(r"[A-Z]{1,6}\d{0,2}(?:_[A-Z0-9]{1,3}){0,3}|unknown|none|")
REASON = re.compile(r"[a-z]{2,12}(?:_[a-z]{2,12}){0,2}|")
LABEL = re.compile(r"LABEL_\d{1,4}")
PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]{0,30}(?:\.[a-z0-9_]{1,40}){0,6}")
"""A key that stands for `"*"`."""

ROLES = frozenset({"", "system", "user", "assistant", "tool", "developer"})
THINK = frozenset({"low", "medium", "high", "max", "Low", "Medium", "High", "Max", "true", "false", "none"})
CAPABILITIES = frozenset({"completion", "tools", "insert", "vision", "embedding", "thinking", "image", "audio", "rerank"})
FORMATS = frozenset({"", "gguf", "safetensors", "pytorch", "onnx"})
TYPES = frozenset({"function", "text", "image_url", "list", "model", "embedding", "rerank", "llm", "normal"})
PUBLIC_HOST = re.compile(r"https?://(?:ollama\.com|127\.0\.0\.1|localhost)(?::\d{1,5})?")

SCHEMA_KEYWORDS = frozenset(
    {"type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "not", "format", "description", "title"}
    | {"default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern"}
    | {"minItems", "maxItems", "uniqueItems", "prefixItems", "additionalProperties", "$ref", "$defs", "definitions", "nullable"}
    | {"object", "array", "string", "integer", "number", "boolean", "null", "date", "date-time", "time", "email", "uri", "uuid"}
)
"""Keywords, types and formats. As a name of a property such a word tells nothing."""

ERROR_FACTS: Mapping[str, Place] = {"code": NUMBER, "status": NUMBER, "StatusCode": NUMBER, "n_prompt_tokens": NUMBER, "n_ctx": NUMBER}
SENTENCES = ("message", "detail", "msg", "errors", "error_message", "title", "type", "error_type", "Status", "reason", "signin_url")
_INSIDE: Mapping[str, Place] = {**ERROR_FACTS, **dict.fromkeys(SENTENCES, ERROR), "error": ERROR, "param": TEXT, "input": TEXT, "loc": TEXT}
REFUSAL: Mapping[str, Place] = {**ERROR_FACTS, **dict.fromkeys((*SENTENCES, "error"), (_INSIDE, ERROR))}
"""What any server, gateway or proxy may answer instead (`translator/failures/bodies.py` reads the same keys)."""

DETAILS: Mapping[str, Place] = {
    "parent_model": TEXT, "format": FORMATS, "family": FAMILY, "families": FAMILY, "parameter_size": SIZE,
    "quantization_level": QUANTIZATION, "context_length": NUMBER, "embedding_length": NUMBER,
}  # fmt: skip
CALL: Mapping[str, Place] = {
    "id": TEXT, "type": TYPES, "function": {"index": NUMBER, "name": TEXT, "description": TEXT, "arguments": TEXT}, "index": NUMBER,
}  # fmt: skip
PART: Mapping[str, Place] = {"type": TYPES, "text": TEXT, "image_url": ({"url": PICTURE}, PICTURE)}
MESSAGE: Mapping[str, Place] = {
    "role": ROLES, "content": (PART, TEXT), "thinking": TEXT, "images": PICTURE, "tool_calls": CALL, "tool_name": TEXT, "name": TEXT,
    "tool_call_id": TEXT,
}  # fmt: skip
TOOL: Mapping[str, Place] = {"type": TYPES, "function": {"name": TEXT, "description": TEXT, "parameters": SCHEMA, "strict": NUMBER}}
RUN: Mapping[str, Place] = {
    "model": MODEL, "created_at": TIME, "done": NUMBER, "done_reason": REASON, "remote_model": MODEL, "remote_host": PUBLIC_HOST,
    **dict.fromkeys(("total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration"), NUMBER),
    **dict.fromkeys(("eval_count", "eval_duration", "prompt_eval_cached_count"), NUMBER),
}  # fmt: skip
TOKEN: Mapping[str, Place] = {"token": TEXT, "logprob": NUMBER}
LOGPROBS: Mapping[str, Place] = {**TOKEN, "top_logprobs": TOKEN}
"""`bytes` would spell the text in numbers."""

ASK: Mapping[str, Place] = {
    "model": MODEL, "name": MODEL, "stream": NUMBER, "think": THINK, "keep_alive": DURATION, "format": (SCHEMA, frozenset({"", "json"})),
    "options": {"stop": TEXT, "*": NUMBER}, "truncate": NUMBER, "shift": NUMBER, "raw": NUMBER, "verbose": NUMBER, "dimensions": NUMBER,
    "logprobs": NUMBER, "top_logprobs": NUMBER, "_debug_render_only": NUMBER, "messages": MESSAGE, "tools": TOOL, "images": PICTURE,
    **dict.fromkeys(("prompt", "suffix", "system", "template", "input", "context", "query"), TEXT),
}  # fmt: skip
ANSWER: Mapping[str, Place] = {
    **REFUSAL, **RUN, "message": (MESSAGE, ERROR), "response": TEXT, "thinking": TEXT, "context": TEXT, "tool_calls": CALL,
    "images": PICTURE, "image": PICTURE, "logprobs": LOGPROBS, "_debug_info": {"rendered_template": TEXT, "image_count": NUMBER},
    "embeddings": TEXT, "embedding": TEXT, "index": NUMBER,
}  # fmt: skip
LISTED: Mapping[str, Place] = {
    "name": MODEL, "model": MODEL, "modified_at": TIME, "expires_at": TIME, "size": NUMBER, "size_vram": NUMBER, "digest": DIGEST,
    "details": DETAILS, "capabilities": CAPABILITIES, "context_length": NUMBER, "remote_model": MODEL, "remote_host": PUBLIC_HOST,
    "type": TYPES, "description": TEXT, "tags": TEXT, "parameters": TEXT,
}  # fmt: skip
FACTS: Mapping[str, Place] = {
    "general.architecture": FAMILY, "tokenizer.ggml.model": FAMILY, "tokenizer.ggml.pre": FAMILY, "tokenizer.ggml.tokens": TEXT,
    "tokenizer.ggml.merges": TEXT, "general.name": TEXT, "general.basename": TEXT, "clip.projector_type": FAMILY, "*": NUMBER,
}  # fmt: skip
SHOWN: Mapping[str, Place] = {
    **REFUSAL, **LISTED, "model_info": FACTS, "projector_info": FACTS, "tensors": {"name": TEXT, "type": QUANTIZATION, "shape": NUMBER},
    "messages": MESSAGE, "requires": VERSION, **dict.fromkeys(("modelfile", "template", "license", "system", "renderer", "parser"), TEXT),
}  # fmt: skip
MODELS: Mapping[str, Place] = {
    **REFUSAL, "models": LISTED, "object": TYPES,
    "data": {
        "id": MODEL, "object": TYPES, "created": NUMBER, "owned_by": FAMILY, "aliases": MODEL, "meta": {"ftype": TEXT, "*": NUMBER},
        "model_name": MODEL, "model_type": TYPES, "model_ability": CAPABILITIES, "model_engine": FAMILY, "model_format": FORMATS,
        "language": FAMILY, "quantization": QUANTIZATION, "replica": NUMBER, "type": TYPES,
    },
}  # fmt: skip
RANK_REQUEST: Mapping[str, Place] = {
    "model": MODEL, "truncation_direction": frozenset({"Left", "Right", "left", "right"}),
    **dict.fromkeys(("query", "documents", "texts", "inputs"), TEXT),
    **dict.fromkeys(("top_n", "truncate", "raw_scores", "return_text", "return_documents", "return_len", "max_chunks_per_doc"), NUMBER),
}  # fmt: skip
SCORE: Mapping[str, Place] = {
    "index": NUMBER, "score": NUMBER, "relevance_score": NUMBER, "label": LABEL, "text": TEXT, "document": TEXT,
}  # fmt: skip
USED: Mapping[str, Place] = {"*": NUMBER}
RANKED: Mapping[str, Place] = {
    **REFUSAL, **SCORE, "model": MODEL, "object": TYPES, "id": TEXT, "results": SCORE, "data": SCORE, "usage": USED,
    "meta": {"api_version": USED, "billed_units": USED, "tokens": USED, "warnings": TEXT},
}  # fmt: skip
SERVED: Mapping[str, Place] = {
    **REFUSAL, "model_id": MODEL, "served_model_name": MODEL, "model_dtype": FAMILY, "model_sha": DIGEST, "sha": DIGEST, "version": VERSION,
    "model_type": {kind: {"pooling": FAMILY, "id2label": TEXT, "label2id": TEXT} for kind in ("classifier", "embedding", "reranker")},
    **dict.fromkeys(("max_batch_requests", "max_batch_tokens", "max_client_batch_size", "max_concurrent_requests"), NUMBER),
    **dict.fromkeys(("max_input_length", "tokenization_workers", "auto_truncate"), NUMBER),
}  # fmt: skip
PROPERTIES: Mapping[str, Place] = {
    **REFUSAL, "default_generation_settings": {"n_ctx": NUMBER, "params": {"stop": TEXT, "*": NUMBER}}, "total_slots": NUMBER,
    "model_alias": MODEL, "build_info": TEXT,
    "modalities": USED, "chat_template": TEXT, "model_path": TEXT, "model_ftype": TEXT,
}  # fmt: skip

ROUTES: Mapping[str, tuple[Place, Place]] = {
    "/": (RANK_REQUEST, RANKED),
    "/api/version": ({}, {**REFUSAL, "version": VERSION}),
    "/api/tags": ({}, MODELS),
    "/api/ps": ({}, MODELS),
    "/api/show": (ASK, SHOWN),
    **dict.fromkeys(("/api/chat", "/api/generate", "/api/embed", "/api/embeddings"), (ASK, ANSWER)),
    **dict.fromkeys(("/api/rerank", "/rerank", "/reranking", "/v1/rerank", "/v1/reranking", "/v2/rerank"), (RANK_REQUEST, RANKED)),
    "/predict": (RANK_REQUEST, RANKED),
    "/v1/models": ({}, MODELS),
    "/info": ({}, SERVED),
    "/props": ({}, PROPERTIES),
    "/health": ({}, {**REFUSAL, "status": frozenset({"ok", "error", "loading model"})}),
    "/api/me": ({}, REFUSAL),
    "/api/experimental/web_search": (ASK, {**REFUSAL, "results": TEXT}),
    "/v1/embeddings": (ASK, {**RANKED, "data": {**SCORE, "object": TYPES, "embedding": TEXT}}),
    "/api/status": ({}, {**REFUSAL, "cloud": {"disabled": NUMBER, "source": REASON}}),
    "/v1/cluster/auth": ({}, {**REFUSAL, "auth": NUMBER}),
}
"""A route, and what its requests and its replies may hold."""

WORDS_OF_PATHS = frozenset(word for route in ROUTES for word in route.split("/")) | frozenset(
    {"v2", "embeddings", "completions", "responses", "messages", "experimental", "web_search", "web_fetch", "blobs", "pull", "push"}
    | {"create", "copy", "delete", "status", "metrics", "cluster", "favicon.ico", "robots.txt", "openapi.json", "docs"}
)


def route_of(path: str) -> str | None:
    """The known route at the end of a path, such as `/api/chat` of `/ollama/api/chat`; None when there is none."""
    words = path.rstrip("/").split("/")
    known = (("/" + "/".join(words[start:])) for start in range(1, len(words)))
    return next((route for route in known if route in ROUTES), "/" if path in ("", "/") else None)

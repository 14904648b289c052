"""Who answers at an address: Ollama, or one of the servers that people take for it; with a cause and a remedy for each that is not Ollama.

Who answers both `/api/version` and `/api/tags` as Ollama does is Ollama. Else a sign decides, a route and what its answer must have; the
first that fits counts. One of the two routes alone is a weak sign, as Open WebUI has the one and llama.cpp the other, so theirs come
first; it is enough where nothing speaks for anybody else: a list of models that fails, or a proxy that lets only some paths through.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import attrs

from translator import codec
from translator.errors import Family, ServerError
from translator.failures.bodies import Shape, unwrap
from translator.shapes.exchange import HttpReply

VERSION, TAGS, MODELS, ROOT = "/api/version", "/api/tags", "/v1/models", "/"
NO_ROUTE = frozenset({404, 405})
"""Statuses of a server that is there and has no such route: who it is says more than the status."""


class ServerKind(StrEnum):
    """Who it is; the value is the name shown."""

    OLLAMA = "Ollama"
    OPEN_WEBUI = "Open WebUI"
    LM_STUDIO = "LM Studio"
    LITELLM = "a LiteLLM proxy"
    VLLM = "a vLLM server"
    LLAMA_CPP = "a llama.cpp server"
    TEI = "a Text Embeddings Inference server"
    XINFERENCE = "an Xinference server"
    OPENAI = "a server with OpenAI's API"
    WEB_PAGE = "a web page"
    OTHER = "something unknown"


type Seen = Mapping[str, HttpReply]


@attrs.frozen(slots=True)
class ServerSign:
    """`kind` it is when the answer to `route` has what `fits` looks for."""

    kind: ServerKind
    route: str
    fits: Callable[[HttpReply], bool]


def _object(reply: HttpReply) -> Mapping[str, Any]:
    """The JSON object of a good reply, else an empty one."""
    return codec.read_object(reply.body) if reply.status == 200 else {}


def _has(*keys: str) -> Callable[[HttpReply], bool]:
    return lambda reply: set(keys) <= set(_object(reply))


def _says_llama_cpp(reply: HttpReply) -> bool:
    return "llama.cpp" in reply.headers.get("server", "").lower()


def _owned_by(owner: str) -> Callable[[HttpReply], bool]:
    def fits(reply: HttpReply) -> bool:
        data = _object(reply).get("data")
        return isinstance(data, list) and any(isinstance(item, dict) and item.get("owned_by") == owner for item in data)

    return fits


def _says_lm_studio(reply: HttpReply) -> bool:
    """A route that it does not know gets status 200 and these words."""
    return str(_object(reply).get("error")).startswith("Unexpected endpoint or method")


def _says_litellm(reply: HttpReply) -> bool:
    """Whatever it answers: a key may be wanted for everything but this route."""
    return any(name.lower().startswith("x-litellm-") for name in reply.headers) or reply.body.strip() == b'"I\'m alive!"'


def _lists_models(reply: HttpReply) -> bool:
    return isinstance(_object(reply).get("data"), list)


def _is_page(reply: HttpReply) -> bool:
    return unwrap(reply.body, reply.content_type).kind is Shape.HTML


_OLLAMA_VERSION = re.compile(r"\d+\.\d+\.\d+(?![.\d])")
_RUNNING = b"Ollama is running"


def _says_it_runs(reply: HttpReply) -> bool:
    return reply.status == 200 and reply.body.strip() == _RUNNING


def _has_another_version(reply: HttpReply) -> bool:
    said = _object(reply)
    return bool(said) and not isinstance(said.get("version"), str)


def _is_version(reply: HttpReply) -> bool:
    """Nothing but a version of three numbers (0.24.0 `version`)."""
    said = _object(reply)
    return set(said) == {"version"} and _OLLAMA_VERSION.match(str(said["version"])) is not None


def _is_list(reply: HttpReply) -> bool:
    """Nothing but models, each with a name (0.24.0 `tags`); llama.cpp says more."""
    said = _object(reply)
    models = said.get("models") or []
    return set(said) == {"models"} and isinstance(models, list) and all(isinstance(each, dict) and each.get("name") for each in models)


SIGNS: tuple[ServerSign, ...] = (
    ServerSign(ServerKind.OLLAMA, ROOT, _says_it_runs),
    ServerSign(ServerKind.OPEN_WEBUI, "/api/config", _has("features", "oauth")),
    ServerSign(ServerKind.LM_STUDIO, VERSION, _says_lm_studio),
    ServerSign(ServerKind.LM_STUDIO, TAGS, _says_lm_studio),
    ServerSign(ServerKind.LITELLM, "/health/liveliness", _says_litellm),
    ServerSign(ServerKind.TEI, "/info", _has("model_id", "model_type")),
    ServerSign(ServerKind.LLAMA_CPP, TAGS, _says_llama_cpp),
    ServerSign(ServerKind.LLAMA_CPP, MODELS, _says_llama_cpp),
    ServerSign(ServerKind.LLAMA_CPP, "/props", _has("default_generation_settings")),
    ServerSign(ServerKind.VLLM, MODELS, _owned_by("vllm")),
    ServerSign(ServerKind.XINFERENCE, MODELS, _owned_by("xinference")),
    ServerSign(ServerKind.XINFERENCE, "/v1/cluster/auth", _has("auth")),
    ServerSign(ServerKind.OTHER, VERSION, _has_another_version),
    ServerSign(ServerKind.OLLAMA, VERSION, _is_version),
    ServerSign(ServerKind.OLLAMA, TAGS, _is_list),
    ServerSign(ServerKind.OPENAI, MODELS, _lists_models),
    ServerSign(ServerKind.WEB_PAGE, VERSION, _is_page),
    ServerSign(ServerKind.WEB_PAGE, TAGS, _is_page),
    ServerSign(ServerKind.WEB_PAGE, ROOT, _is_page),
)
"""Sources: 0.24.0 `root`; Open WebUI backend/open_webui/main.py (`get_app_config`); `tei-info`, `llamacpp-v1-models`, `llamacpp-props`,
`xinference-models`, `xinference-cluster-auth` of the rerank recordings; lmstudio-bug-tracker#618 and #1724; LiteLLM
litellm/proxy/health_endpoints (`health_liveliness`); vLLM entrypoints/openai/protocol.py (`ModelCard`)."""

FURTHER_ROUTES = tuple(dict.fromkeys(sign.route for sign in SIGNS if sign.route not in (VERSION, TAGS)))
"""What to ask besides version and models, where these do not settle it."""

RERANK_ONLY = "It can serve for reranking: add it as a rerank model. For anything else give the address of an Ollama server."
OPENAI_REMEDY = "Add it through Dify's provider for OpenAI-compatible APIs, or give the address of an Ollama server, port 11434 as a rule."
LIKE_OPENAI = (
    "Add it through Dify's provider for OpenAI-compatible APIs (base URL http://host:port/v1), or give the address of an Ollama server."
)
REMEDIES: Mapping[ServerKind, str] = {
    ServerKind.LM_STUDIO: LIKE_OPENAI,
    ServerKind.LITELLM: LIKE_OPENAI,
    ServerKind.VLLM: f"{LIKE_OPENAI} It can serve for reranking, too: add it as a rerank model.",
    ServerKind.OPEN_WEBUI: "Open WebUI passes Ollama's own routes under /ollama: use http://host:port/ollama with an API key of "
    "Open WebUI, or give the address of the Ollama server behind it.",
    ServerKind.LLAMA_CPP: f"{RERANK_ONLY} Its chat models work through Dify's provider for OpenAI-compatible APIs.",
    ServerKind.TEI: RERANK_ONLY,
    ServerKind.XINFERENCE: f"{RERANK_ONLY} Dify has a provider of its own for Xinference.",
    ServerKind.OPENAI: OPENAI_REMEDY,
    ServerKind.WEB_PAGE: "Check host, port and path of the base URL; it may be a sign-in page. Ollama listens on port 11434 as a rule.",
    ServerKind.OTHER: "Check host, port and path of the base URL. Ollama listens on port 11434 as a rule.",
}


def is_ollama(seen: Seen) -> bool:
    """Whether version and models are answered the way Ollama does (0.24.0 `version`, `tags`)."""
    version = seen.get(VERSION)
    return version is not None and isinstance(_object(version).get("version"), str) and has_tags(seen)


def has_tags(seen: Seen) -> bool:
    """Whether models are listed the way Ollama and its cloud do."""
    tags = seen.get(TAGS)
    return tags is not None and "models" in _object(tags)


def kind_of(seen: Seen) -> ServerKind:
    """Who gave these replies."""
    if is_ollama(seen):
        return ServerKind.OLLAMA
    return next((sign.kind for sign in SIGNS if sign.route in seen and sign.fits(seen[sign.route])), ServerKind.OTHER)


def not_ollama(kind: ServerKind, place: str) -> ServerError:
    """The error for a server that is something else."""
    return ServerError.of("not_ollama", f"At {place} answers {kind.value}, not Ollama.", REMEDIES[kind], family=Family.CONNECTION)

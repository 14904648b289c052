"""One query and one document as a question that a generative reranker answers with the single token yes or no, and the score of the answer.

The model decides the route: Qwen3-Reranker was trained on one exact prompt, which is sent raw so that no template of the model's file
changes it; other models are asked through `/api/chat` with their own template (0.24.0 and 0.33.0-rc2 `logprobs-yes-no`).
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from translator.codec import count_of, dumps, read_object
from translator.errors import Family, RequestError, ServerError
from translator.rerank.ranking import sigmoid
from translator.shapes.exchange import HttpRequest
from translator.shapes.wire import KeepAlive
from translator.versions import LOGPROBS, NEWEST, ServerVersion

CHAT_PATH = "/api/chat"
GENERATE_PATH = "/api/generate"

TOP_LOGPROBS = 20
"""The most that the server gives (server/routes.go, ChatHandler)."""

INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
JUDGE = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided. "
    'Note that the answer can only be "yes" or "no".'
)
PAIR = "<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}"
QWEN3_RERANKER = (
    f"<|im_start|>system\n{JUDGE}<|im_end|>\n<|im_start|>user\n{PAIR}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
"""The prompt of the Qwen3-Reranker model card."""

TEMPLATES: tuple[tuple[str, str], ...] = (("qwen3-reranker", QWEN3_RERANKER),)
"""Parts of model names and the raw prompts these models were trained on."""

_PLACE = re.compile(r"\{(instruction|query|document)\}")
_MARKER = re.compile(r"<(?=\|)")


@attrs.frozen(slots=True, kw_only=True)
class GenerativeSettings:
    """How to ask. `template` is a whole raw prompt with the places {query}, {document} and, if wanted, {instruction}."""

    model: str
    template: str = attrs.field(default="", repr=False)
    instruction: str = attrs.field(default=INSTRUCTION, repr=False)
    num_ctx: int | None = None
    keep_alive: KeepAlive | None = None
    options: Mapping[str, Any] = attrs.field(factory=dict)


def check_generative(settings: GenerativeSettings, version: ServerVersion = NEWEST) -> None:
    """Raises RequestError for a server that gives no probabilities and for a template without the two texts."""
    if version < LOGPROBS:
        raise RequestError.of(
            "rerank_needs_logprobs",
            f"This Ollama server ({version}) does not tell the probabilities that reranking needs.",
            f'Update Ollama to {LOGPROBS} or newer, or choose the service "ollama-embedding".',
        )
    places = set(_PLACE.findall(settings.template))
    if settings.template and not {"query", "document"} <= places:
        raise RequestError.of(
            "rerank_template_invalid",
            "The rerank prompt template lacks {query} or {document}.",
            "Put both into the template, or leave it empty for the prompt of Qwen3-Reranker.",
        )


def question_path(settings: GenerativeSettings) -> str:
    """The route that this model is asked through."""
    return GENERATE_PATH if _template(settings) else CHAT_PATH


def question_request(settings: GenerativeSettings, query: str, document: str) -> HttpRequest:
    """One request for one pair. `truncate: false`, because the server would cut the instruction off, not the document."""
    template = _template(settings)
    body = {
        "model": settings.model,
        **(_raw(template, settings, query, document) if template else _chat(settings, query, document)),
        "stream": False,
        "truncate": False,
        "logprobs": True,
        "top_logprobs": TOP_LOGPROBS,
        "options": {**({"num_ctx": settings.num_ctx} if settings.num_ctx else {}), **settings.options, "num_predict": 1, "temperature": 0},
    }
    if settings.keep_alive is not None:
        body["keep_alive"] = settings.keep_alive
    return HttpRequest(url=question_path(settings), body=dumps(body), headers={"Content-Type": "application/json"})


def _template(settings: GenerativeSettings) -> str:
    name = settings.model.lower().replace("_", "-")
    return settings.template or next((template for part, template in TEMPLATES if part in name), "")


def _raw(template: str, settings: GenerativeSettings, query: str, document: str) -> dict[str, Any]:
    """Role markers inside the texts are broken up: in a raw prompt they would end the user's turn."""
    return {"prompt": _filled(template, settings, _MARKER.sub("< ", query), _MARKER.sub("< ", document)), "raw": True}


def _chat(settings: GenerativeSettings, query: str, document: str) -> dict[str, Any]:
    """Thinking is off, as the first token must be the answer."""
    messages = [{"role": "system", "content": JUDGE}, {"role": "user", "content": _filled(PAIR, settings, query, document)}]
    return {"messages": messages, "think": False}


def _filled(template: str, settings: GenerativeSettings, query: str, document: str) -> str:
    texts = {"instruction": settings.instruction, "query": query, "document": document}
    return _PLACE.sub(lambda place: texts[place[1]], template)


# --- the answer --------------------------------------------------------------------------------------------------------------

YES = frozenset({"yes", "true"})
NO = frozenset({"no", "false"})
"""Answers after trimming and in lower case: models differ in ` yes`, `Yes` and `yes`, and all of them count."""


@attrs.frozen(slots=True)
class Judged:
    """A score and the tokens that were read for it."""

    score: float
    tokens: int


def read_judgement(body: bytes, model: str) -> Judged:
    """The score of one pair. Raises ServerError when the reply has no probabilities, or neither yes nor no is among them."""
    plain = read_object(body)
    listed = _first_token(plain.get("logprobs"))
    if not listed:
        raise _no_logprobs()
    yes, no = _total(listed, YES), _total(listed, NO)
    if yes is None and no is None:
        raise _no_answer(model)
    # a token outside the list is at most as likely as the last one in it
    rest = min(listed.values())
    return Judged(sigmoid((rest if yes is None else yes) - (rest if no is None else no)), count_of(plain.get("prompt_eval_count")))


def _first_token(logprobs: object) -> dict[str, float]:
    """Tokens with the logarithms of their probabilities; a token that is both chosen and listed counts once."""
    first = logprobs[0] if isinstance(logprobs, list) and logprobs else None
    if not isinstance(first, dict):
        return {}
    others = first.get("top_logprobs")
    return dict(_readable([first, *(others if isinstance(others, list) else [])]))


def _readable(items: Iterable[Any]) -> Iterable[tuple[str, float]]:
    for item in items:
        if not isinstance(item, dict):
            continue
        token, logprob = item.get("token"), item.get("logprob")
        if isinstance(token, str) and isinstance(logprob, int | float) and math.isfinite(logprob):
            yield token, float(logprob)


def _total(listed: dict[str, float], words: frozenset[str]) -> float | None:
    found = [logprob for token, logprob in listed.items() if token.strip().lower() in words]
    return math.log(math.fsum(map(math.exp, found)) or 5e-324) if found else None


def _no_logprobs() -> ServerError:
    return ServerError.of(
        "rerank_needs_logprobs",
        "The Ollama server did not tell the probabilities that reranking needs.",
        'Update Ollama to 0.12.11 or newer, or choose the service "ollama-embedding".',
    )


def _no_answer(model: str) -> ServerError:
    return ServerError.of(
        "rerank_no_answer",
        f'The model "{model}" answers neither yes nor no, so it cannot rerank.',
        'Use a generative reranker such as Qwen3-Reranker, give it its own prompt template, or choose the service "ollama-embedding".',
        family=Family.BAD_REQUEST,
    )

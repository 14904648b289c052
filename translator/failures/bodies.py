"""Finds the sentence of a refusal in its body.

Ollama, the cloud behind it, rerank services and the proxies in front of them wrap one sentence in about a dozen ways. A `FailureText` holds
the innermost sentence, the shape it came in, and the few machine-readable facts beside it. The text may echo a prompt or an address, so it
is for matching only; `quoting.quotable` makes text fit for showing. Nothing here raises.
"""

import html
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

import attrs

from translator import codec

BODY_CHARS = 64 * 1024
"""Characters of a body that are looked at."""

TEXT_CHARS = 4000
"""Characters of a sentence that are kept. The longest recorded one has 640 (0.33.0-rc2 `load-no-llama-server`)."""

LARGEST_NUMBER = 10**12
DEPTH = 6
"""Levels of wrapping that are undone; three were recorded (`error` string, JSON inside it, `error` object inside that)."""


class Shape(StrEnum):
    """What kind of body carried the refusal."""

    TEXT_IN_JSON = "json"
    """JSON with a sentence in it."""
    NAMELESS = "json without text"
    """JSON without a sentence, such as `{"error":{}}` (0.5.13 `embed-too-long`)."""
    PLAIN = "plain text"
    HTML = "web page"
    EMPTY = "empty"
    CUT = "cut json"
    """JSON that ends too early; `text` holds what could be read of the sentence (0.33.0-rc2 `cloud-stub-cut` has none)."""


@attrs.frozen(slots=True, kw_only=True)
class FailureText:
    """A refusal without its wrapping. Token counts are None when the server gave none."""

    text: str = attrs.field(default="", repr=False)
    """The innermost sentence, or the title of a web page. Not fit for showing."""
    kind: Shape = Shape.EMPTY
    type: str = ""
    """The machine-readable kind, such as `exceed_context_size_error` or `Validation`."""
    status: int | None = None
    """The status that the body itself names: `StatusCode` of a cloud stub, `code` of llama-server."""
    n_prompt_tokens: int | None = None
    n_ctx: int | None = None
    n_excess: int | None = None
    """Tokens over the window, of a server that names neither of the two numbers (ollama.com)."""
    signin: bool = False
    """The server offers a sign-in address (`signin_url`): the machine has no ollama.com account."""
    page_by: str = ""
    """The proxy that a web page names, such as `nginx`; empty when unknown."""


def unwrap(body: bytes, content_type: str = "") -> FailureText:
    """Reads the body of an HTTP reply."""
    return unwrap_text(body[: BODY_CHARS * 4].decode("utf-8", "replace"), content_type)


def unwrap_text(text: str, content_type: str = "") -> FailureText:
    """Reads a body, or an in-band `error`, that is already text."""
    text = text[:BODY_CHARS].strip().removeprefix("\ufeff")
    return _of_text(text, FailureText(kind=Shape.NAMELESS), DEPTH + 1, Shape.PLAIN, content_type) if text else FailureText()


def unwrap_value(value: object) -> FailureText | None:
    """Reads decoded JSON; None when `value` is no object, list or string."""
    return _unwrap(value, FailureText(kind=Shape.NAMELESS), DEPTH)


def _unwrap(value: object, outer: FailureText, depth: int) -> FailureText | None:
    match value:
        case dict():
            outer = _with_facts(value, outer)
            inner = next(_sentences(value), None)
            found = _unwrap(inner, outer, depth - 1) if depth else None
            return found or outer
        case list():
            inner = next((item for item in value if isinstance(item, dict | str) and item), None)
            return (_unwrap(inner, outer, depth - 1) if depth else None) or outer
        case str():
            return _of_text(value[:BODY_CHARS].strip(), outer, depth, Shape.TEXT_IN_JSON)
        case _:
            return None


def _of_text(text: str, outer: FailureText, depth: int, kind: Shape, content_type: str = "") -> FailureText:
    if not text:
        return outer
    if _is_page(text, content_type):
        return attrs.evolve(outer, text=_title(text), kind=Shape.HTML, page_by=proxy_named_in(text))
    if text[0] in '{["' and depth:  # a bare number or `true` is a text like any other
        found = _unwrap(_json(text), outer, depth - 1)
        if found is not None:
            return found
        if JSON_START.match(text):
            return _sentence(_rest_of_cut_json(text), Shape.CUT, outer)
    return _sentence(text, kind, outer)


def _json(text: str) -> object:
    try:
        return codec.loads(text)
    except codec.DecodeError:
        return None


# --- objects -------------------------------------------------------------------------------------------------------------------

SENTENCE_KEYS = ("error", "message", "detail", "msg", "errors", "error_message", "title")
"""Where services put their sentence, in order of preference: Ollama and TEI `error`, llama.cpp `error.message`, Cohere `message`,
FastAPI `detail` (a list of `msg` for a refused request). `input` of FastAPI repeats the documents and is never read."""

KIND_KEYS = ("type", "error_type", "code")
"""Where services say in one word what happened; `code` may be such a word (OpenAI: `context_length_exceeded`) or a status."""

STATUS_KEYS = ("StatusCode", "code", "status")


def _sentences(value: Mapping[str, object]) -> Iterator[object]:
    """The values that may hold the sentence; an error that has both place and message gives them joined."""
    place = value.get("loc")
    for key in SENTENCE_KEYS:
        held = value.get(key)
        if not isinstance(held, dict | list | str) or not held:
            continue
        if key == "msg" and isinstance(place, list) and isinstance(held, str):
            yield f"{'.'.join(str(step) for step in place[:6] if isinstance(step, str | int))}: {held}"
        yield held


def _with_facts(value: Mapping[str, object], known: FailureText) -> FailureText:
    kinds = [kind[:100] for key in KIND_KEYS if isinstance(kind := value.get(key), str) and kind]
    return attrs.evolve(
        known,
        type=" ".join(kinds) or known.type,
        status=next(filter(None, (_count(value.get(key)) for key in STATUS_KEYS)), known.status),
        n_prompt_tokens=_known(_count(value.get("n_prompt_tokens")), known.n_prompt_tokens),
        n_ctx=_known(_count(value.get("n_ctx")), known.n_ctx),
        signin=known.signin or bool(value.get("signin_url")),
    )


def _known(new: int | None, old: int | None) -> int | None:
    return old if new is None else new


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_NUMBER else None


# --- text --------------------------------------------------------------------------------------------------------------------

GO_MAP = re.compile(r"map\[(?:code:(?P<code>\d{1,9}) )?message:(?P<message>.*)\]", re.DOTALL)
GO_MAP_TAIL = re.compile(r"(?: (?:n_ctx|n_prompt_tokens|param|type):\S{0,200})+$")
"""A Go map printed with `%v`: keys in alphabetical order, nothing quoted (0.33.0-rc2 `native-error-midway`)."""

TOKEN_COUNTS = tuple(
    re.compile(re.sub(r"<(\w+)>", r"(?P<\1>\\d[\\d,]{0,14})", pattern), re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"request \(<prompt> tokens\) exceeds the available context size \(<window> tokens\)",
        r"input \(<prompt> tokens\) is larger than the max context size \(<window> tokens\)",
        r"input length \(<prompt> tokens\) exceeds the model's maximum context length \(<window> tokens\)",
        r"input \(<prompt> tokens\) is too large to process.{0,80}current batch size: <window>\)",
        r"exceeded max context length by <excess> tokens",
        r"must have less than <window> tokens\. Given: <prompt>",
        r"must be <= <window>\. Given: <prompt> `inputs` tokens",
        r"decoder prompt \(length <prompt>\) is longer than the maximum model length of <window>",
        r"maximum (?:context|prompt) length (?:is|of) <window>(?: tokens)?\b.{0,80}?<prompt>(?: input)? tokens",
        r"input \(<prompt> tokens\) is longer than the model's context length \(<window> tokens\)",
        r"prompt is too long: <prompt> tokens > <window> maximum",
        r"prompt is too long: <prompt>, model maximum context length: <window>",
        r"exceed context limit: <prompt> \+ \d+ > <window>",
        r"input token count \(<prompt>\) exceeds the maximum number of tokens allowed \(<window>\)",
        r"max input tokens: <window>, request input token count: <prompt>",
        r"prompt contains <prompt> tokens.{0,60}model with <window> maximum context length",
        r"cannot exceed <window> - received <prompt>",
        r"exceeded model token limit: <window> \(requested: <prompt>\)",
        r"prompt token count of <prompt> exceeds the limit of <window>",
        r"prompt length \(<prompt>\) exceeds maximum input length \(<window>\)",
        r"keep the first <prompt> tokens .{0,100}context length of only <window> tokens",
        r"n_keep: <prompt>\s?>= n_ctx: <window>",
        r"limit of <window> tokens.{0,40}resulted in <prompt> tokens",
        r"(?<![\w.,])<prompt>(?: tokens)?\)?(?: maximum)?,? .{0,30}?"
        r"(?:exceeds?|(?:longer|larger|greater|more) than|over|>|supports only|context is)\b.{0,40}?(?<![\w.,])<window>\b",
        r"(?<![\w.,])<prompt>(?: tokens)? > <window>\b",
        r"exceed(?:s|ed) .{0,40}?\bby <excess> tokens",
    )
)
"""Refusals that name how long the prompt is and how much fits. Engines: llama-server and its two older forms, MLX, ollama.com, TEI and
TGI, vLLM, SGLang, TensorRT, LM Studio. Services behind Ollama's cloud, and gateways: OpenAI, DeepSeek, xAI, OpenRouter, Anthropic,
Fireworks, Gemini, Bedrock, Mistral, Cohere, Moonshot, Copilot."""

JSON_START = re.compile(r"\{|\[\s*[{\"]")
CUT_TEXT = re.compile(r'"(?:error|message|detail)"\s*:\s*"((?:[^"\\]|\\.)*)')


def _sentence(text: str, kind: Shape, outer: FailureText) -> FailureText:
    """`outer` with a sentence: bounded, freed from a Go map, its token counts read."""
    text = text[:TEXT_CHARS]
    printed = GO_MAP.search(text)
    if printed is not None:
        code = printed["code"]
        outer = attrs.evolve(outer, status=int(code) if code else outer.status)
        text = text[: printed.start()] + GO_MAP_TAIL.sub("", printed["message"])
    return _with_numbers(attrs.evolve(outer, text=text, kind=kind))


def _with_numbers(found: FailureText) -> FailureText:
    for pattern in TOKEN_COUNTS:
        seen = pattern.search(found.text)
        if seen is not None:
            numbers = {name: int(digits.replace(",", "")) for name, digits in seen.groupdict().items()}
            return attrs.evolve(
                found,
                n_prompt_tokens=_known(found.n_prompt_tokens, numbers.get("prompt")),
                n_ctx=_known(found.n_ctx, numbers.get("window")),
                n_excess=numbers.get("excess"),
            )
    return found


def _rest_of_cut_json(text: str) -> str:
    held = CUT_TEXT.search(text)
    if held is None:
        return ""
    whole = _json(f'"{held[1]}"')
    return whole if isinstance(whole, str) else held[1].replace('\\"', '"')


# --- web pages -------------------------------------------------------------------------------------------------------------------

PAGE_START = re.compile(r"\s*<(?:!doctype\s+html|html|head|body|title|center|h1)\b", re.IGNORECASE)
PAGE_TITLE = re.compile(r"<title[^>]{0,200}>(.{1,500}?)</title>", re.IGNORECASE | re.DOTALL)
PAGE_HEADING = re.compile(r"<h1[^>]{0,200}>(.{1,500}?)</h1>", re.IGNORECASE | re.DOTALL)
MARKUP = re.compile(r"<[^>]{0,300}>")

PROXY_NAMED = re.compile(
    r"\b(nginx|openresty|cloudflare|traefik|caddy|haproxy|envoy|apache|squid|varnish|tailscale|ngrok|cloudfront|tinyproxy|privoxy"
    r"|mitmproxy|zscaler)\b",
    re.IGNORECASE,
)


def proxy_named_in(text: str) -> str:
    """The first known proxy that `text` names, in lower case, or an empty string."""
    seen = PROXY_NAMED.search(text[:BODY_CHARS])
    return seen[1].lower() if seen else ""


def _is_page(text: str, content_type: str) -> bool:
    return PAGE_START.match(text) is not None or ("html" in content_type.lower() and text.startswith("<"))


def _title(page: str) -> str:
    heading = PAGE_TITLE.search(page) or PAGE_HEADING.search(page)
    return html.unescape(MARKUP.sub(" ", heading[1])).strip() if heading else ""

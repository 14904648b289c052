"""Prompts that are too long, in the words of every engine and gateway: recognised, and their numbers read."""

import orjson
import pytest

from translator.embedding.replies import Refused, refusal_of
from translator.failures.bodies import unwrap
from translator.failures.build import failure_from_reply
from translator.shapes.exchange import HttpReply

type Numbers = tuple[int | None, int | None, int | None]
"""Tokens of the prompt, of the window, and over it."""

NONE: Numbers = (None, None, None)

SAYS: dict[str, tuple[str, Numbers]] = {
    "llama-server": ("request (12628 tokens) exceeds the available context size (8192 tokens), try increasing it", (12628, 8192, None)),
    "llama-server without numbers": ("the request exceeds the available context size. try increasing the context size", NONE),
    "llama-server, batch": (
        "input (900 tokens) is too large to process. increase the physical batch size (current batch size: 512)",
        (900, 512, None),
    ),
    "llama-server, slot": ("input (9000 tokens) is larger than the max context size (8192 tokens). skipping", (9000, 8192, None)),
    "Ollama, 0.24": ("the input length exceeds the context length", NONE),
    "Ollama, 0.12": ("input exceeds maximum context length", NONE),
    "Ollama, 0.5": ("input length exceeds maximum context length", NONE),
    "Ollama, shift off": ("the prompt is longer than the context length currently available to the model; shorten the prompt", NONE),
    "Ollama, MLX": ("input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)", (9000, 8192, None)),
    "ollama.com": ("prompt too long; exceeded max context length by 3044 tokens", (None, None, 3044)),
    "ollama.com, large": ("prompt too long; exceeded max context length by 1,203,044 tokens (ref: 1)", (None, None, 1_203_044)),
    "vLLM": (
        "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8500 in the messages, 500 in the "
        "completion). Please reduce the length of the messages or completion.",
        (9000, 8192, None),
    ),
    "vLLM, newer": (
        "This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the length of "
        "the input messages.",
        (5000, 4096, None),
    ),
    "vLLM, engine": ("The decoder prompt (length 5000) is longer than the maximum model length of 4096.", (5000, 4096, None)),
    "SGLang": ("The input (9000 tokens) is longer than the model's context length (8192 tokens).", (9000, 8192, None)),
    "SGLang, newer": (
        "Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of 9000 tokens: 8500 "
        "tokens from the input messages and 500 tokens for the completion.",
        (9000, 8192, None),
    ),
    "TGI": ("Input validation error: `inputs` must have less than 4095 tokens. Given: 5000", (5000, 4095, None)),
    "TGI, sum": (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 500 `max_new_tokens`",
        (4000, 4096, None),
    ),
    "TensorRT": ("prompt length (5000) exceeds maximum input length (4096)", (5000, 4096, None)),
    "LM Studio": (
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 "
        "tokens, which is not enough.",
        (5000, 4096, None),
    ),
    "LM Studio, newer": (
        "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5000>= n_ctx: 4096).",
        (5000, 4096, None),
    ),
    "OpenAI": ("Your input exceeds the context window of this model. Please adjust your input and try again.", NONE),
    "OpenAI, older": (
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
        (130000, 128000, None),
    ),
    "OpenRouter": (
        "This endpoint's maximum context length is 131072 tokens. However, you requested about 140000 tokens (139000 of text input).",
        (140000, 131072, None),
    ),
    "Anthropic": ("prompt is too long: 208310 tokens > 200000 maximum", (208310, 200000, None)),
    "Anthropic, sum": (
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens`",
        (188240, 200000, None),
    ),
    "Gemini": ("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", (1200000, 1048576, None)),
    "Bedrock": ("Input is too long for requested model.", NONE),
    "Bedrock, newer": ("Too many input tokens. Max input tokens: 8192, request input token count: 9000", (9000, 8192, None)),
    "Mistral": (
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        (40000, 32768, None),
    ),
    "Cohere": (
        "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try using a shorter prompt",
        (5000, 4081, None),
    ),
    "Groq": ("Please reduce the length of the messages or completion.", NONE),
    "Fireworks": ("The prompt is too long: 9000, model maximum context length: 8191", (9000, 8191, None)),
    "Moonshot": ("Invalid request: Your request exceeded model token limit: 262144 (requested: 270000)", (270000, 262144, None)),
    "Zhipu": ("Prompt exceeds max length", NONE),
    "DashScope": ("Range of input length should be [1, 30720]", NONE),
    "MiniMax": ("invalid params, context window exceeds limit", NONE),
    "xAI": ("This model's maximum prompt length is 131072 but the request contains 137000 tokens.", (137000, 131072, None)),
    "Copilot": ("prompt token count of 140000 exceeds the limit of 128000", (140000, 128000, None)),
    "others 1": ("requested 9000 tokens but the context is 8192 (prompt too large)", (9000, 8192, None)),
    "others 2": ("Input length (9000) exceeds maximum allowed length (8192)", (9000, 8192, None)),
    "others 3": ("total tokens 9,000 exceeds limit 8,192", (9000, 8192, None)),
    "others 4": ("The prompt has 300000 tokens, but the model supports only 262144", (300000, 262144, None)),
    "others 5": (
        "input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.",
        (300000, 272000, None),
    ),
    "others 6": ("Context length exceeded: 9001 > 8192", (9001, 8192, None)),
    "others 7": ("Prompt length 9001 exceeds num_ctx 8192", (9001, 8192, None)),
    "others 8": ("prompt too long: exceeded the context window by 512 tokens", (None, None, 512)),
}


def body(text: str) -> bytes:
    return orjson.dumps({"error": text})


@pytest.mark.parametrize("status", [400, 413, 500])
@pytest.mark.parametrize("who", SAYS)
def test_a_prompt_that_is_too_long_is_recognised(who: str, status: int) -> None:
    text, _ = SAYS[who]
    assert failure_from_reply(status, body(text)).code == "prompt_too_long"


@pytest.mark.parametrize("who", SAYS)
def test_its_numbers_are_read(who: str) -> None:
    text, numbers = SAYS[who]
    found = unwrap(body(text))
    assert (found.n_prompt_tokens, found.n_ctx, found.n_excess) == numbers


@pytest.mark.parametrize("who", SAYS)
def test_a_text_to_embed_that_is_too_long_is_recognised(who: str) -> None:
    text, _ = SAYS[who]
    assert failure_from_reply(400, body(text), route="/api/embed").code == "text_too_long"
    assert refusal_of(HttpReply(status=400, body=body(text))).kind is Refused.OVERLONG


CODES: dict[str, dict[str, object]] = {
    "OpenAI": {"error": {"message": "no", "type": "invalid_request_error", "code": "context_length_exceeded"}},
    "llama-server": {"error": {"message": "no", "type": "exceed_context_size_error", "n_prompt_tokens": 7, "n_ctx": 5}},
    "Copilot": {"error": {"message": "no", "code": "model_max_prompt_tokens_exceeded"}},
}


@pytest.mark.parametrize("plain", CODES.values(), ids=CODES)
def test_the_machine_readable_word_is_enough(plain: dict[str, object]) -> None:
    assert failure_from_reply(400, orjson.dumps(plain)).code == "prompt_too_long"


OTHERS: dict[str, tuple[int, str, str]] = {
    "the answer": (400, "max_tokens (32000) exceeds model's maximum output tokens (16384)", "output_limit"),
    "the answer, in vLLM": (
        400,
        "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 tokens and your request "
        "has 200 input tokens (5000 > 4096 - 200).",
        "output_limit",
    ),
    "an allowance": (429, "Rate limit reached: too many tokens per minute (TPM): Limit 30000, Requested 40000", "rate_limited"),
    "while answering": (500, "Context size has been exceeded.", "context_full"),
    "a name": (400, "invalid model name", "model_name_invalid"),
}


@pytest.mark.parametrize(("status", "text", "code"), OTHERS.values(), ids=OTHERS)
def test_what_only_sounds_like_it(status: int, text: str, code: str) -> None:
    assert failure_from_reply(status, body(text)).code == code

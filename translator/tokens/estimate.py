"""The estimate: what was measured of a text, times what it costs in the model's vocabulary.

No vocabulary is loaded or fetched: one has megabytes, and tokenizers fetch it from the network. The weights are fitted to real vocabularies
by `python -m tests.tokens.fit`. On texts that nothing was fitted to (`tests/tokens`, 108 texts, eleven vocabularies) half of the estimates
are within 6 % of the truth, none is more than 15 % below it, and 1.5 % are more than 30 % above it. `TokenCalibration` learns the rest from
real counters.
"""

import json
from collections.abc import Iterator, Mapping, Sequence

from translator.shapes.dify import Message, TextPart, Tool
from translator.tokens.features import FEATURES, measure
from translator.tokens.vocabularies import Vocabulary
from translator.tokens.weights import WEIGHTS

MEDIA_TOKENS = 768
"""One picture or sound; the server reckons the same when it drops old turns (0.33.0 server/prompt.go)."""

MESSAGE_TOKENS = 5
"""Role and end marks of one message: 4 or 5 in the ChatML, Llama 3 and Gemma templates."""

PROMPT_TOKENS = 4
"""Start mark and the opening of the answer, once per prompt."""

TEXT_MARKS = 2
"""Begin and end of a text that is embedded (0.24.0 and 0.33.0 `embeddinggemma-one`, `embed-one`)."""

TOOLS_TOKENS = 60
"""What templates say around the list of tools, once per prompt."""

TOOL_CALL_TOKENS = 10
"""Marks and JSON keys around one call."""

MANY, TOGETHER = 2_000, 64
"""Texts from which on so many are measured as one. A blank between two changes the estimate by less than 7 % of what the texts cost, and
less of what the messages do."""

_FREE = (0.0,) * len(Vocabulary)
_ROWS: Mapping[Vocabulary, tuple[float, ...]] = dict(
    zip(Vocabulary, zip(*(WEIGHTS.get(feature, _FREE) for feature in FEATURES), strict=True), strict=True)
)
"""What each feature costs, in the order of the features."""


def estimate_text(text: str, vocabulary: Vocabulary = Vocabulary.OTHER) -> int:
    """Tokens of one text without any marks around it; 0 only for the empty text."""
    if not text:
        return 0
    measured = measure(text.encode("utf-8", "surrogatepass"))
    return max(1, round(sum(weight * amount for weight, amount in zip(_ROWS[vocabulary], measured, strict=True))))


def estimate_texts(texts: Sequence[str], vocabulary: Vocabulary = Vocabulary.OTHER, marks: int = 0) -> list[int]:
    """One estimate per text, in order, each with so many marks unless it is empty; texts that are equal are measured once."""
    known = {text: estimate_text(text, vocabulary) + (marks if text else 0) for text in set(texts)}
    return [known[text] for text in texts]


def estimate_messages(messages: Sequence[Message], tools: Sequence[Tool] = (), vocabulary: Vocabulary = Vocabulary.OTHER) -> int:
    """Tokens of a whole prompt: texts, files, past calls, the tools offered, and the marks that templates add. Never 0."""
    texts = [text for message in messages for text in _texts(message)]
    total = PROMPT_TOKENS + sum(map(_marks, messages)) + _tokens_of_all(texts, vocabulary)
    if tools:
        total += TOOLS_TOKENS + sum(_tool(tool, vocabulary) for tool in tools)
    return total


def most_tokens(messages: Sequence[Message]) -> int:
    """Tokens of these messages, without their files, in the worst vocabulary: each byte is one."""
    marks = PROMPT_TOKENS + sum(MESSAGE_TOKENS + TOOL_CALL_TOKENS * len(message.tool_calls) for message in messages)
    texts = [text for message in messages for text in _texts(message)]
    return marks + sum(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")) for text in texts)


def _texts(message: Message) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    else:
        yield from (part.text for part in message.content if isinstance(part, TextPart))
    for call in message.tool_calls:
        yield call.name
        yield call.arguments


def _marks(message: Message) -> int:
    """What a message costs beside its texts."""
    files = 0 if isinstance(message.content, str) else sum(not isinstance(part, TextPart) for part in message.content)
    return MESSAGE_TOKENS + MEDIA_TOKENS * files + TOOL_CALL_TOKENS * len(message.tool_calls)


def _tokens_of_all(texts: Sequence[str], vocabulary: Vocabulary) -> int:
    """Measuring a text costs 30 microseconds before its first character, so very many are measured some at a time."""
    if len(texts) > MANY:
        texts = [" ".join(filter(None, texts[at : at + TOGETHER])) for at in range(0, len(texts), TOGETHER)]
    return sum(estimate_text(text, vocabulary) for text in texts)


def _tool(tool: Tool, vocabulary: Vocabulary) -> int:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    try:
        text = json.dumps({"type": "function", "function": function}, ensure_ascii=False, default=str)
    except RecursionError:
        return 0  # as deep as that it is not sent (`json_too_deep`)
    return estimate_text(text, vocabulary)

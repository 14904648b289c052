"""The estimate: what was measured of a text, times what it costs in the model's vocabulary.

No vocabulary is loaded or fetched: one has megabytes, and tokenizers fetch it from the network. The weights are fitted to real vocabularies
by `python -m tests.tokens.fit`. On texts that nothing was fitted to (`tests/tokens`, 106 kinds, eleven vocabularies) half of the estimates
are within 6 % of the truth, none is more than 15 % below it, and 1.5 % are more than 30 % above it. `TokenCalibration` learns the rest from
real counters.
"""

import json
from collections.abc import Mapping, Sequence

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
    total = PROMPT_TOKENS + sum(_message(message, vocabulary) for message in messages)
    if tools:
        total += TOOLS_TOKENS + sum(_tool(tool, vocabulary) for tool in tools)
    return total


def _message(message: Message, vocabulary: Vocabulary) -> int:
    parts = (TextPart(message.content),) if isinstance(message.content, str) else message.content
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    total = MESSAGE_TOKENS + MEDIA_TOKENS * (len(parts) - len(texts)) + sum(estimate_text(text, vocabulary) for text in texts)
    return total + sum(
        TOOL_CALL_TOKENS + estimate_text(call.name, vocabulary) + estimate_text(call.arguments, vocabulary) for call in message.tool_calls
    )


def _tool(tool: Tool, vocabulary: Vocabulary) -> int:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return estimate_text(json.dumps({"type": "function", "function": function}, ensure_ascii=False, default=str), vocabulary)

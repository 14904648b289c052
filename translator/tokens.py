"""Estimates tokens offline: for budgets before a request, and for usage where the server counted nothing.

Enters: texts, messages, tools. Leaves: whole numbers, never 0 for something. What never happens: a vocabulary is loaded or
fetched (tiktoken and tokenizers need one from the network on first use, and it is not the one of the user's model).

How: UTF-8 is turned into one class letter per character; then words, runs and characters of each class are counted in C and weighed by
the tables below. Measured at 20 to 55 ms per million characters of any script on one busy core (20 to 40 ms per MB of UTF-8), so that
nothing is sampled but the question which language Latin words are of.

Error: the weights lie between today's open vocabularies (Llama 3, Qwen 3, Gemma, Mistral), which for one and the same text differ among
themselves by 10 % (English), 25 % (Russian, Korean, Finnish), 50 % (Ukrainian) or several times (Hindi, Bengali, Tamil). Against the middle
of counts published for a page of text the estimate was off by 1 % (English), 3 % (Russian, Korean), 9 % (Ukrainian) and 8 % (Finnish); for
other languages only ratios are published, and the bands in `tests/translator/test_tokens.py` hold; a single sentence may be off by 30 %.
Recordings confirm little, because their models have toy vocabularies: `embed-*`, where a word is a token, agrees exactly (without the two
marks per text that newer servers count), and the chat models spell letter by letter, so they cannot be compared. `TokenCalibration` learns
the rest from real counters.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from statistics import median

import attrs

from translator.shapes.dify import Message, TextPart, Tool
from translator.token_classes import CLASSES, Classes, Pieces, classes_of

MEDIA_TOKENS = 768
"""One picture or sound; the server reckons the same when it drops old turns (0.33.0 server/prompt.go)."""

MESSAGE_TOKENS = 5
"""Role and end marks of one message: 4 or 5 in the ChatML, Llama 3 and Gemma templates."""

PROMPT_TOKENS = 4
"""Start mark and the opening of the answer, once per prompt."""

TOOLS_TOKENS = 60
"""What templates say around the list of tools, once per prompt."""

TOOL_CALL_TOKENS = 10
"""Marks and JSON keys around one call."""

_PER_CHARACTER: Mapping[bytes, float] = {
    b"e": 0.3,
    b"z": 0.6,
    b"g": 0.42,
    b"c": 0.25,
    b"u": 0.8,
    b"h": 0.42,
    b"a": 0.42,
    b"d": 0.5,
    b"T": 0.48,
    b"k": 0.66,
    b"m": 0.66,
    b"j": 0.68,
    b"x": 0.9,
    b"o": 0.9,
    b"E": 2.0,
    b"0": 0.65,
    b"p": 0.25,
}
"""Tokens per character of a class; Latin letters count by words instead."""

_PER_RUN: Mapping[bytes, float] = {
    b"cu": 0.4,
    b"g": 0.4,
    b"h": 0.4,
    b"a": 0.4,
    b"d": 0.3,
    b"k": 0.4,
    b"0": 0.35,
    b"p": 0.75,
    b"n": 1.0,
    b"t": 0.5,
}
"""Tokens on top for each run of these classes, such as a word or a row of signs."""

_PER_PAIR: Mapping[bytes, float] = {
    b"wW": 0.5,  # camelCase
    b"WW": 0.2,  # CAPITALS
    b"s0": 0.7,  # most vocabularies glue a space to a word, not to a number
    b"pw": -0.45,  # a sign may be one token with the word after it, as in .name
    b"pW": -0.45,
    b"pn": -0.5,  # and with the line end after it
}
"""Tokens on top for each such pair of neighbours."""

_LATIN_WORDS: tuple[tuple[int, float, float], ...] = (
    (1, 1.0, 1.0),
    (4, 0.0, 0.32),
    (7, 0.1, 0.8),
    (10, 0.2, 1.4),
    (13, 0.5, 1.7),
    (16, 0.9, 2.0),
    (20, 1.4, 2.4),
)
"""Tokens that a word gains when it has so many letters: in English, and in other languages of Latin script."""

_UNBROKEN, _UNBROKEN_TOKENS = 24, 6.0
"""Each further stretch of so many letters without a break (base64, hashes, hyphenless names)."""

_BLANKS = 64
"""One token holds at most about so many blanks."""

_ENGLISH = ("the", "of", "and", "to", "is", "in", "a", "that")
_FOREIGN = (
    *("de", "la", "que", "el", "en", "le", "les", "et", "des", "un", "una", "di", "il", "che"),
    *("der", "die", "und", "das", "ist", "den", "e", "o", "da", "do", "em", "van", "een", "det", "og", "och"),
    *("bir", "ve", "bu", "nie", "w", "na", "ja", "on", "ei", "az", "yang", "dan", "untuk", "itu", "dengan", "pada"),
)
"""The most frequent short words; how many of a text's words they are tells English from other languages."""

_LANGUAGE_SAMPLE = 16_384


def _mask(letters: bytes) -> bytes:
    return bytes(ord("x") if code in letters else ord(" ") for code in range(256))


_RUN_MASKS = tuple((letters, _mask(letters), weight) for letters, weight in _PER_RUN.items())
_LATIN_MASK, _BLANK_MASK = _mask(b"wWez"), _mask(b"st")
_LETTERS = tuple({letter.encode() for _, _, letter in CLASSES})
_ACCENTS = (*(bytes([lead]) for lead in range(0xC3, 0xCA)), b"\xe1\xba", b"\xe1\xbb")


def estimate_text(text: str) -> int:
    """Tokens of one text without any marks around it; 0 only for the empty text."""
    if not text:
        return 0
    data = text.encode("utf-8", "surrogatepass")
    foreign = _foreign_share(data)
    classes = classes_of(data)
    return max(1, round(_characters_and_runs(classes) + _latin_words(classes, foreign)))


def estimate_texts(texts: Sequence[str]) -> list[int]:
    """One estimate per text, in order; texts that are equal are counted once."""
    known = {text: estimate_text(text) for text in set(texts)}
    return [known[text] for text in texts]


def _characters_and_runs(classes: Classes) -> float:
    found = {letter: classes.count(letter) for letter in _LETTERS}
    total = sum(weight * found[letter] for letter, weight in _PER_CHARACTER.items())
    total += sum(weight * classes.count(pair) for pair, weight in _PER_PAIR.items() if found[pair[:1]] and found[pair[1:]])
    for letters, mask, weight in _RUN_MASKS:
        if any(found[bytes([letter])] for letter in letters):
            total += weight * _runs(classes, mask).count(b" x")
    blanks = _runs(classes, _BLANK_MASK)
    return total + blanks.count(b" xx") + blanks.count(b"x" * _BLANKS)


def _runs(classes: Classes, mask: bytes) -> Classes:
    return classes.runs(mask) if isinstance(classes, Pieces) else b" " + classes.translate(mask)


def _latin_words(classes: Classes, foreign: float) -> float:
    words = _runs(classes, _LATIN_MASK)
    total = words.count(b"x" * _UNBROKEN) * _UNBROKEN_TOKENS
    for letters, english, other in _LATIN_WORDS:
        total += words.count(b" " + b"x" * letters) * (english + (other - english) * foreign)
    return total


def _foreign_share(data: bytes) -> float:
    """How little the Latin words look English: 0.0 (English, code, or no words) to 1.0, from three samples of a long text."""
    if len(data) > 3 * _LANGUAGE_SAMPLE:
        middle = len(data) // 2
        data = b" ".join((data[:_LANGUAGE_SAMPLE], data[middle : middle + _LANGUAGE_SAMPLE], data[-_LANGUAGE_SAMPLE:]))
    data = data.lower()
    words = data.count(b" ") + 1
    accents = sum(data.count(lead) for lead in _ACCENTS) / len(data)
    foreign = sum(data.count(f" {word} ".encode()) for word in _FOREIGN) / words
    english = sum(data.count(f" {word} ".encode()) for word in _ENGLISH) / words
    return max(0.0, min(1.0, accents * 35 + foreign * 14 - english * 8))


def estimate_messages(messages: Sequence[Message], tools: Sequence[Tool] = ()) -> int:
    """Tokens of a whole prompt: texts, files, past calls, the tools offered, and the marks that templates add. Never 0."""
    total = PROMPT_TOKENS + sum(_message(message) for message in messages)
    if tools:
        total += TOOLS_TOKENS + sum(_tool(tool) for tool in tools)
    return total


def _message(message: Message) -> int:
    parts = (TextPart(message.content),) if isinstance(message.content, str) else message.content
    total = MESSAGE_TOKENS + sum(estimate_text(part.text) if isinstance(part, TextPart) else MEDIA_TOKENS for part in parts)
    return total + sum(TOOL_CALL_TOKENS + estimate_text(call.name) + estimate_text(call.arguments) for call in message.tool_calls)


def _tool(tool: Tool) -> int:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return estimate_text(json.dumps({"type": "function", "function": function}, ensure_ascii=False, default=str))


@attrs.define(slots=True)
class TokenCalibration:
    """Learns per model of a server how real counts relate to estimates; mutable, keeps the latest observations only, knows no clock.

    The factor is the median of the latest ratios, drawn towards 1 while there are few, so that single counts that are wrong do not
    matter: 0.30.0 left cached tokens out of `prompt_eval_count`, and a prompt that was cut counts only what was kept. `server` is any
    name without secrets, for callers with several servers: models of one name need not be one model.
    """

    kept: int = 15
    """Observations per model."""
    models: int = 256
    """Models remembered, of all servers together; the one not observed for the longest is forgotten first."""
    _ratios: dict[tuple[str, str], deque[float]] = attrs.field(factory=dict, init=False, repr=False)

    MIN_TOKENS = 32
    """Below this the template's own words decide the ratio."""
    MIN_FACTOR, MAX_FACTOR = 0.4, 3.0
    """Ratios beyond twice these bounds are no matter of vocabulary and are not learned from."""

    def observe(self, model: str, estimated: int, real: int, num_ctx: int = 0, server: str = "") -> None:
        """Notes one prompt: the estimate (not multiplied by the factor) and the server's `prompt_eval_count`.

        With `num_ctx`, a prompt that may have been cut to fit the window is left out: 0.24.0 then counts the whole window, 0.33.0 half
        of it (`too-long-truncated`).
        """
        if min(estimated, real) < self.MIN_TOKENS or not self.MIN_FACTOR / 2 <= real / estimated <= self.MAX_FACTOR * 2:
            return
        if num_ctx and max(real, estimated * self.factor(model, server)) >= num_ctx * 0.95:
            return
        ratios = self._ratios.pop((server, model), None) or deque(maxlen=self.kept)
        ratios.append(real / estimated)
        self._ratios[server, model] = ratios
        if len(self._ratios) > self.models:
            del self._ratios[next(iter(self._ratios))]

    def factor(self, model: str, server: str = "") -> float:
        """What to multiply an estimate with; 1.0 for a model never observed, always within the bounds."""
        ratios = self._ratios.get((server, model))
        if not ratios:
            return 1.0
        learned = 1 + (median(ratios) - 1) * len(ratios) / (len(ratios) + 1)
        return min(self.MAX_FACTOR, max(self.MIN_FACTOR, learned))

    def apply(self, model: str, estimated: int, server: str = "") -> int:
        """The estimate as this model would count it; at least 1 for something."""
        return max(1, round(estimated * self.factor(model, server))) if estimated > 0 else 0

"""Cause and remedy as one sentence, for places that have room for one: a form that refuses to be saved, the last line of the doctor.

The texts are our own, each of one or more sentences, which may quote a server; every word of them is kept. Errors of an answer stay two
sentences; there a person has the room to read.
"""

import re

_BREAK = re.compile(r"""(?P<quoted>"[^"]*"|`[^`]*`)|(?<=[^\s.(]\.)\s+(?![a-z])""")
"""The end of a sentence: a full stop behind a word. What is quoted has its own, and dots inside of names and numbers have no blank behind
them."""
_QUOTED = re.compile(r'"[^"]*"|`[^`]*`')
_COLON = re.compile(r":(?:\s|$)")
_COLON_OR_SEMICOLON = re.compile(r"[:;](?:\s|$)")
_FIRST_WORD = re.compile(r"[A-Z][a-z]*\b")
NAMES = (
    *("Ollama", "Dify", "Cloudflare", "Docker", "Linux", "Windows"),
    *("Open WebUI", "Text Embeddings Inference", "Xinference", "LM Studio", "LiteLLM"),
)
"""What keeps its capital in the middle of a sentence; abbreviations keep theirs anyway."""


def one_sentence(cause: str, remedy: str = "") -> str:
    """Joins them with a colon, or with semicolons where the colon would not be the only one or not the first; "" for nothing."""
    causes, remedies = _sentences(cause), _sentences(remedy)
    if not causes or not remedies:
        return _joined([*causes, *remedies])
    if len(causes) > 1 or _has(_COLON_OR_SEMICOLON, causes[0]) or _has(_COLON, remedies[0]):
        return _joined([*causes, *remedies])
    return _joined([f"{causes[0]}: {continuing(remedies[0])}", *remedies[1:]])


def continuing(text: str) -> str:
    """The text as it goes on after a colon or a semicolon: its first letter small, unless it is a name."""
    if _FIRST_WORD.match(text) is None or text.startswith(NAMES):
        return text
    return f"{text[0].lower()}{text[1:]}"


def without_stop(text: str) -> str:
    """The text without the full stop at its end."""
    return text.strip().rstrip(".").rstrip()


def _joined(parts: list[str]) -> str:
    if not parts:
        return ""
    return "; ".join([parts[0], *map(continuing, parts[1:])]) + "."


def _has(mark: re.Pattern[str], text: str) -> bool:
    return mark.search(_QUOTED.sub("", text)) is not None


def _sentences(text: str) -> list[str]:
    """Each without its full stop."""
    found, begin = [], 0
    for end in _BREAK.finditer(text):
        if end["quoted"] is None:
            found.append(text[begin : end.start()])
            begin = end.end()
    found.append(text[begin:])
    return [sentence for sentence in map(without_stop, found) if sentence]

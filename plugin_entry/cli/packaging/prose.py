"""What the marketplace demands of texts: an English README that says how to set up, use and connect, and a privacy statement of its own.

Enters: texts. Leaves: complaints.
"""

import re
from collections.abc import Iterator, Mapping

FOREIGN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
"""Chinese, Japanese and Korean writing, full-width punctuation included."""
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

TOPICS: Mapping[str, str] = {
    "how to set it up": r"(?i)\b(?:set ?up|install)",
    "how to use it": r"(?i)\buse\b|\busage\b",
    "which credentials or connection it needs": r"(?i)\b(?:credential|api key|connect)",
}
"""What a reader must find, and how it is recognised."""

TRANSLATION = re.compile(r"readme/README_[a-z]{2}_[A-Z][A-Za-z]+\.md")
TEMPLATE = re.compile(r"!!!|TO" r"DO|\[Your |lorem ipsum", re.IGNORECASE)
"""Remains of the template of `dify plugin init`."""
SHORTEST_STATEMENT = 200


def readme_complaints(text: str) -> Iterator[str]:
    """What is wrong with README.md."""
    prose = CODE.sub("", text)
    if foreign := FOREIGN.search(prose):
        yield f"{foreign[0]!r} is not English; translations belong in readme/"
    yield from (f"nothing about {topic}" for topic, pattern in TOPICS.items() if not re.search(pattern, prose))


def privacy_complaints(text: str) -> Iterator[str]:
    """What is wrong with PRIVACY.md."""
    if len(text) < SHORTEST_STATEMENT or TEMPLATE.search(text):
        yield "PRIVACY.md is empty or still the template"


def translation_complaints(paths: list[str]) -> Iterator[str]:
    """Files in `readme/` that Dify would not find."""
    yield from (f"{path} is not called README_<language>_<region>.md" for path in paths if not TRANSLATION.fullmatch(path))

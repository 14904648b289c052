"""Splits the thinking out of past assistant turns.

Enters: an answer as Dify stored it, with `<think>` blocks in the text. Leaves: the text without them and the thinking by itself, as the
server wants both apart. Tags with attributes and in any case are read, because answers of other providers come along when a user changes
the model; a block that was never closed is thinking to its end.
"""

import re

import attrs

THINK_BLOCK = re.compile(r"<think(?:\s[^>]{0,512})?>(.*?)(?:</think\s*>|\Z)", re.DOTALL | re.IGNORECASE)


@attrs.frozen(slots=True)
class PastAnswer:
    """What was said, and what was thought before it ("" when nothing was)."""

    content: str = attrs.field(repr=False)
    thinking: str = attrs.field(repr=False)


def split_thinking(text: str) -> PastAnswer:
    """Gives content and thinking of a past answer; several blocks are joined by a line break."""
    if "<" not in text:
        return PastAnswer(text, "")
    thoughts = [thought for match in THINK_BLOCK.finditer(text) if (thought := match.group(1).strip())]
    content, blocks = THINK_BLOCK.subn("", text)
    return PastAnswer(content.strip() if blocks else text, "\n".join(thoughts))

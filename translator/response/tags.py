"""Finds literal `<think>` and `</think>` in answer text, also when a tag is cut over several lines of the reply.

Enters: the text of `content`, piece by piece. Leaves: text and tag events in order; text that may be the beginning of a tag is held back
until the next piece decides. Servers before 0.9.0, models without the `thinking` capability and `think: false` leaks
(0.24.0 `think-false`, `inline-think-unflagged`) put thinking into the text this way. What a tag means is the machine's business.
"""

import re

import attrs

from translator.shapes.events import Event, WireEvent

OPEN = "<think>"
CLOSE = "</think>"
TAG = re.compile(f"{OPEN}|{CLOSE}")
STARTS = frozenset(tag[:length] for tag in (OPEN, CLOSE) for length in range(1, len(tag)))
LONGEST_START = len(CLOSE) - 1
TAG_EVENTS = {OPEN: WireEvent(Event.TAG_OPEN, OPEN), CLOSE: WireEvent(Event.TAG_CLOSE, CLOSE)}


@attrs.define(slots=True)
class TagSplitter:
    """Holds at most seven characters back."""

    held: str = attrs.field(default="", init=False, repr=False)
    """Text that the next piece decides about."""

    def feed(self, text: str) -> list[WireEvent]:
        """Gives the pieces that are certain by now."""
        if self.passes(text):
            return [WireEvent(Event.TEXT, text)] if text else []
        text = self.held + text
        pieces: list[WireEvent] = []
        position = 0
        for match in TAG.finditer(text):
            if match.start() > position:
                pieces.append(WireEvent(Event.TEXT, text[position : match.start()]))
            pieces.append(TAG_EVENTS[match.group()])
            position = match.end()
        rest = text[position:]
        self.held = _possible_start(rest)
        certain = rest[: len(rest) - len(self.held)]
        if certain:
            pieces.append(WireEvent(Event.TEXT, certain))
        return pieces

    def passes(self, text: str) -> bool:
        """True for text that `feed` would give back as it is: nothing is held, and nothing in it can be a tag."""
        return not self.held and "<" not in text

    def flush(self) -> list[WireEvent]:
        """Gives what was held back: no tag came of it."""
        held, self.held = self.held, ""
        return [WireEvent(Event.TEXT, held)] if held else []


def _possible_start(text: str) -> str:
    """The end of `text` that may become a tag, or an empty string."""
    at = text.rfind("<", max(0, len(text) - LONGEST_START))
    tail = text[at:] if at >= 0 else ""
    return tail if tail in STARTS else ""

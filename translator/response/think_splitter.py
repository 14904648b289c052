"""Separates thinking from the answer in any stream of text, also one that is not from Ollama."""

from typing import Literal

import attrs

from translator.response.machine import Machine
from translator.response.table import READING
from translator.response.tags import TagSplitter
from translator.shapes.events import Event, TextDelta, ThinkDelta, WireEvent

type PieceKind = Literal["thinking", "text"]
"""What a piece of the text is."""


@attrs.define(slots=True, kw_only=True)
class ThinkSplitter:
    """Takes a text in pieces, cut anywhere, and gives its parts as `("thinking", ...)` and `("text", ...)`.

    The tags of all families in `MARKERS` are known, such as `<think>` and `[THINK]`. They open a block at the beginning of the text, blanks
    aside. Tags in code and tags that an answer is about stay in the text. `thinks`: the model is known to think, so a later tag belongs to
    its thinking, too. The tags themselves and the blanks before the first word of thinking are left out. What may be the beginning of a
    tag is held until the next piece decides.
    """

    thinks: bool = False
    _tags: TagSplitter = attrs.field(factory=TagSplitter, init=False)
    _machine: Machine = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._machine = Machine(model="", thinks=self.thinks)

    def feed(self, text: str) -> list[tuple[PieceKind, str]]:
        """Gives what is certain by now; neighbours of one kind are one piece. After the end it gives nothing."""
        if self._machine.finished:
            return []
        self._tags.put(text)
        return self._parts()

    def end(self) -> list[tuple[PieceKind, str]]:
        """The text ended; gives what was held. A second call gives nothing."""
        if self._machine.finished:
            return []
        parts = self._parts(is_last=True)
        self._machine.feed(WireEvent(Event.STOP))
        return parts

    def _parts(self, is_last: bool = False) -> list[tuple[PieceKind, str]]:
        machine, parts = self._machine, list[tuple[PieceKind, str]]()
        while (event := self._tags.next(READING[machine.state], is_last)) is not None:
            machine.feed(event)
        for delta in machine.out.take():
            match delta:
                case ThinkDelta(text):
                    parts.append(("thinking", text))
                case TextDelta(text):
                    parts.append(("text", text))
        return parts

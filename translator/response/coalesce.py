"""Joins neighbouring text deltas, so that text which waits leaves in one frame instead of many.

Enters: deltas one by one. Leaves: the same deltas in the same order, neighbours of the same text kind joined, none longer than the
frame limit. A tag, the calls and the end are never joined with anything.
"""

import attrs

from translator.limits import DEFAULT_LIMITS, Limits
from translator.shapes.events import Delta, TextDelta, ThinkDelta

type TextKind = type[TextDelta] | type[ThinkDelta]


@attrs.define(slots=True)
class DeltaBuffer:
    """`take` gives what was collected since the last `take`."""

    limits: Limits = DEFAULT_LIMITS
    _ready: list[Delta] = attrs.field(factory=list, init=False)
    _kind: TextKind = attrs.field(default=TextDelta, init=False)
    _parts: list[str] = attrs.field(factory=list, init=False)

    def text(self, kind: TextKind, text: str) -> None:
        """Adds text of one kind."""
        if kind is not self._kind:
            self._close()
            self._kind = kind
        self._parts.append(text)

    def add(self, delta: Delta) -> None:
        """Adds a delta that stands alone."""
        self._close()
        self._ready.append(delta)

    def take(self) -> list[Delta]:
        """Gives everything collected, and starts anew."""
        self._close()
        ready, self._ready = self._ready, []
        return ready

    def _close(self) -> None:
        if not self._parts:
            return
        joined = self._parts[0] if len(self._parts) == 1 else "".join(self._parts)
        self._parts.clear()
        step = self.limits.frame_chars
        if 0 < len(joined) <= step:
            self._ready.append(self._kind(joined))
            return
        self._ready.extend(self._kind(joined[at : at + step]) for at in range(0, len(joined), step))

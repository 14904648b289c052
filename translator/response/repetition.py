"""Recognises the server's guard against endless repetition, the one reply that ends well without `done`.

Enters: the raw pieces of text of a reply. Leaves: whether its end is that guard's. The server stops after more than 30 equal consecutive
tokens (compared without white space) and sends no last line (0.5.13 to 0.33.0-rc2 `chat-repeat-abort`). With `stream: false` the same text
comes in one piece (`chat-repeat-abort-blocking`); there the unit is looked for in the text.
"""

import attrs

LIMIT = 30
LONGEST_UNIT = 64
"""Characters of the longest token looked for in a reply that came in one piece."""


@attrs.define(slots=True)
class Repetition:
    """Counts how often the last piece came in a row."""

    run: int = 0
    pieces: int = 0
    _last: str = attrs.field(default="", init=False, repr=False)
    _text: str = attrs.field(default="", init=False, repr=False)

    def note(self, text: str) -> None:
        """Takes one piece of `content` or `thinking` as the line carried it."""
        self.pieces += 1
        piece = text.strip()
        if piece == self._last and self.run:
            self.run += 1
        else:
            self._last, self.run, self._text = piece, 1, text

    @property
    def aborted(self) -> bool:
        """True when the pieces end as the guard leaves them."""
        if self.pieces == 1:
            return _ends_in_repetition(self._text)
        return self.run > LIMIT


def _ends_in_repetition(text: str) -> bool:
    """True when the last characters are one unit over and over."""
    times = LIMIT + 1
    return any(len(text) >= length * times and text.endswith(text[-length:] * times) for length in range(1, LONGEST_UNIT + 1))

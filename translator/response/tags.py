"""Finds the literal tags of thinking in answer text, also when a tag is cut over several lines of the reply.

Servers before 0.9.0, models without the `thinking` capability and `think: false` leave thinking in the text (0.24.0 `think-false`,
`inline-think-unflagged`). Answers *about* tags hold the same characters and must arrive letter for letter. So what is looked for depends
on where the reply is (`Reading`, which the table gives for each state):

- At the beginning, blanks aside: the opening tag of any family (`MARKERS`).
- Inside a block: the closing tag of that block, unless it stands between back-ticks. Other think tags are left out of the thinking, as
  every reader of the block would take them for its end. Fences do not count here: one that is never closed would swallow the answer.
- In the answer: `<think>` and `</think>`, unless they stand in code. What a tag means there is the table's business.

Text that may be the beginning of a tag is held back until the next piece decides.
"""

import re

import attrs

from translator.shapes.events import Event, Reading, WireEvent


@attrs.frozen(slots=True)
class Marker:
    """What a family of models writes around its thinking."""

    opens: str
    closes: str


OPEN, CLOSE = "<think>", "</think>"
THINK = Marker(OPEN, CLOSE)
MARKERS: tuple[Marker, ...] = (
    THINK,  # DeepSeek R1, Qwen 3, and most others
    Marker("<thinking>", "</thinking>"),
    Marker("<thought>", "</thought>"),  # EXAONE Deep
    Marker("<thoughts>", "</thoughts>"),
    Marker("<reasoning>", "</reasoning>"),
    Marker("<seed:think>", "</seed:think>"),  # Seed-OSS
    Marker("<longcat_think>", "</longcat_think>"),  # LongCat
    Marker("[THINK]", "[/THINK]"),  # Magistral, Ministral
    Marker("<|channel>thought", "<channel|>"),  # Gemma 4
    Marker("<unused94>thought", "<unused95>"),  # MedGemma
    Marker("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    Marker("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker
    Marker("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    Marker("◁think▷", "◁/think▷"),  # Kimi-VL
    Marker("<|channel|>analysis<|message|>", "<|end|>"),  # gpt-oss
    Marker("<|start|>assistant<|channel|>analysis<|message|>", "<|end|>"),
)
HEADERS = ("<|start|>assistant<|channel|>final<|message|>", "<|channel|>final<|message|>")
"""What gpt-oss writes before its answer; left out."""
NATIVE = Marker("", "")
"""A block that the server keeps apart: nothing in its text ends it."""

BLANKS = re.compile(r"\s*")
END_OF_BOTH = "think>"
REST_OF_LINE = re.compile(r"[ \t]{0,8}\r?(?:\n|\Z)")
TICKS = re.compile(r"`+|\n")
LINE_START = 64
"""Blanks before a tag that are looked through for the end of the line before; a tag further to the right does not stand alone."""
FENCE = 3
"""Back-ticks that open code of several lines."""


def think_tag(text: str, at: int) -> tuple[int, str] | None:
    """Where the next think tag begins, and which one it is. One plain search: an expression takes 50 times as long in text without tags."""
    start = at
    while (found := text.find(END_OF_BOTH, at)) >= 0:
        for tag in (OPEN, CLOSE):
            begin = found + len(END_OF_BOTH) - len(tag)
            if begin >= start and text.startswith(tag, begin):
                return begin, tag
        at = found + 1
    return None


@attrs.frozen(slots=True)
class Starts:
    """The beginnings of some tags."""

    words: frozenset[str]
    longest: int

    def certain_end(self, text: str, at: int) -> int:
        """Where the part of `text` ends that is not such a beginning."""
        end = len(text)
        lengths = range(min(self.longest, end - at), 0, -1)
        return end - next((length for length in lengths if text[end - length :] in self.words), 0)


def _starts(*tags: str) -> Starts:
    return Starts(frozenset(tag[:length] for tag in tags for length in range(1, len(tag))), max(map(len, tags)) - 1)


FOREIGN_TAGS = {marker: re.compile(f"{re.escape(marker.closes)}|{OPEN}|{CLOSE}") for marker in MARKERS if marker is not THINK}
BLOCK_STARTS = {marker: _starts(marker.closes, OPEN, CLOSE) for marker in (*MARKERS, NATIVE)}
ANSWER_STARTS = _starts(OPEN, CLOSE)
FIRST_STARTS = _starts(CLOSE, *(marker.opens for marker in MARKERS), *HEADERS)
FIRST_CHARACTERS = frozenset(word for word in FIRST_STARTS.words if len(word) == 1)


@attrs.define(slots=True)
class Code:
    """Whether the text so far ends inside code: between back-ticks, or in a fence of three or more."""

    _open: int = attrs.field(default=0, init=False)
    """Back-ticks that opened it; 0 outside of code."""
    _run: int = attrs.field(default=0, init=False)
    """Back-ticks at the end of the text, which the next piece may continue."""

    @property
    def is_watching(self) -> bool:
        """True where plain text matters: a line end ends inline code, anything ends a run of back-ticks."""
        return self._run > 0 or 0 < self._open < FENCE

    def read(self, text: str) -> None:
        """Takes text without tags."""
        if "`" not in text:
            self._end_run()
            self._open = 0 if self._open < FENCE and "\n" in text else self._open
            return
        at = 0
        for match in TICKS.finditer(text):
            if match.start() > at:
                self._end_run()
            at = match.end()
            if match.group() == "\n":
                self._end_run()
                self._open = 0 if self._open < FENCE else self._open
            else:
                self._run += at - match.start()
        if at < len(text):
            self._end_run()

    def is_open(self) -> bool:
        """Whether what follows is in code, given that it is no back-tick."""
        self._end_run()
        return self._open > 0

    def is_inline(self) -> bool:
        """Whether it is in code that ends with the line."""
        return self.is_open() and self._open < FENCE

    def _end_run(self) -> None:
        if not self._run:
            return
        if not self._open:
            self._open = self._run
        elif self._run == self._open or self._run > self._open >= FENCE:
            self._open = 0
        self._run = 0


@attrs.define(slots=True)
class TagSplitter:
    """Splits text into text and tags. `put` takes a piece; `next` gives one part, which may change what is looked for in the rest."""

    marker: Marker = THINK
    """The kind of the last block."""
    before: str = attrs.field(default="", repr=False)
    """The last piece of text that came before what is held."""
    _text: str = attrs.field(default="", init=False, repr=False)
    _at: int = attrs.field(default=0, init=False)
    _code: Code = attrs.field(factory=Code, init=False)

    @property
    def is_holding(self) -> bool:
        """True while text is held that the next piece decides about."""
        return self._at < len(self._text)

    @property
    def is_watching(self) -> bool:
        """True while all text has to pass through here: something is held, or inline code or a block with another tag is open."""
        return self._at < len(self._text) or self.marker is not THINK or self._code.is_watching

    def put(self, text: str) -> None:
        """Takes the next piece."""
        self._text, self._at = self._text[self._at :] + text, 0

    def next(self, reading: Reading, is_last: bool = False) -> WireEvent | None:
        """The next part that is certain; None when the rest is held, or nothing is left. `is_last`: nothing more comes to decide it."""
        while self._at < len(self._text):
            at = self._at
            match reading:
                case Reading.BEGINNING:
                    event = self._at_beginning(is_last)
                case Reading.BLOCK:
                    event = self._in_block(is_last)
                case Reading.ANSWER:
                    event = self._in_answer(is_last)
            if event is not None or self._at == at:
                return event
        return None

    def _at_beginning(self, is_last: bool) -> WireEvent | None:
        blanks = BLANKS.match(self._text, self._at)
        word = self._at if blanks is None else blanks.end()
        if self._text[word : word + 1] not in FIRST_CHARACTERS:
            return self._in_answer(is_last)
        marker = next((marker for marker in MARKERS if self._text.startswith(marker.opens, word)), None)
        is_undecided = not is_last and len(self._text) - word <= FIRST_STARTS.longest and self._text[word:] in FIRST_STARTS.words
        header = next((header for header in HEADERS if self._text.startswith(header, word)), "")
        if word > self._at and (marker is not None or header or is_undecided):
            return self._text_to(word)
        if header:
            self._at += len(header)
            return None
        if marker is not None:
            self._at += len(marker.opens)
            self.marker, self._code, self.before = marker, Code(), ""
            return WireEvent(Event.TAG_OPEN, marker.opens)
        return None if is_undecided else self._in_answer(is_last)

    def _in_block(self, is_last: bool) -> WireEvent | None:
        found = self._tag_in_block()
        if found is None:
            return self._text_to(len(self._text) if is_last else BLOCK_STARTS[self.marker].certain_end(self._text, self._at))
        start, tag = found
        if start > self._at:
            return self._text_to(start)
        end, is_end = start + len(tag), tag == self.marker.closes
        if is_end and self._code.is_inline():
            if end == len(self._text) and not is_last:
                return None
            is_end = not self._text.startswith("`", end)
        self._at = end
        if not is_end:
            return None
        self.marker, self._code, self.before = THINK, Code(), ""
        return WireEvent(Event.TAG_CLOSE, tag)

    def _tag_in_block(self) -> tuple[int, str] | None:
        pattern = FOREIGN_TAGS.get(self.marker)
        if pattern is None:
            return think_tag(self._text, self._at)
        match = pattern.search(self._text, self._at)
        return None if match is None else (match.start(), match.group())

    def _in_answer(self, is_last: bool) -> WireEvent | None:
        found = think_tag(self._text, self._at)
        if found is None:
            return self._text_to(len(self._text) if is_last else ANSWER_STARTS.certain_end(self._text, self._at))
        start, tag = found
        if start > self._at:
            return self._text_to(start)
        end = start + len(tag)
        if self._code.is_open():
            return self._text_to(end)
        rest = REST_OF_LINE.match(self._text, end) if tag == CLOSE else None
        if rest is not None and rest.end() == len(self._text) and not rest.group().endswith("\n") and not is_last:
            return None
        is_alone = rest is not None and self._is_at_line_start()
        self._at, self.before = end, tag
        return WireEvent(Event.TAG_OPEN if tag == OPEN else Event.TAG_CLOSE, tag, is_alone=is_alone)

    def _is_at_line_start(self) -> bool:
        return not self.before or self.before.rstrip(" \t").endswith("\n")

    def _text_to(self, end: int) -> WireEvent | None:
        """Text up to `end`; None when that is nothing."""
        text = self._text[self._at : end]
        if not text:
            return None
        self._at = end
        self._code.read(text)
        self.before = text if text.strip(" \t") else self.before[-LINE_START:] + text[:LINE_START]
        return WireEvent(Event.TEXT, text)

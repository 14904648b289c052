"""One turn with the plugin: shows its frames while they arrive and sums them up.

Thinking is told from the answer as Dify's agents do it: by the chunks that are nothing but a tag.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from plugin_entry.cli.daemon import Frame
from plugin_entry.cli.screen import Look, Screen
from translator.response.chunks import CLOSE_TAG, OPEN_TAG

LEAST_S_FOR_RATE = 0.02
"""Below this the time between first and last piece says nothing about a speed."""


@attrs.frozen(slots=True, kw_only=True)
class TurnResult:
    """A turn that is over. Times in seconds since the request was sent, None for what never came; `error` is the sentence users see."""

    text: str = attrs.field(repr=False)
    thinking: str = attrs.field(repr=False)
    calls: tuple[Mapping[str, Any], ...] = attrs.field(repr=False)
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    first_s: float | None
    last_s: float | None
    frames: int
    error: str | None

    @property
    def tokens_per_second(self) -> float | None:
        """As seen from here, between the first and the last frame."""
        if self.first_s is None or self.last_s is None or self.last_s - self.first_s < LEAST_S_FOR_RATE:
            return None
        return self.completion_tokens / (self.last_s - self.first_s)

    @property
    def facts(self) -> str:
        """One line: finish reason, tokens, speed, first chunk, frames."""
        known = [
            f"finish reason {self.finish_reason}" if self.finish_reason else "no finish reason",
            f"{self.prompt_tokens} prompt + {self.completion_tokens} answer tokens" if self.finish_reason else "",
            f"{self.tokens_per_second:.1f} tokens/s" if self.finish_reason and self.tokens_per_second else "",
            f"first chunk after {self.first_s * 1000:.0f} ms" if self.first_s is not None else "",
            f"{self.frames} frame" + ("" if self.frames == 1 else "s"),
        ]
        return " · ".join(filter(None, known))


@attrs.define(slots=True)
class Listener:
    """Takes the frames of one turn and shows them."""

    screen: Screen
    _text: list[str] = attrs.field(factory=list, init=False)
    _thinking: list[str] = attrs.field(factory=list, init=False)
    _is_thinking: bool = attrs.field(default=False, init=False)
    _calls: list[Mapping[str, Any]] = attrs.field(factory=list, init=False)
    _finish_reason: str | None = attrs.field(default=None, init=False)
    _usage: Mapping[str, Any] = attrs.field(factory=dict, init=False)
    _times: list[float] = attrs.field(factory=list, init=False)
    _error: str | None = attrs.field(default=None, init=False)

    def listen(self, frames: Iterable[Frame]) -> TurnResult:
        """Shows every frame when it comes; gives the result after the last one."""
        with self.screen.waiting("Waiting for the model"):
            for frame in frames:
                if frame.kind == "stream":
                    self._times.append(frame.seconds)
                    self._take(frame.data["delta"])
                elif frame.kind == "error":
                    self._fail(frame.data)
            self.screen.fresh_line()
        return self._result()

    def _take(self, delta: Mapping[str, Any]) -> None:
        self._say(delta["message"]["content"] or "")
        for call in delta["message"]["tool_calls"]:
            self._calls.append(call)
            self.screen.line(f"calls {call['function']['name']}({call['function']['arguments']})", Look.TOOL)
        self._finish_reason = delta["finish_reason"] or self._finish_reason
        self._usage = delta["usage"] or self._usage

    def _say(self, content: str) -> None:
        if content in (OPEN_TAG, CLOSE_TAG):
            self._is_thinking = content == OPEN_TAG
            self.screen.fresh_line()
            self.screen.piece("thinking: " if self._is_thinking else "", Look.THOUGHT)
        elif self._is_thinking:
            self._thinking.append(content)
            self.screen.piece(content, Look.THOUGHT)
        else:
            # the answer of some models begins with line feeds, which separate it from the thinking
            shown = content if any(map(str.strip, self._text)) else content.lstrip("\n")
            self._text.append(content)
            self.screen.piece(shown)

    def _fail(self, error: Mapping[str, Any]) -> None:
        self._error = readable_error(error)
        self.screen.line(f"error: {self._error}", Look.BAD)

    def _result(self) -> TurnResult:
        return TurnResult(
            text="".join(self._text),
            thinking="".join(self._thinking),
            calls=tuple(self._calls),
            finish_reason=self._finish_reason,
            prompt_tokens=self._usage.get("prompt_tokens", 0),
            completion_tokens=self._usage.get("completion_tokens", 0),
            first_s=self._times[0] if self._times else None,
            last_s=self._times[-1] if self._times else None,
            frames=len(self._times),
            error=self._error,
        )


def readable_error(error: Mapping[str, Any]) -> str:
    """The sentence that Dify shows for an error frame."""
    return str(error.get("message") or error.get("error_type") or "an error without a text")

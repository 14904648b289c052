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


@attrs.define(slots=True, kw_only=True)
class TurnResult:
    """What came in a turn. Times in seconds since the request was sent, None for what never came; `error` is the sentence users see."""

    text: str = attrs.field(default="", repr=False)
    thinking: str = attrs.field(default="", repr=False)
    calls: list[Mapping[str, Any]] = attrs.field(factory=list, repr=False)
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    first_s: float | None = None
    last_s: float | None = None
    frames: int = 0
    error: str | None = None

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


def listen(frames: Iterable[Frame], screen: Screen) -> TurnResult:
    """Shows every frame when it comes; gives the result after the last one."""
    turn, is_thinking = TurnResult(), False
    with screen.waiting("Waiting for the model"):
        for frame in frames:
            if frame.kind == "stream":
                is_thinking = _take(turn, frame, screen, is_thinking=is_thinking)
            elif frame.kind == "error":
                turn.error = readable_error(frame.data)
                screen.line(f"error: {turn.error}", Look.BAD)
        screen.fresh_line()
    return turn


def _take(turn: TurnResult, frame: Frame, screen: Screen, *, is_thinking: bool) -> bool:
    """Whether the model thinks after this frame."""
    turn.first_s, turn.last_s = frame.seconds if turn.first_s is None else turn.first_s, frame.seconds
    turn.frames += 1
    delta = frame.data["delta"]
    content = delta["message"]["content"] or ""
    if content in (OPEN_TAG, CLOSE_TAG):
        is_thinking = content == OPEN_TAG
        screen.fresh_line()
        screen.piece("thinking: " if is_thinking else "", Look.THOUGHT)
    elif is_thinking:
        turn.thinking += content
        screen.piece(content, Look.THOUGHT)
    else:
        # the answer of some models begins with line feeds, which separate it from the thinking
        screen.piece(content if turn.text.strip() else content.lstrip("\n"))
        turn.text += content
    for call in delta["message"]["tool_calls"]:
        turn.calls.append(call)
        screen.line(f"calls {call['function']['name']}({call['function']['arguments']})", Look.TOOL)
    turn.finish_reason = delta["finish_reason"] or turn.finish_reason
    if usage := delta["usage"]:
        turn.prompt_tokens, turn.completion_tokens = usage["prompt_tokens"], usage["completion_tokens"]
    return is_thinking


def readable_error(error: Mapping[str, Any]) -> str:
    """The sentence that Dify shows for an error frame."""
    return str(error.get("message") or error.get("error_type") or "an error without a text")

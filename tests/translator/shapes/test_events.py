"""Deltas show what they are, and never what was said."""

from translator.response.chunks import Answer, Chunk
from translator.shapes.dify import FinishReason, Message, Role, TextPart, ToolCall, Usage
from translator.shapes.events import CallsDelta, TextDelta, ThinkDelta


def test_texts_show_their_length() -> None:
    assert repr(TextDelta("secret")) == "TextDelta(text=<6 characters>)"
    assert repr(ThinkDelta("")) == "ThinkDelta(text=<0 characters>)"


def test_nothing_said_is_shown() -> None:
    call = ToolCall(id="call_1", name="f", arguments='{"a": "secret"}')
    usage = Usage(prompt_tokens=1, completion_tokens=1)
    message = Message(role=Role.USER, content=(TextPart("secret"),), tool_calls=(call,))
    answer = Answer(text="secret", tool_calls=(call,), finish_reason=FinishReason.STOP, usage=usage)
    shown = repr([CallsDelta((call,)), Chunk("secret"), TextPart("secret"), message, answer])
    assert "secret" not in shown
    assert "<1 parts>" in shown
    assert "<15 characters>" in shown

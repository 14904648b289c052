"""The short way says what the long way would have said: same frames, same order, whatever arrives and however it is cut."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dify_plugin.entities.model.llm import LLMResultChunk
from dify_plugin.interfaces.model.large_language_model import LargeLanguageModel
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.frame_output import FrameOutput
from plugin_entry.frames import FrameWriter
from plugin_entry.inbox import Inbox
from plugin_entry.reading import Reading
from plugin_entry.sdk_chunks import chunks_to_sdk
from plugin_entry.sdk_direct import ShortWay
from tests.replaying import new_stream
from translator.errors import ServerError
from translator.response.chunks import (
    chunks_with_thinking,
    chunks_without_thinking,
    text_with_thinking,
    text_without_thinking,
)
from translator.shapes.events import Delta

DONE = {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1}
CALL = {"message": {"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]}, "done": False}


class Lines:
    """An output with room for so many frames from somebody who must not wait."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.data = b""
        self.room = room
        self.offered = 0

    def write(self, data: bytes) -> None:
        self.data += data

    def offer(self, data: bytes) -> bool:
        if self.room == self.offered:
            return False
        self.offered += 1
        self.write(data)
        return True

    @property
    def frames(self) -> list[Any]:
        return [json.loads(line)["data"]["data"] for line in self.data.split(b"\n\n")[:-1]]


class FedInbox(Inbox):
    """An inbox that gets its next part when its reader has nothing left; None is the end."""

    def __init__(self, parts: Iterator[bytes | None]) -> None:
        super().__init__()
        self.parts = parts

    def _wait(self) -> None:
        part = next(self.parts)
        if part is None:
            self.end(None)
        else:
            self.put(part)


class Writer(FrameWriter):
    """The plugin's writer, with an output of its own."""

    def __init__(self, output: Lines) -> None:
        self.output = output  # type: ignore[assignment]  # as much of an output as the writer uses


def answered(parts: list[bytes], output: Lines, *, is_short: bool, shown: bool = True, sdk: Callable[[Any], Any] = iter) -> list[Any]:
    """The frames of a reply in these parts; `sdk` is what stands between our chunks and the writer."""
    inbox, way, stream = FedInbox(iter([*parts, None])), ShortWay(), new_stream()
    reading = Reading(stream, way, text_with_thinking if shown else text_without_thinking)

    def deltas() -> Iterator[Delta]:
        for data in inbox.bursts():
            yield from reading.feed(data)
            if is_short and way.voice is not None:
                inbox.divert(reading.take)
        yield from stream.end()

    chunks = (chunks_with_thinking if shown else chunks_without_thinking)(deltas())
    writer = Writer(output)
    messages = sdk(chunks_to_sdk("m", chunks, 0.0, way))
    for message in messages:
        writer.session_message("s", writer.stream_object(message))
    return output.frames


def lines(*replies: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(reply).encode() + b"\n" for reply in replies)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def joined(frames: list[Any]) -> list[Any]:
    """Frames with neighbouring text put together: bytes that wait are one frame either way, but not always the same one."""
    together: list[Any] = []
    for frame in frames:
        delta = frame["delta"]
        text = delta["message"]["content"]
        plain = delta["finish_reason"] is None and not delta["message"]["tool_calls"] and text.strip() not in {"<think>", "</think>"}
        if plain and together and isinstance(together[-1], str):
            together[-1] += text
        else:
            together.append(text if plain else (text, delta["finish_reason"], len(delta["message"]["tool_calls"])))
    return together


PIECE = st.one_of(
    st.text(min_size=1, max_size=8).map(lambda text: {"message": {"content": text}, "done": False}),
    st.sampled_from(["<think>", "</think>", "<thi", "nk>", " "]).map(lambda text: {"message": {"content": text}, "done": False}),
    st.text(min_size=1, max_size=8).map(lambda text: {"message": {"content": "", "thinking": text}, "done": False}),
    st.just(CALL),
)


@given(
    pieces=st.lists(PIECE, max_size=12),
    cuts=st.lists(st.integers(min_value=0), max_size=20),
    shown=st.booleans(),
    ends_well=st.booleans(),
    room=st.integers(min_value=0, max_value=12),
)
def test_both_ways_say_the_same(pieces: list[Any], cuts: list[int], shown: bool, ends_well: bool, room: int) -> None:
    parts = cut(lines(*pieces, *([DONE] if ends_well else [])), cuts)
    outcomes = []
    for is_short in (False, True):
        output = Lines(room)
        error = ""
        try:
            answered(parts, output, is_short=is_short, shown=shown)
        except ServerError as raised:
            error = str(raised)
        assert [frame["delta"]["index"] for frame in output.frames] == list(range(len(output.frames)))
        outcomes.append((joined(output.frames), error))
    assert outcomes[0] == outcomes[1]


def test_text_takes_the_short_way_after_the_first() -> None:
    output = Lines()
    parts = [lines({"message": {"content": text}, "done": False}) for text in "abc"]
    frames = answered([*parts, lines(DONE)], output, is_short=True)
    assert [frame["delta"]["message"]["content"] for frame in frames] == ["a", "b", "c", ""]
    assert output.offered == 2


def test_the_way_stays_shut_where_the_sdk_rewrites_chunks() -> None:
    """The SDK's code block mode takes the text out of each chunk and gives it anew."""
    output = Lines()
    parts = [lines({"message": {"content": text}, "done": False}) for text in ("a", "```json\n", "b")]
    frames = answered([*parts, lines(DONE)], output, is_short=True, sdk=_code_block_mode)
    assert output.offered == 0
    assert "".join(frame["delta"]["message"]["content"] for frame in frames) == "ab"


def _code_block_mode(chunks: Iterator[LLMResultChunk]) -> Iterator[LLMResultChunk]:
    mode: Any = LargeLanguageModel._code_block_mode_stream_processor
    yield from mode(None, "m", [], chunks)


def test_an_error_on_the_short_way_ends_the_answer_not_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Lines()

    def fail(_: bytes) -> bool:
        raise OSError("no such output")

    monkeypatch.setattr(output, "offer", fail)
    parts = [lines({"message": {"content": text}, "done": False}) for text in "ab"]
    with pytest.raises(OSError, match="no such output"):
        answered(parts, output, is_short=True)


def test_the_output_of_the_plugin_can_be_asked_for_room() -> None:
    assert callable(FrameOutput.offer)

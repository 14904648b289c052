"""Text said by the event loop is what the greenlet would have said: same frames, same order, whatever arrives and however it is cut."""

import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.dify.frames import FrameWriter, Voice
from plugin_entry.dify.objects import chunk_to_sdk
from plugin_entry.dify.output import FrameOutput
from plugin_entry.network.inbox import Inbox
from plugin_entry.serving.reading import Reading
from tests.translator.replaying import new_stream
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

    def write(self, data: bytes, owner: object = None) -> None:
        self.data += data

    def offer(self, data: bytes, owner: object = None) -> bool:
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


def answered(parts: list[bytes], output: Lines, *, has_voice: bool, shown: bool = True) -> list[Any]:
    """The frames of a reply in these parts, as `direct_answer` writes them; without a voice all text goes through the greenlet."""
    inbox, stream = FedInbox(iter([*parts, None])), new_stream()
    voice = Voice("s", "m", cast("FrameOutput", output))
    reading = Reading(stream, voice if has_voice else None, text_with_thinking if shown else text_without_thinking)

    def deltas() -> Iterator[Delta]:
        for data in inbox.bursts():
            yield from reading.feed(data)
            if has_voice:
                inbox.divert(reading.take)
        yield from stream.end()

    writer = Writer(output)
    for chunk in (chunks_with_thinking if shown else chunks_without_thinking)(deltas()):
        if not (chunk.is_text and voice.say(chunk.text)):
            writer.session_message("s", writer.stream_object(chunk_to_sdk("m", voice.count, chunk, 0.0)))
            voice.count += 1
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
    for has_voice in (False, True):
        output = Lines(room)
        error = ""
        try:
            answered(parts, output, has_voice=has_voice, shown=shown)
        except ServerError as raised:
            error = str(raised)
        assert [frame["delta"]["index"] for frame in output.frames] == list(range(len(output.frames)))
        outcomes.append((joined(output.frames), error))
    assert outcomes[0] == outcomes[1]


def test_text_after_the_first_read_never_wakes_the_greenlet(monkeypatch: pytest.MonkeyPatch) -> None:
    fed = []
    feed = Reading.feed

    def noted(reading: Reading, data: bytes) -> list[Delta]:
        fed.append(data)
        return feed(reading, data)

    monkeypatch.setattr(Reading, "feed", noted)
    output = Lines()
    parts = [lines({"message": {"content": text}, "done": False}) for text in "abc"]
    frames = answered([*parts, lines(DONE)], output, has_voice=True)
    assert [frame["delta"]["message"]["content"] for frame in frames] == ["a", "b", "c", ""]
    assert fed == [parts[0], b""]


def test_an_error_on_the_event_loop_ends_the_answer_not_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Lines()

    def fail(*_: object) -> bool:
        raise OSError("no such output")

    monkeypatch.setattr(output, "offer", fail)
    parts = [lines({"message": {"content": text}, "done": False}) for text in "ab"]
    with pytest.raises(OSError, match="no such output"):
        answered(parts, output, has_voice=True)


def test_the_output_of_the_plugin_can_be_asked_for_room() -> None:
    assert callable(FrameOutput.offer)

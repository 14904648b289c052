"""The facade: ends, bytes after the end, limits, and the two replies without `done`."""

import orjson
import pytest

from fixtures.recordings import having, load
from tests.translator.stream_player import ESTIMATED_PROMPT, new_stream, outcome, play
from translator.errors import ServerError
from translator.limits import Limits
from translator.response.stream import ReplyStream
from translator.shapes.dify import FinishReason
from translator.shapes.events import FailureDelta, State, TextDelta, ThinkClose

LINE = b'{"message":{"content":"a"},"done":false}\n'
THINK = b'{"message":{"thinking":"hm"},"done":false}\n'
DONE = b'{"message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}\n'


def test_bytes_after_done_are_not_read() -> None:
    stream = new_stream()
    stream.feed(LINE + DONE + LINE)
    assert stream.finished
    assert stream.feed(LINE) == []
    assert stream.end() == []
    assert stream.state is State.FINISHED


def test_a_last_line_without_line_end_counts() -> None:
    assert outcome(play([LINE, DONE.rstrip()])).finish_reason is FinishReason.STOP


CUTS = {
    "nothing came": b"",
    "text came": LINE,
    "cut in a line": LINE + DONE[:20],
    "blocking reply with done false": LINE.rstrip(),
}


@pytest.mark.parametrize("body", CUTS.values(), ids=CUTS.keys())
def test_an_end_without_done_is_an_error_after_the_text(body: bytes) -> None:
    result = outcome(play([body]))
    assert result.error == "cut_short"
    assert result.text == ("a" if body.startswith(LINE.rstrip()) else "")


@pytest.mark.parametrize("version", having("chat-repeat-abort", "chat-repeat-abort-blocking"))
@pytest.mark.parametrize("scenario", ["chat-repeat-abort", "chat-repeat-abort-blocking"])
def test_the_repeat_abort_ends_well_with_an_estimate(version: str, scenario: str) -> None:
    result = outcome(play([load(version, scenario).body]))
    assert (result.error, result.finish_reason) == ("", FinishReason.STOP)
    assert result.usage is not None
    assert result.usage.estimated
    assert result.usage.prompt_tokens == ESTIMATED_PROMPT
    assert result.usage.completion_tokens > 30


@pytest.mark.parametrize("scenario", ["template-error-midway", "builtin-error-midway", "generate-error-midway"])
@pytest.mark.parametrize("suffix", ["", "-blocking"])
def test_the_silent_loss_in_the_middle_is_an_error(scenario: str, suffix: str) -> None:
    result = outcome(play([load("0.33.0-rc2", scenario + suffix).body]))
    assert result.error == "cut_short"
    assert result.text.endswith("The answer is")


def test_a_garbled_line_fails_with_its_number_and_closes_thinking() -> None:
    deltas = play([THINK, b"\n", b"{oops}\n", LINE])
    assert isinstance(deltas[-2], ThinkClose)
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "garbled_line"
    assert "Line 3" in str(deltas[-1].error)
    assert "oops" not in str(deltas[-1].error)


def test_a_line_over_the_limit_fails_after_the_lines_before_it() -> None:
    stream = ReplyStream(model="m", new_id=str, estimate_prompt=int, limits=Limits(line_bytes=64))
    deltas = stream.feed(LINE) + stream.feed(b"x" * 100)
    assert isinstance(deltas[0], TextDelta)
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error.code == "line_too_long"


def test_long_text_leaves_in_frames_of_bounded_size() -> None:
    stream = ReplyStream(model="m", new_id=str, estimate_prompt=int, limits=Limits(frame_chars=3))
    deltas = stream.feed(b'{"message":{"content":"abcdefgh"},"done":false}\n')
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["abc", "def", "gh"]


def test_stop_closes_an_open_block_and_ends() -> None:
    stream = new_stream()
    stream.feed(THINK)
    assert [type(delta) for delta in stream.stop()] == [ThinkClose]
    assert stream.finished
    assert stream.stop() == []


def test_a_broken_connection_keeps_the_text_and_names_its_own_reason() -> None:
    stream = new_stream()
    error = ServerError.of("reset", "The connection broke.")
    deltas = stream.feed(THINK) + stream.feed(b'{"message":{"content":"a <thi"},"done":false}\n') + stream.fail(error)
    assert isinstance(deltas[-1], FailureDelta)
    assert deltas[-1].error is error
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == "a <thi"


@pytest.mark.parametrize(
    "words",
    [["I close with </think> now", " ok"], ["I close with </th", "ink> now", " ok"], ["a <think> b </think>", " c"]],
    ids=["in one line", "cut over lines", "a pair"],
)
def test_tags_inside_native_thinking_never_reach_the_reader(words: list[str]) -> None:
    lines = [orjson.dumps({"message": {"thinking": word}, "done": False}) + b"\n" for word in words]
    result = outcome(play([*lines, LINE, DONE]))
    said = "".join(words).replace("<think>", "").replace("</think>", "")
    assert result.text == f"<think>\n{said}\n</think>\na"


def test_what_looks_like_a_tag_in_thinking_is_kept() -> None:
    result = outcome(play([b'{"message":{"thinking":"1 </thi"},"done":false}\n', LINE, DONE]))
    assert result.text == "<think>\n1 </thi\n</think>\na"

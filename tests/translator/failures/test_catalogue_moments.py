"""The same words of a server before an answer and in the middle of one: each moment has the cause and the remedy that are true then."""

import orjson
import pytest

from tests.translator.failures.failure_wordings import FIRST_LINES, ONLY_BEFORE, ONLY_WITHIN, TWICE, Twice
from translator.errors import ServerError
from translator.failures.build import failure_from_reply, failure_in_stream
from translator.response.stream import ReplyStream
from translator.shapes.events import FailureDelta, TextDelta

BOTH = pytest.mark.parametrize("words", TWICE, ids=[text[:60] for text, _, _ in TWICE])


def before(text: str) -> ServerError:
    return failure_from_reply(500, orjson.dumps({"error": text}), model="m")


@BOTH
def test_words_have_their_row_at_each_moment(words: Twice) -> None:
    text, with_status, in_stream = words
    assert before(text).code == with_status
    assert failure_in_stream(text, model="m").code == in_stream


@BOTH
@pytest.mark.parametrize("status", [400, 500])
def test_a_status_in_a_line_of_a_stream_does_not_make_it_a_reply(words: Twice, status: int) -> None:
    """llama-server names a status inside its error; the answer has begun all the same."""
    text, _, in_stream = words
    inner = {"error": {"code": status, "message": text, "type": "server_error"}}
    assert failure_in_stream(inner, model="m").code == in_stream
    assert failure_in_stream(orjson.dumps(inner).decode(), model="m").code == in_stream


@BOTH
def test_no_message_speaks_of_the_other_moment(words: Twice) -> None:
    text, with_status, in_stream = words
    early, late = without_quote(before(text)), without_quote(failure_in_stream(text, model="m"))
    assert [word for word in ONLY_WITHIN if word in early] == [] or with_status == "unknown"
    assert [word for word in ONLY_BEFORE if word in late] == [] or in_stream in FIRST_LINES


def without_quote(error: ServerError) -> str:
    """Our own words, in small letters: what the server said may be anything, and the remedies name `unload`."""
    own = str(error).partition(' The server said: "')
    return (own[0] + own[2].partition('".')[2]).lower().replace("unload", "")


def test_a_crash_while_answering_says_so_and_what_to_do() -> None:
    assert str(failure_in_stream("llama runner process no longer running: -1", model="m")) == (
        'The process that runs the model "m" crashed while it answered. Try again: the server starts the process anew. If it crashes '
        "again, memory most often ran out. Lower the context size (num_ctx), choose a smaller model or quantisation, or unload other "
        "models (`ollama ps`, `ollama stop`)."
    )


def test_an_answer_that_breaks_off_keeps_its_text_and_names_the_crash() -> None:
    lines = ({"message": {"content": "once "}, "done": False}, {"error": "llama runner process has terminated: exit status 2"})
    stream = ReplyStream(model="m", new_id=str, estimate_prompt=int)
    deltas = stream.feed(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    assert isinstance(deltas[0], TextDelta)
    assert isinstance(deltas[-1], FailureDelta)
    assert (deltas[0].text, deltas[-1].error.code) == ("once ", "runner_crashed")
    assert "crashed while it answered" in str(deltas[-1].error)


def test_a_crash_before_an_answer_is_a_failed_load() -> None:
    assert str(before("llama runner process no longer running: -1")).startswith('The server could not load the model "m".')

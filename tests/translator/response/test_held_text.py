"""The beginning of an answer is held only while it may be calls, and the log learns of calls that stayed text."""

import orjson
import pytest

from tests.translator.response.test_written_calls import CALLS, TOOLS, J, line
from tests.translator.stream_player import new_stream, outcome, play
from translator.response.held_text import CALL_IN_TEXT, CALL_LEFT_IN_TEXT, MOST_HELD, MOST_PIECES, MOST_SEARCHED
from translator.response.stream import ReplyStream


def test_prose_is_not_held_back() -> None:
    parts = [line(content='{"na'), line(content='me": "Paris"'), line(content=" is")]
    texts = [outcome([*play(parts[:count], TOOLS)][:-1]).text for count in (1, 2, 3)]
    assert texts[1:] == ['{"name": "Paris"', '{"name": "Paris" is']


@pytest.mark.parametrize("after", [b"", line(thinking="hm"), line(tool_calls=[{"function": {"name": "now", "arguments": {}}}])])
def test_what_is_followed_by_anything_but_the_end_is_text(after: bytes) -> None:
    result = outcome(play([line(content=J), after, *([line(done=True)] if after else [])], TOOLS))
    assert result.text.startswith(J)
    assert ("get_weather", '{"city":"Paris"}') not in result.call_facts


def read(*pieces: str, tools: bool = True) -> ReplyStream:
    stream = new_stream(tools=TOOLS if tools else ())
    for piece in pieces:
        stream.feed(line(content=piece))
    stream.feed(line(done=True))
    return stream


@pytest.mark.parametrize("name", CALLS)
def test_the_log_learns_of_calls_in_text(name: str) -> None:
    text, _ = CALLS[name]
    assert read(*text).note == CALL_IN_TEXT
    assert read(*text, tools=False).note == ""


@pytest.mark.parametrize("name", set(CALLS) - {"llama 3.2", "python, values", "Python's quotes"})
def test_the_log_learns_of_calls_that_stay_text(name: str) -> None:
    text, _ = CALLS[name]
    for pieces in ([f"I look.\n\n{text}"], list(f"I look.\n{text}"), [*text, " Done."], ["x" * 3 * MOST_HELD, text]):
        assert read(*pieces).note == CALL_LEFT_IN_TEXT


ORDINARY = {
    "prose": "The weather is fine.",
    "the tool's name": "I used get_weather for that.",
    "a list of tools": '[{"name": "get_weather", "description": "It tells the weather."}, {"name": "now", "description": "d"}]',
    "another function": "<function=other>\n<parameter=city>Paris</parameter>\n</function>",
    "a word that holds a tool's name": '{"name": "unknown", "input": "nowhere"}',
    "html": "<table><tr><td>get_weather</td></tr></table>",
    "far apart": "<tool_call> is a tag." + "x" * 300 + "get_weather is a tool.",
}


@pytest.mark.parametrize("text", ORDINARY.values(), ids=ORDINARY)
def test_the_log_learns_of_nothing_else(text: str) -> None:
    assert read(text).note == read(*text).note == ""


def test_what_was_said_is_kept_only_as_far_as_it_is_looked_through() -> None:
    stream = read(*(["x" * 64] * 4096))
    assert sum(map(len, stream._held._given)) <= MOST_SEARCHED + MOST_PIECES * 64
    assert len(stream._held._given) <= MOST_PIECES


HOSTILE = [
    "<tool_call>" * 6_000,
    "<tool_call>{" + ";" * 60_000,
    "to=functions." + " " * 60_000,
    '"name":' * 9_000,
    "<tool_call>{" + "functools" * 7_000,
    J + "functools" * 7_000,
    J + "]" * 60_000,
]
"""Each was read in quadratic time, or could be."""


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    assert read("I look.", text).note == ""
    for pieces in ([text], [text[at : at + 7] for at in range(0, len(text), 7)]):
        lines = [orjson.dumps({"message": {"content": piece}}) + b"\n" for piece in pieces]
        assert outcome(play([*lines, line(done=True)], TOOLS)).text == "".join(pieces)

"""What is thinking and what is answer: whole replies, as public bug reports and models have them, cut at every place."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from tests.translator.stream_player import ESTIMATED_PROMPT
from translator.errors import ServerError
from translator.response.chunks import CLOSE_TAG, OPEN_TAG, Chunk, deltas_to_chunks
from translator.response.stream import ReplyStream
from translator.response.tags import MARKERS, Marker
from translator.shapes.events import Delta, FailureDelta, FinalDelta

BREAK = "\n"
DONE = {"message": {"content": ""}, "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 3}


def read(rows: Iterable[dict[str, Any]], **known: bool) -> list[Delta]:
    stream = ReplyStream(model="m", new_id=lambda: "id", estimate_prompt=lambda: ESTIMATED_PROMPT, **known)  # type: ignore[arg-type]  # two switches
    lines = [json.dumps(row).encode() + b"\n" for row in rows]
    return [delta for line in lines for delta in stream.feed(line)] + stream.end()


def chunks(parts: Iterable[str], **known: bool) -> list[Chunk]:
    return list(deltas_to_chunks(read([*({"message": {"content": part}, "done": False} for part in parts), DONE], **known)))


def shown(parts: Iterable[str], **known: bool) -> str:
    return "".join(chunk.text for chunk in chunks(parts, **known))


def cuts(whole: str) -> list[list[str]]:
    """Whole, by character, and cut in two at every place."""
    return [[whole], list(whole), *([whole[:at], whole[at:]] for at in range(1, len(whole)))]


ABOUT_TAGS: dict[str, str] = {
    "as reported": "Use `<think>` tags like `<think>hello</think>` in the template.",
    "in a history": "It is `<think>`x`</think>`.",
    "in prose": "Put your thoughts between <think> and </think>, then answer.",
    "in quotes": 'Write "<think>hello</think>" first.',
    "in a fence": "Like this:\n\n```xml\n<think>\nhello\n</think>\n```\n\nThat is all.",
    "as lines of their own": "Like this:\n\n<think>\nhello\n</think>\n\nThat is all.",
    "a closing tag in a sentence": "The block ends with </think> and nothing else.",
    "an opening tag alone": "A model opens with <think> and goes on.",
    "in a table": "| tag | use |\n| --- | --- |\n| <think> | opens |\n| </think> | closes |\n",
    "in a list": "1. `<think>`\n2. text\n3. `</think>`\n",
    "in another language": "标签 <think> 表示思考，</think> 表示结束。",
    "in code of one line": "``s.split('</think>')[1]`` gives the answer after `<think>`",
    "other families": "Magistral writes [THINK]...[/THINK], Seed <seed:think>, Gemma <|channel>thought.",
    "almost a tag": "<thinker> and </thinks> are none",
    "a back-tick first": "`<think>` is a tag.",
    "a template": "{{ if .Thinking }}<think>\n{{ .Thinking }}\n</think>{{ end }}",
}


@pytest.mark.parametrize("answer", ABOUT_TAGS.values(), ids=ABOUT_TAGS)
def test_an_answer_about_tags_arrives_letter_for_letter(answer: str) -> None:
    for parts in cuts(answer):
        assert shown(parts) == answer


IN_CODE = [name for name, answer in ABOUT_TAGS.items() if "`" in answer and name != "in code of one line"]


@pytest.mark.parametrize("name", IN_CODE)
def test_so_it_does_in_code_from_a_model_that_thinks(name: str) -> None:
    for parts in cuts(ABOUT_TAGS[name]):
        assert shown(parts, thinks=True) == ABOUT_TAGS[name]


@pytest.mark.parametrize("answer", ABOUT_TAGS.values(), ids=ABOUT_TAGS)
def test_so_it_does_where_the_server_keeps_thinking_apart(answer: str) -> None:
    rows = [{"message": {"thinking": "hm"}, "done": False}, *({"message": {"content": part}, "done": False} for part in answer), DONE]
    told = "".join(chunk.text for chunk in deltas_to_chunks(read(rows, thinks=True)))
    assert told == f"{OPEN_TAG}hm{CLOSE_TAG}{BREAK}{answer}"


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.opens)
@pytest.mark.parametrize("before", ["", "\n\n"], ids=["first", "after blanks"])
def test_thinking_of_every_family_becomes_a_block(marker: Marker, before: str) -> None:
    whole = f"{before}{marker.opens}\nhmm, 1 < 2 [a]\n{marker.closes}\n\nParis"
    for parts in cuts(whole):
        assert shown(parts) == f"{before}{OPEN_TAG}hmm, 1 < 2 [a]\n{CLOSE_TAG}{BREAK}\n\nParis"


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.opens)
def test_hidden_thinking_of_every_family_leaves_the_answer(marker: Marker) -> None:
    for parts in cuts(f"{marker.opens}hmm{marker.closes}Paris"):
        assert shown(parts, show_thinking=False) == "Paris"


@pytest.mark.parametrize("marker", MARKERS, ids=lambda marker: marker.opens)
def test_an_empty_block_of_any_family_is_never_shown(marker: Marker) -> None:
    for parts in cuts(f"{marker.opens}\n\n{marker.closes}\n\nParis"):
        assert shown(parts) == "\n\nParis"


LEAKS: dict[str, tuple[str, str]] = {
    "a second block": ("Let me see.\n<think>hm</think>\nParis", f"Let me see.\n{OPEN_TAG}hm{CLOSE_TAG}{BREAK}\nParis"),
    "only the end": ("hm\n</think>\n\nParis", "hm\n\n\nParis"),
    "only the end, in a line": ("hm</think>Paris", "hmParis"),
    "back-ticks before it": ("`x`\n<think>hm</think>Paris", f"`x`\n{OPEN_TAG}hm{CLOSE_TAG}{BREAK}Paris"),
}


@pytest.mark.parametrize(("whole", "told"), LEAKS.values(), ids=LEAKS)
def test_leaks_of_a_model_that_thinks(whole: str, told: str) -> None:
    for parts in cuts(whole):
        assert shown(parts, thinks=True) == told


def test_a_closing_tag_alone_on_its_line_is_a_leak_of_any_model() -> None:
    """0.24.0 `inline-close-only`: a template that opens the block itself, for a model that is not flagged."""
    for parts in cuts("Pondering silently.\n</think>\n\nVisible text."):
        assert shown(parts) == "Pondering silently.\n\n\nVisible text."


# --- what Dify sees --------------------------------------------------------------------------------------------------------------


def test_tags_and_the_break_are_chunks_of_their_own() -> None:
    """The ReAct parser reads `Thought:` only at the beginning of a line."""
    told = [chunk.text for chunk in chunks(["<think>", "hm", "</think>", "Thought: go"])]
    assert told == [OPEN_TAG, "hm", CLOSE_TAG, BREAK, "Thought: go", ""]
    rows = [{"message": {"thinking": "hm"}, "done": False}, {"message": {"content": "Thought: go"}, "done": False}, DONE]
    assert [chunk.text for chunk in deltas_to_chunks(read(rows))] == told


def test_no_break_where_no_answer_follows() -> None:
    rows = [{"message": {"thinking": "hm"}, "done": False}, DONE]
    assert [chunk.text for chunk in deltas_to_chunks(read(rows))] == [OPEN_TAG, "hm", CLOSE_TAG, ""]


# --- answers that say nothing ----------------------------------------------------------------------------------------------------

EMPTY: dict[str, list[dict[str, Any]]] = {
    "as reported": [DONE | {"eval_count": 1}],
    "with an empty line before": [{"message": {"role": "assistant", "content": ""}, "done": False}, DONE],
    "blanks": [{"message": {"content": "\n\n"}, "done": False}, DONE],
    "of /api/generate": [{"response": "", "done": True, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 1}],
    "an empty block": [{"message": {"content": "<think>\n\n</think>\n\n"}, "done": False}, DONE],
    "an opening tag": [{"message": {"content": "<think>"}, "done": False}, DONE],
    "no reason": [DONE | {"done_reason": ""}],
    "an unknown reason": [DONE | {"done_reason": "end_turn"}],
}
HIDDEN: dict[str, list[dict[str, Any]]] = {
    "native thinking": [{"message": {"thinking": "hm"}, "done": False}, DONE],
    "tagged thinking": [{"message": {"content": "<think>hm</think>"}, "done": False}, DONE],
    "thinking that is never closed": [{"message": {"content": "[THINK]hm"}, "done": False}, DONE],
}


def failure(deltas: list[Delta]) -> FailureDelta:
    last = deltas[-1]
    assert isinstance(last, FailureDelta)
    return last


@pytest.mark.parametrize("rows", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("show_thinking", [True, False], ids=["shown", "hidden"])
def test_an_answer_that_says_nothing_is_an_error(rows: list[dict[str, Any]], show_thinking: bool) -> None:
    found = failure(read(rows, show_thinking=show_thinking))
    assert found.error.code == "empty_answer"
    assert "without saying anything" in str(found.error)
    assert found.usage is not None
    assert found.usage.prompt_tokens == 7


@pytest.mark.parametrize("rows", HIDDEN.values(), ids=HIDDEN)
def test_so_is_thinking_alone_where_it_is_hidden(rows: list[dict[str, Any]]) -> None:
    (found,) = read(rows, show_thinking=False)
    assert failure([found]).error.code == "empty_answer"
    assert isinstance(read(rows)[-1], FinalDelta)


SAID: dict[str, list[dict[str, Any]]] = {
    "a call": [{"message": {"tool_calls": [{"function": {"name": "f"}}]}, "done": False}, DONE],
    "a word": [{"message": {"content": "."}, "done": False}, DONE],
    "nothing, for want of tokens": [DONE | {"done_reason": "length"}],
}


@pytest.mark.parametrize("rows", SAID.values(), ids=SAID)
@pytest.mark.parametrize("show_thinking", [True, False], ids=["shown", "hidden"])
def test_an_answer_that_says_something_or_was_cut_is_none(rows: list[dict[str, Any]], show_thinking: bool) -> None:
    assert isinstance(read(rows, show_thinking=show_thinking)[-1], FinalDelta)


def test_a_failure_that_was_counted_keeps_its_usage() -> None:
    rows = [{"message": {"thinking": "hm"}, "done": False}, DONE | {"done_reason": "length", "eval_count": 5}]
    found = failure(read(rows))
    assert (found.error.code, found.usage and found.usage.completion_tokens) == ("thinking_spent_everything", 5)
    uncounted = failure(read([{"message": {"content": ""}, "done": True, "done_reason": "stop"}]))
    assert (uncounted.error.code, uncounted.usage) == ("empty_answer", None)


def test_a_failure_is_raised_after_what_was_said() -> None:
    deltas = read([{"message": {"thinking": "hm"}, "done": False}, {"error": "boom"}])
    told: list[str] = []
    with pytest.raises(ServerError):
        told.extend(chunk.text for chunk in deltas_to_chunks(deltas))
    assert told == [OPEN_TAG, "hm", CLOSE_TAG]

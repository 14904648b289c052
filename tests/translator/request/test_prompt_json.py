"""Prompts read from Dify's JSON are what the SDK's models lead to; what these convert or refuse is left to them."""

from typing import Any

import pytest
from dify_plugin.entities.model.message import PromptMessageTool, ensure_prompt_message
from hypothesis import given
from hypothesis import strategies as st

from plugin_entry.dify.objects import messages_from_sdk, tools_from_sdk
from tests.plugin_entry.dify.test_objects import CALL, DAEMON, MESSAGES, PICTURE
from translator.request.prompt_json import UnusualShapeError, messages_from_json, tools_from_json
from translator.shapes.dify import Message

KINDS = ("image", "audio", "document", "video")
TOOL = {"name": "f", "description": "", "parameters": {"type": "object"}}


@pytest.mark.parametrize(("value", "message"), MESSAGES.values(), ids=MESSAGES)
def test_what_dify_writes_is_read(value: dict[str, Any], message: Message) -> None:
    assert messages_from_json([value]) == (message,)
    if value.get("tool_calls") is not None or value["role"] != "assistant":
        assert messages_from_json([DAEMON | value]) == messages_from_sdk([ensure_prompt_message(DAEMON | value)])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file(kind: str) -> None:
    value = {"role": "user", "content": [PICTURE | {"type": kind}]}
    assert messages_from_json([value]) == messages_from_sdk([ensure_prompt_message(value)])


def test_tools() -> None:
    assert tools_from_json([TOOL]) == tools_from_sdk([PromptMessageTool.model_validate(TOOL)])
    assert tools_from_json([]) == tools_from_json(None) == ()


UNUSUAL: dict[str, object] = {
    "no list": {"role": "user"},
    "no object": ["text"],
    "role": [{"role": "system2", "content": ""}],
    "role that is no text": [{"role": ["user"], "content": ""}],
    "number for text": [{"role": "user", "content": 1}],
    "name": [{"role": "user", "content": "", "name": 1}],
    "part": [{"role": "user", "content": [{"type": "poem", "data": "x"}]}],
    "part without data": [{"role": "user", "content": [{"type": "text"}]}],
    "file without format": [{"role": "user", "content": [{key: PICTURE[key] for key in PICTURE if key != "format"}]}],
    "file without type": [{"role": "user", "content": [{key: PICTURE[key] for key in PICTURE if key != "mime_type"}]}],
    "detail": [{"role": "user", "content": [PICTURE | {"detail": ""}]}],
    "result without id": [{"role": "tool", "content": ""}],
    "no calls": [{"role": "assistant", "content": "", "tool_calls": None}],
    "call without type": [{"role": "assistant", "content": "", "tool_calls": [{key: CALL[key] for key in ("id", "function")}]}],
    "call with a number as id": [{"role": "assistant", "content": "", "tool_calls": [CALL | {"id": 7}]}],
    "call without a function": [{"role": "assistant", "content": "", "tool_calls": [{"id": "a", "type": "function"}]}],
}


@pytest.mark.parametrize("values", UNUSUAL.values(), ids=UNUSUAL)
def test_everything_else_is_the_sdks(values: object) -> None:
    with pytest.raises(UnusualShapeError):
        messages_from_json(values)


@pytest.mark.parametrize("values", [{}, [1], [{}], [TOOL | {"parameters": None}], [TOOL | {"description": None}]])
def test_every_other_tool_is_the_sdks(values: object) -> None:
    with pytest.raises(UnusualShapeError):
        tools_from_json(values)


ANY = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=2)
USUAL_PART = st.sampled_from([PICTURE, {"type": "text", "data": "look"}, *(PICTURE | {"type": kind} for kind in KINDS)])


def damaged(usual: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The same, sometimes with one value that is another or missing."""

    def damage(value: dict[str, Any], key: str, other: object, how: str) -> dict[str, Any]:
        if how == "missing":
            return {name: item for name, item in value.items() if name != key}
        return value | {key: other} if how == "other" else value

    return usual.flatmap(
        lambda value: st.builds(
            damage, st.just(value), st.sampled_from(sorted(value)), ANY, st.sampled_from(["as it is", "other", "missing"])
        )
    )


CALLS = st.lists(damaged(st.just(CALL)), max_size=2)
MESSAGE = damaged(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool", "developer"]),
            "content": st.text(max_size=5) | st.none() | st.lists(damaged(USUAL_PART), max_size=3),
            "name": st.text(max_size=3) | st.none(),
            "tool_calls": CALLS,
            "tool_call_id": st.text(max_size=3),
        }
    )
)


@given(value=MESSAGE)
def test_whatever_is_read_is_what_the_sdk_reads(value: dict[str, Any]) -> None:
    try:
        read = messages_from_json([value])
    except UnusualShapeError:
        return
    assert read == messages_from_sdk([ensure_prompt_message(value)])

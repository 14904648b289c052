"""JSON in and out: tolerant of versions, strict about types, able to write whatever it was given."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator import codec
from translator.shapes.wire import (
    ChatRequest,
    GenerateRequest,
    Reply,
    WireFunction,
    WireFunctionCall,
    WireMessage,
    WireTool,
    WireToolCall,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON)
def test_what_is_written_is_read_back(value: object) -> None:
    assert orjson.loads(codec.dumps({"a": value})) is not None
    assert codec.loads(codec.dumps({"a": value})) == {"a": value} or _has_big_integer(value)


def _has_big_integer(value: object) -> bool:
    match value:
        case bool() | None | str() | float():
            return False
        case int():
            return not -(2**63) <= value < 2**64
        case list():
            return any(_has_big_integer(item) for item in value)
        case dict():
            return any(_has_big_integer(item) for item in value.values())
        case _:
            return False


def test_what_is_no_data_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        codec.dumps({"x": object()})


def test_lone_surrogates_can_be_written() -> None:
    assert codec.loads(codec.dumps({"a\ud800": "b\udfff"})) == {"a\ufffd": "b\ufffd"}


@pytest.mark.parametrize("data", [b"", b"{", b"nope", b"[" * 100_000], ids=["empty", "cut", "word", "deep"])
def test_no_json_is_a_decode_error_that_quotes_nothing(data: bytes) -> None:
    with pytest.raises(codec.DecodeError) as raised:
        codec.loads(data)
    assert "nope" not in str(raised.value)


def test_values_are_never_converted() -> None:
    with pytest.raises(codec.DecodeError, match="expected a text, got int"):
        codec.structure({"done_reason": 5}, Reply)
    with pytest.raises(codec.DecodeError, match="expected a boolean, got str"):
        codec.structure({"done": "true"}, Reply)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(codec.DecodeError, match="name"):
        codec.structure({"function": {}}, WireToolCall)


def test_a_small_chat_request_has_nothing_superfluous() -> None:
    request = ChatRequest(model="m", messages=(WireMessage(role="user", content="hi"),))
    assert codec.to_plain(request) == {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}


def test_a_full_chat_request() -> None:
    call = WireToolCall(id="x", function=WireFunctionCall(name="f", arguments={}))
    request = ChatRequest(
        model="m",
        messages=(
            WireMessage(role="assistant", thinking="t", tool_calls=(call,)),
            WireMessage(role="tool", content="", tool_name="f", tool_call_id="x"),
        ),
        stream=False,
        tools=(WireTool(function=WireFunction(name="f", parameters={"type": "object", "properties": {}})),),
        format={"type": "object"},
        think=False,
        options={"num_ctx": 4096},
        keep_alive=0,
        truncate=False,
    )
    assert codec.to_plain(request) == {
        "model": "m",
        "messages": [
            {"role": "assistant", "content": "", "thinking": "t", "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": {}}}]},
            {"role": "tool", "content": "", "tool_name": "f", "tool_call_id": "x"},
        ],
        "stream": False,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
        "format": {"type": "object"},
        "think": False,
        "options": {"num_ctx": 4096},
        "keep_alive": 0,
        "truncate": False,
    }
    assert orjson.loads(codec.dumps(codec.to_plain(request))) == codec.to_plain(request)


def test_a_generate_request() -> None:
    request = GenerateRequest(model="m", prompt="", system="s", images=("QQ==",))
    assert codec.to_plain(request) == {"model": "m", "prompt": "", "system": "s", "images": ["QQ=="], "stream": True}


MANY: dict[str, bytes] = {
    "lists": b"[" + b"[]," * 200_000 + b"1]",
    "objects": b"[" + b"{}," * 200_000 + b"1]",
    "depth": b"[" * 200_000 + b"]" * 200_000,
    "numbers": b"[" + b"1," * 2_100_000 + b"1]",
    "keys": b"{" + b'"a":1,' * 2_100_000 + b'"a":1}',
}


@pytest.mark.parametrize("data", MANY.values(), ids=MANY)
def test_more_values_than_any_reply_holds_are_not_parsed(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("translator.codec.orjson", None)
    with pytest.raises(codec.TooManyValuesError, match="more than 2,000,000 values or 100,000 lists and objects"):
        codec.loads(data)


@pytest.mark.parametrize("text", ["[,{" * 400_000, '"\\' * 400_000, "\\" * 400_001 + '"' * 3 + "," * 3_000_000])
def test_marks_inside_texts_are_no_values(text: str) -> None:
    assert codec.loads(codec.dumps({"a": text})) == {"a": text}


def test_the_bound_can_be_tighter() -> None:
    codec.require_few_values(b"[1,2,[3]]", values=3, containers=2)
    for values, containers in ((1, 2), (3, 1)):
        with pytest.raises(codec.TooManyValuesError):
            codec.require_few_values(b"[1,2,[3]]", values=values, containers=containers)


@pytest.mark.parametrize(("data", "expected"), [(b'{"a": 1}', {"a": 1}), ("[1]", {}), (b"", {}), (b"{", {})])
def test_an_object_or_an_empty_one(data: bytes | str, expected: dict[str, int]) -> None:
    assert codec.read_object(data) == expected

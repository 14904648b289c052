"""One line to events: every shape a server sends, and what it must never send."""

import orjson
import pytest

from translator.response.decode import line_to_events
from translator.shapes.events import Event


def kinds(line: bytes) -> list[tuple[Event, str]]:
    return [(event.kind, event.text) for event in line_to_events(line, 1, "m")]


CALL = b'{"function":{"name":"f","arguments":{"a":1}}}'
SHAPES = {
    "text": (b'{"message":{"content":"a"},"done":false}', [(Event.TEXT, "a")]),
    "thinking": (b'{"message":{"content":"","thinking":"t"},"done":false}', [(Event.THINKING, "t")]),
    "empty": (b'{"message":{"role":"assistant","content":""},"done":false}', []),
    "nulls": (b'{"message":{"content":null,"thinking":null,"tool_calls":null},"done":false}', []),
    "no message": (b'{"done":false}', []),
    "empty object": (b"{}", []),
    "generate text": (b'{"response":"a","done":false}', [(Event.TEXT, "a")]),
    "generate thinking": (b'{"response":"","thinking":"t","done":false}', [(Event.THINKING, "t")]),
    "null error": (b'{"error":null,"message":{"content":"a"},"done":false}', [(Event.TEXT, "a")]),
    "unknown keys": (
        b'{"message":{"content":"a","x":1},"done":false,"logprobs":[{}],"created_at":"2026-01-01T00:00:00.123456789Z"}',
        [(Event.TEXT, "a")],
    ),
    "all at once": (
        b'{"message":{"content":"a","thinking":"t","tool_calls":[' + CALL + b']},"done":true,"done_reason":"stop"}',
        [(Event.THINKING, "t"), (Event.TEXT, "a"), (Event.CALLS, ""), (Event.DONE, "")],
    ),
    "load": (b'{"message":{"content":""},"done":true,"done_reason":"load"}', [(Event.DONE, "")]),
    "unload": (b'{"response":"","done":true,"done_reason":"unload"}', [(Event.DONE, "")]),
    "error": (b'{"error":"boom"}', [(Event.REFUSED, "")]),
    "error beside text": (b'{"error":"boom","message":{"content":"a"}}', [(Event.REFUSED, "")]),
    "error object": (b'{"error":{}}', [(Event.REFUSED, "")]),
    "no json": (b"hello", [(Event.GARBLED, "")]),
    "web page": (b"<html>", [(Event.REFUSED, "")]),
    "byte order mark": (b'\xef\xbb\xbf{"message":{"content":"a"}}', [(Event.TEXT, "a")]),
    "cut": (b'{"message":{"con', [(Event.GARBLED, "")]),
    "list": (b"[]", [(Event.GARBLED, "")]),
    "number": (b"1", [(Event.GARBLED, "")]),
    "content is a list": (b'{"message":{"content":["a"]},"done":false}', [(Event.GARBLED, "")]),
    "content is a number": (b'{"message":{"content":5},"done":false}', [(Event.GARBLED, "")]),
    "message is a text": (b'{"message":"a","done":false}', [(Event.GARBLED, "")]),
    "done is a text": (b'{"message":{"content":"a"},"done":"yes"}', [(Event.GARBLED, "")]),
    "arguments are an object in a text": (
        b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"done":false}',
        [(Event.CALLS, "")],
    ),
    "arguments are a text": (
        b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":"Paris"}}]},"done":false}',
        [(Event.GARBLED, "")],
    ),
    "arguments are a list in a text": (
        b'{"message":{"tool_calls":[{"function":{"name":"f","arguments":"[{}]"}}]},"done":false}',
        [(Event.GARBLED, "")],
    ),
    "call without name": (b'{"message":{"tool_calls":[{"function":{}}]},"done":false}', [(Event.GARBLED, "")]),
    "counter is a boolean": (b'{"message":{},"done":true,"eval_count":true}', [(Event.DONE, "")]),
    "not utf-8": (b'{"message":{"content":"a\xff"},"done":false}', [(Event.TEXT, "a\ufffd")]),
    "lone surrogate": (b'{"message":{"content":"a\\ud83d"},"done":false}', [(Event.TEXT, "a\ufffd")]),
    "surrogate pair": (b'{"message":{"content":"\\ud83d\\ude80"},"done":false}', [(Event.TEXT, "\U0001f680")]),
    "nul": (b'{"message":{"content":"a\\u0000b"},"done":false}', [(Event.TEXT, "a\x00b")]),
}


@pytest.mark.parametrize(("line", "expected"), SHAPES.values(), ids=SHAPES.keys())
def test_events_of_a_line(line: bytes, expected: list[tuple[Event, str]]) -> None:
    assert kinds(line) == expected


def test_calls_with_and_without_id_index_and_arguments() -> None:
    line = orjson.dumps(
        {
            "message": {
                "tool_calls": [
                    {"id": "x", "function": {"index": 1, "name": "f", "arguments": {"b": [1, {"c": None}]}}},
                    {"id": None, "function": {"name": "g", "arguments": None}},
                    {"function": {"name": "h"}},
                ]
            },
            "done": False,
        }
    )
    (event,) = line_to_events(line, 1, "m")
    assert [(call.id, call.function.name, dict(call.function.arguments)) for call in event.calls] == [
        ("x", "f", {"b": [1, {"c": None}]}),
        (None, "g", {}),
        (None, "h", {}),
    ]


def test_counters_are_read_as_integers() -> None:
    (event,) = line_to_events(b'{"done":true,"eval_count":3.0,"prompt_eval_count":2,"total_duration":null}', 1, "m")
    assert event.reply is not None
    assert (event.reply.eval_count, event.reply.prompt_eval_count, event.reply.total_duration) == (3, 2, 0)


def test_deep_nesting_is_garbled_and_does_not_crash() -> None:
    assert kinds(b"[" * 200_000)[0][0] is Event.GARBLED


def test_errors_never_quote_the_line() -> None:
    (event,) = line_to_events(b'{"message":{"content":["secret"]},"done":false}', 4, "m")
    assert "secret" not in str(event.error)
    assert "Line 4" in str(event.error)

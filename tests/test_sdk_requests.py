"""Long request lines and long histories are read as the SDK reads them, and others have their turn meanwhile."""

import io
import random
from typing import Any

import gevent
import pytest
from dify_plugin.core.entities.plugin.request import ModelInvokeLLMRequest
from pydantic import ValidationError

from plugin_entry import sdk_requests
from plugin_entry.sdk_requests import LONG, MANY, LineAdapter, LineBuffer, Lines


def split(buffer: Any, parts: list[bytes]) -> list[list[bytes]]:
    """What the SDK does with the parts that it reads, without its parsing."""
    found = []
    make = type(buffer)
    for data in parts:
        buffer.write(data)
        if b"\n" not in data:
            continue
        buffer.seek(0)
        lines = buffer.read().split(b"\n")
        found.append(lines[:-1])
        buffer = make()
        if lines[-1]:
            buffer.write(lines[-1])
    return found


@pytest.mark.parametrize("seed", range(20))
def test_lines_are_split_as_the_sdk_does_it(seed: int) -> None:
    chance = random.Random(seed)
    text = b"".join(chance.choice((b"a", b"bc", b"\n", b"\n\n", b" ", b"\r\n")) for _ in range(200)) + b"\n"
    cuts = sorted(chance.sample(range(1, len(text)), 30))
    parts = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(LineBuffer(), parts) == split(io.BytesIO(), parts)


def test_a_line_is_copied_once() -> None:
    line = b"x" * 1000
    (same, rest) = Lines([line + b"\n"]).split(b"\n")
    assert (same, rest) == (line, b"")


@pytest.mark.parametrize(("length", "turns"), [(LONG + 1, 1), (1000, 0)], ids=["long", "usual"])
def test_others_have_their_turn_before_a_long_line_is_parsed(length: int, turns: int) -> None:
    seen: list[int] = []
    other = gevent.spawn(seen.append, 1)
    line = b'{"a":"' + b"x" * length + b'"}'
    assert LineAdapter(dict[str, Any]).validate_json(line) == {"a": "x" * length}
    assert len(seen) == turns
    other.join()


def request(messages: object) -> dict[str, Any]:
    return {
        "user_id": "u",
        "type": "model",
        "action": "invoke_llm",
        "provider": "ollama",
        "model_type": "llm",
        "model": "m",
        "credentials": {},
        "prompt_messages": messages,
        "model_parameters": {},
        "tools": None,
        "stop": None,
    }


class Request(ModelInvokeLLMRequest):
    """One for this test: what is installed stays."""


def test_long_histories_are_read_the_same_while_others_go_on() -> None:
    plain = Request(**request([{"role": "user", "content": "x"}] * (MANY + 1)))
    sdk_requests._install_for(Request)
    seen: list[int] = []
    other = gevent.spawn(seen.append, 1)
    assert Request(**request([{"role": "user", "content": "x"}])).prompt_messages == plain.prompt_messages[:1]
    assert seen == []
    assert Request(**request([{"role": "user", "content": "x"}] * (MANY + 1))) == plain
    assert seen == [1]
    with pytest.raises(ValidationError):
        Request(**request([{"role": "user", "content": 1}] * (MANY + 1)))
    other.join()

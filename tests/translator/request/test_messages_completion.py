"""Messages to one prompt, and where a suffix has its place."""

import pytest

from translator.errors import RequestError
from translator.request.messages import completion_text, require_insert
from translator.shapes.dify import MediaKind, MediaPart, Message, Mode, Role, TextPart, ToolCall

PICTURE = MediaPart(kind=MediaKind.IMAGE, base64="AAAA")


def says(role: Role, *content: str | MediaPart) -> Message:
    return Message(role=role, content=tuple(part if isinstance(part, MediaPart) else TextPart(part) for part in content))


TEXTS: dict[str, tuple[list[Message], str, str, tuple[str, ...]]] = {
    "one": ([says(Role.USER, " as it is\n")], "", " as it is\n", ()),
    "system apart": ([says(Role.SYSTEM, "s"), says(Role.USER, "u"), says(Role.DEVELOPER, "d")], "s\n\nd", "u", ()),
    "every other role, in order": (
        [says(Role.USER, "a"), says(Role.ASSISTANT, "b"), says(Role.TOOL, "c"), says(Role.USER, "d")],
        "",
        "a\n\nb\n\nc\n\nd",
        (),
    ),
    "empty ones leave no gap": ([says(Role.USER, "a"), says(Role.USER, ""), says(Role.USER, "b")], "", "a\n\nb", ()),
    "pictures of all, in order": (
        [says(Role.USER, "a", PICTURE), says(Role.USER, MediaPart(kind=MediaKind.IMAGE, base64="BBBB"), "b")],
        "",
        "a\n\nb",
        ("AAAA", "BBBB"),
    ),
    "past thinking is no text": ([says(Role.ASSISTANT, "<think>x</think>yes"), says(Role.USER, "u")], "", "yes\n\nu", ()),
    "past calls are no text": (
        [Message(role=Role.ASSISTANT, tool_calls=(ToolCall(id="1", name="f", arguments="{}"),)), says(Role.USER, "u")],
        "",
        "u",
        (),
    ),
}


@pytest.mark.parametrize(("messages", "system", "prompt", "images"), TEXTS.values(), ids=TEXTS)
def test_texts(messages: list[Message], system: str, prompt: str, images: tuple[str, ...]) -> None:
    text = completion_text(messages, lambda part: part.base64)
    assert (text.system, text.prompt, text.images) == (system, prompt, images)
    assert prompt not in repr(text)


@pytest.mark.parametrize("messages", [[], [says(Role.USER)], [says(Role.USER, " \n\t")], [says(Role.SYSTEM, "s")]])
def test_an_empty_prompt_would_only_load_the_model(messages: list[Message]) -> None:
    with pytest.raises(RequestError, match="The prompt is empty"):
        completion_text(messages, lambda part: part.base64)


INSERTS: dict[str, tuple[str, Mode, bool | None, str]] = {
    "no suffix": ("", Mode.COMPLETION, False, ""),
    "no suffix in chat": ("", Mode.CHAT, None, ""),
    "can": ("x", Mode.COMPLETION, True, ""),
    "nobody knows": ("x", Mode.COMPLETION, None, ""),
    "cannot": ("x", Mode.COMPLETION, False, "insert_missing"),
    "chat": ("x", Mode.CHAT, True, "suffix_in_chat"),
}


@pytest.mark.parametrize(("suffix", "mode", "can_insert", "code"), INSERTS.values(), ids=INSERTS)
def test_suffix(suffix: str, mode: Mode, can_insert: bool | None, code: str) -> None:
    if not code:
        require_insert("m", suffix, mode, can_insert)
        return
    with pytest.raises(RequestError) as caught:
        require_insert("m", suffix, mode, can_insert)
    assert caught.value.code == code

"""What leaves a conversation that is too long: whole exchanges, oldest first, and never the question that is being answered."""

from itertools import pairwise

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.errors import RequestError
from translator.request.context import ContextPlan
from translator.request.fit import alternates, may_be_cut, may_be_cut_by_server, require_room, undroppable, without_older_half
from translator.shapes.dify import Message, Role, ToolCall


@attrs.frozen
class Said:
    """A message that is nothing but its role and its place."""

    role: str
    place: int


ROLES = {"s": "system", "d": "developer", "u": "user", "a": "assistant", "t": "tool"}
LETTERS = {role: letter for letter, role in ROLES.items()}


def talk(letters: str) -> tuple[Said, ...]:
    return tuple(Said(ROLES[letter], place) for place, letter in enumerate(letters))


def spelled(messages: tuple[Said, ...] | None) -> str | None:
    return None if messages is None else "".join(LETTERS[message.role] for message in messages)


SHORTENED: dict[str, tuple[str, list[str]]] = {
    "a chat": ("suauauau", ["suau", "su"]),
    "only a question": ("su", []),
    "only a system message": ("s", []),
    "questions in a row": ("uuuuuu", ["uuu", "uu", "u"]),
    "a greeting first": ("sauau", ["suau", "su"]),
    "a running loop": ("suatatatat", ["suatat", "suat"]),
    "a loop with parallel calls": ("suattattatt", ["suattatt", "suatt"]),
    "a loop after older exchanges": ("suauatauatatat", ["suatauatatat", "suatatat", "suatat", "suat"]),
    "older loops leave whole": ("suatatauata", ["suata", "sua"]),
    "a loop that ended in text": ("suatatau", ["su"]),
    "the beginning of an answer": ("suauaua", ["suaua", "sua"]),
    "system messages in between": ("suasuasu", ["ssuasu", "sssu"]),
    "no user at all": ("satatat", ["satat", "sat"]),
    "developer": ("duau", ["du"]),
}


@pytest.mark.parametrize(("letters", "expected"), SHORTENED.values(), ids=SHORTENED)
def test_shortened_by_halves(letters: str, expected: list[str]) -> None:
    seen = []
    messages = without_older_half(talk(letters))
    while messages is not None:
        seen.append(spelled(messages))
        messages = without_older_half(messages)
    assert seen == expected


@pytest.mark.parametrize(
    ("letters", "kept"),
    [("suauau", "su"), ("suatatat", "suat"), ("suauata", "sua"), ("satat", "sat"), ("u", "u"), ("s", "s"), ("duaudt", "dudt")],
)
def test_what_never_leaves(letters: str, kept: str) -> None:
    assert spelled(undroppable(talk(letters))) == kept


@pytest.mark.parametrize(("letters", "may"), [("suau", True), ("suatau", False), ("suat", False), ("sua", False), ("uu", True)])
def test_the_server_may_cut_only_what_has_no_calls(letters: str, may: bool) -> None:
    assert may_be_cut_by_server(talk(letters)) is may


@pytest.mark.parametrize(
    ("letters", "in_order"),
    [("suau", True), ("suatau", True), ("suatata", True), ("sau", False), ("uu", False), ("suaau", True), ("s", True), ("suasu", True)],
)
def test_order_of_roles(letters: str, in_order: bool) -> None:
    assert alternates(talk(letters)) is in_order


EXCHANGE = st.from_regex(r"u(at{1,3}){0,3}a?", fullmatch=True)
CONVERSATIONS = st.tuples(st.sampled_from(["", "s"]), st.lists(EXCHANGE, min_size=1, max_size=5)).map(
    lambda parts: parts[0] + "".join(parts[1])
)


@given(CONVERSATIONS)
def test_what_is_left_of_a_conversation_is_one(letters: str) -> None:
    """It begins with a user, its end and its question are those of the whole, and every result follows its call."""
    whole = talk(letters)
    question = max(message.place for message in whole if message.role == "user")
    left: tuple[Said, ...] | None = whole
    while left is not None:
        turns = [message for message in left if message.role != "system"]
        assert turns[0].role == "user"
        assert {question, whole[-1].place} <= {message.place for message in left}
        assert all(after.place == before.place + 1 for before, after in pairwise(turns) if after.role == "tool")
        assert [message.place for message in left] == sorted(message.place for message in left)
        assert alternates(left) or not alternates(whole)
        shorter = without_older_half(left)
        assert shorter is None or len(shorter) < len(left)
        left = shorter


def calling(arguments: str) -> tuple[Message, ...]:
    """A question and the call that is to answer it."""
    call = ToolCall(id="1", name="search", arguments=arguments)
    return Message(role=Role.USER, content="Look it up."), Message(role=Role.ASSISTANT, tool_calls=(call,))


def test_the_arguments_of_calls_take_room() -> None:
    window = ContextPlan(size=4096)
    short, long = calling("{}"), calling(f'{{"text": "{"word " * 20_000}"}}')
    require_room(short, (), window)
    assert not may_be_cut(short, (), window)
    assert may_be_cut(long, (), window)
    with pytest.raises(RequestError) as caught:
        require_room(long, (), window)
    assert caught.value.code == "context_too_long"

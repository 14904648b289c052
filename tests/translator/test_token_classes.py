"""A long text counts the same in pieces as in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator import token_classes
from translator.tokens import estimate_text

WORDS = (
    *("a", "Z", "hello", "World", " ", "  ", "\n", "\n\n", "\t", "1", "23", ".", ",", '"', "é", "ß", "Ж", "ї", "你", "好", "한국", "ひ"),
    *("हिन्दी", "ไทย", "🙂", "\r\n", "\x0b", "ố", "x" * 30, " " * 70, "\ud800", "\x7f"),
)


@given(
    text=st.lists(st.sampled_from(WORDS), max_size=60).map("".join),
    piece=st.sampled_from((1, 3, 10, 30)),
    within=st.sampled_from((1, 5, 99)),
)
def test_any_text_counts_the_same_in_pieces(text: str, piece: int, within: int) -> None:
    whole = estimate_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_classes, "PIECE", piece)
        patch.setattr(token_classes, "_SEAM_WITHIN", within)
        assert estimate_text(text) == whole


def test_only_a_long_text_is_cut() -> None:
    text = b"word " * (token_classes.PIECE // 5)
    assert isinstance(token_classes.classes_of(text), bytes)
    cut = token_classes.classes_of(text * 4)
    assert isinstance(cut, token_classes.Pieces)
    assert [len(part) // token_classes.PIECE for part in cut.parts] == [1, 1, 1, 0]

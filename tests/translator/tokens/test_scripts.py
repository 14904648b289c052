"""The script of a prompt, by which the estimator learns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tokens.corpus import held_out
from translator.tokens import script_of


@pytest.mark.parametrize(
    ("name", "script"),
    [
        *((name, "Latin") for name in ("english-cooking", "german", "vietnamese", "python", "generated base64", "generated csv-digits")),
        *((name, "Cyrillic") for name in ("russian", "ukrainian")),
        *((name, "Arabic") for name in ("arabic", "persian")),
        *((name, "Indic") for name in ("hindi", "bengali", "tamil")),
        *((name, "Han") for name in ("chinese-history", "chinese-traditional", "chinese-support")),
        *((name, "kana") for name in ("japanese-news", "japanese-chat")),
        ("korean-news", "Hangul"),
        ("thai", "Thai"),
        ("greek", "Greek"),
        ("hebrew", "Hebrew"),
    ],
)
def test_scripts(name: str, script: str) -> None:
    assert script_of([held_out()[name]]) == script


def test_the_greater_part_decides() -> None:
    assert script_of(["Translate this into English, please:", "你好" * 40]) == "Han"
    assert script_of(["Please explain in detail how this word is used in everyday conversation:", "你好"]) == "Latin"


def test_only_the_beginning_of_megabytes_is_read() -> None:
    assert script_of(["a" * 200_000, "你" * 10_000_000]) == "Latin"


@given(st.lists(st.text()))
def test_any_texts_have_a_script(texts: list[str]) -> None:
    assert script_of(texts)

"""A long text counts the same in pieces as in one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translator.tokens import features
from translator.tokens.features import BYTES, FEATURES, measure

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
    whole = measured(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(features, "PIECE", piece)
        patch.setattr(features, "_SEAM_WITHIN", within)
        assert measured(text) == pytest.approx(whole)


def measured(text: str) -> dict[str, float]:
    return dict(zip(FEATURES, measure(text.encode("utf-8", "surrogatepass")), strict=True))


def found(text: str) -> dict[str, float]:
    return {name: count for name, count in measured(text).items() if count}


@given(st.text(st.characters(exclude_characters=["\x00"])))
def test_every_character_has_one_script(text: str) -> None:
    assert sum(measured(text)[name] for name in BYTES) == len(text)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("é", "western accents"),
        ("ř", "eastern accents"),
        ("ố", "Vietnamese"),
        ("ж", "Cyrillic"),
        ("α", "Greek"),
        ("א", "Hebrew"),
        ("ع", "Arabic"),
        ("ह", "Devanagari"),
        ("ব", "Bengali"),
        ("ગ", "northern Indic"),
        ("த", "Tamil"),
        ("ಕ", "southern Indic"),
        ("ก", "Thai"),
        ("ქ", "Georgian"),
        ("አ", "rare scripts"),
        ("ひ", "kana"),
        ("ホー", "katakana"),
        ("。", "Han punctuation"),
        ("你", "Han"),
        ("한", "Hangul"),
        ("🙂", "emoji"),
        ("—", "typography"),
        ("─", "boxes"),
        ("，", "wide forms"),
    ],
)
def test_scripts_are_told_apart(text: str, script: str) -> None:
    assert measured(text)[script] == len(text)


def test_numbers_count_in_groups_of_three() -> None:
    for digits, groups in (("1", 1), ("123", 1), ("1234", 2), ("1 22 333 4444", 5), ("x12y123456", 3)):
        assert measured(digits)["digit triples"] == groups
    assert measured("1,22,333")["numbers"] == 3


def test_rules_are_fours_of_one_sign() -> None:
    assert found("----" * 3)["rules"] == 3
    assert "rules" not in found('{"}]:')


def test_languages_share_the_words() -> None:
    english, german, polish = (
        measured(text)
        for text in (
            "the cat is in the house and it is of no use",
            "der Hund und die Katze sind in das Haus",
            "nie ma go na razie i nie ma z kim",
        )
    )
    assert english["Germanic words of 4"] < german["Germanic words of 4"]
    assert german["other words of 1"] < polish["other words of 1"]


def test_a_text_of_megabytes_is_measured_in_pieces() -> None:
    text = b"some words and 12 numbers\n" * (4 * features.PIECE // 26)
    whole = sum(map(measure_count, features._cut(text)))
    assert len(list(features._cut(text))) > 3
    assert whole == text.count(b"1")


def measure_count(piece: bytes) -> int:
    return int(dict(zip(FEATURES, measure(piece), strict=True))["numbers"])

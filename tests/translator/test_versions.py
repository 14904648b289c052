"""Server versions: reading, order, and the thresholds against each other."""

import pytest

from translator import versions
from translator.versions import NEWEST, ServerVersion

READ = {
    "plain": ("0.24.0", ServerVersion(0, 24, 0), "0.24.0"),
    "candidate": ("0.33.0-rc2", ServerVersion(0, 33, 0, candidate=2), "0.33.0-rc2"),
    "candidate with dot": ("0.33.0-rc.2", ServerVersion(0, 33, 0, candidate=2), "0.33.0-rc2"),
    "letter in front": ("v0.9.6", ServerVersion(0, 9, 6), "0.9.6"),
    "spaces": (" 0.9.6\n", ServerVersion(0, 9, 6), "0.9.6"),
    "two numbers": ("0.24", ServerVersion(0, 24, 0), "0.24.0"),
    "built after a release": ("0.24.0-5-gdeadbee", ServerVersion(0, 24, 0), "0.24.0"),
    "build metadata": ("0.24.0+cu12", ServerVersion(0, 24, 0), "0.24.0"),
    "built from source": ("0.0.0", NEWEST, "unknown"),
    "built from source, later": ("0.0.0-3-gabc", NEWEST, "unknown"),
    "empty": ("", NEWEST, "unknown"),
    "none": (None, NEWEST, "unknown"),
    "garbage": ("latest", NEWEST, "unknown"),
    "four numbers": ("1.2.3.4", NEWEST, "unknown"),
    "endless number": ("9" * 5000 + ".1", NEWEST, "unknown"),
}


@pytest.mark.parametrize(("text", "version", "shown"), READ.values(), ids=READ)
def test_parse(text: str | None, version: ServerVersion, shown: str) -> None:
    parsed = ServerVersion.parse(text)
    assert parsed == version
    assert str(parsed) == shown
    assert parsed.is_known == (version != NEWEST)


def test_order_is_numeric_and_candidates_come_before_their_release() -> None:
    texts = ["0.5.13", "0.6.6", "0.9.6", "0.12.10", "0.33.0-rc2", "0.33.0-rc10", "0.33.0", "1.0.0", "unknown"]
    parsed = [ServerVersion.parse(text) for text in texts]
    shuffled = [parsed[index] for index in (4, 0, 8, 2, 6, 1, 7, 3, 5)]
    assert sorted(shuffled) == parsed


def test_thresholds_are_listed_in_order_and_below_the_newest() -> None:
    thresholds = [value for name, value in vars(versions).items() if isinstance(value, ServerVersion) and name != "NEWEST"]
    assert thresholds == sorted(thresholds)
    assert all(threshold < NEWEST for threshold in thresholds)

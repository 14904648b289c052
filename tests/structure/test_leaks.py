"""No published file knows the machine it was written on, or where packages are fetched from."""

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.structure.sources import ROOT, published_files

DATA = {".json", ".png", ".jpg", ".webp", ".gif", ".ico", ".woff2"}
"""Recordings are what was on the wire, paths of the recorded machine included; pictures are no text."""

HOSTS = re.compile(
    "|".join(("py" r"pi\.org", "pythonhosted", "gh" r"cr\.io", "docker" r"\.io", "quay" r"\.io", "npmjs", "artifactory")), re.IGNORECASE
)
FOLDERS = ("work", "root", "opt/wheels", "tmp", r"home/(?!someone|x+\b)\w+", r"Users/\w+")
PATHS = re.compile(rf"(?<![\w.}}\])/<>*-])/(?:{'|'.join(FOLDERS)})(?![\w-])")
OWN = Path(__file__)


@functools.cache
def texts() -> Mapping[Path, str]:
    """Every file of text."""
    return {
        path: path.read_text(encoding="utf-8", errors="replace") for path in published_files() if path.suffix not in DATA and path != OWN
    }


def places(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Where a pattern is found, and what it found there."""
    for path, text in texts().items():
        for found in pattern.finditer(text):
            yield f"{path.relative_to(ROOT).as_posix()}:{text.count('\n', 0, found.start()) + 1}", found[0]


def test_no_registry_is_named() -> None:
    assert list(places(HOSTS)) == []


def test_no_path_of_a_machine() -> None:
    assert list(places(PATHS)) == []


def test_patterns_find_what_they_are_for() -> None:
    for text in ("see /work/shared", '"/root/x"', "cd /home/me/x", "/tmp/x"):
        assert PATHS.search(text)
    for text in ("{base}/root", "network/work", "https://example.org/work", "/root-head", "/worker"):
        assert not PATHS.search(text)

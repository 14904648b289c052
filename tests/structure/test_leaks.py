"""No published file knows the machine it was written on, or where packages are fetched from."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.structure.sources import ROOT, published_files

DATA = {".json", ".png", ".jpg", ".webp", ".gif", ".ico", ".woff2"}
"""Recordings are what was on the wire, paths of the recorded machine included; pictures are no text."""

HOSTS = re.compile("|".join(("py" r"pi\.org", "pythonhosted", "gh" r"cr\.io", "docker" r"\.io", "quay" r"\.io", "npmjs", "artifactory")))
FOLDERS = ("work", "root", "opt/wheels", "tmp", r"home/(?!someone|x+\b)\w+", r"Users/\w+")
PATHS = re.compile(rf"(?<![\w.}}\])/<>*-])/(?:{'|'.join(FOLDERS)})(?![\w-])")
OWN = Path(__file__)


def lines() -> Iterator[tuple[str, str]]:
    """Every line of text, with where it stands."""
    for path in published_files():
        if path.suffix not in DATA and path != OWN:
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
                yield f"{path.relative_to(ROOT).as_posix()}:{number}", line


def test_no_registry_is_named() -> None:
    assert [(place, found[0]) for place, line in lines() if (found := HOSTS.search(line.lower()))] == []


def test_no_path_of_a_machine() -> None:
    assert [(place, found[0]) for place, line in lines() if (found := PATHS.search(line))] == []


def test_patterns_find_what_they_are_for() -> None:
    for text in ("see /work/shared", '"/root/x"', "cd /home/me/x", "/tmp/x"):
        assert PATHS.search(text)
    for text in ("{base}/root", "network/work", "https://example.org/work", "/root-head", "/worker"):
        assert not PATHS.search(text)

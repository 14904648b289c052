"""The test of a module is found without searching: tests stand in the folders of the product, under the names of its modules.

`test_stream.py` is about `stream.py`, and so is `test_stream_limits.py`, about one thing in it.
"""

from pathlib import Path

import pytest

from tests.structure.sources import ROOT

HOUSES = ("translator", "plugin_entry", "fixtures", "docs")
BESIDE = {"bench", "consumers", "data", "examples", "faults", "fuzzing", "go", "load", "servers", "stdio", "structure", "tokens"}
"""Folders of tests that are about the whole."""

OF_SEVERAL: dict[str, str] = {
    "tests/fixtures/test_fixtures.py": "the loader and the replay server, each against the other",
    "tests/plugin_entry/checks/test_last_sentence.py": "the sentence that the forms and the doctor end with is one and the same",
    "tests/plugin_entry/cli/packaging/test_contents.py": "what stands in the package, whoever put it there",
    "tests/plugin_entry/cli/packaging/test_texts.py": "the texts that the marketplace shows",
    "tests/plugin_entry/provider/test_credential_form.py": "the form in the YAML files",
    "tests/plugin_entry/provider/test_manifest.py": "the manifest",
    "tests/plugin_entry/provider/test_provider_form.py": "the form of the provider, in the YAML file and saved",
    "tests/plugin_entry/serving/test_long_prompts.py": "long prompts to every kind of model",
    "tests/translator/rerank/test_recordings.py": "every recorded ranking, from the request to the scores",
}
"""Tests of several modules, and why they are not apart."""


def files_of(house: str) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "tests" / house).rglob("test_*.py"))]


def modules_of(test: str) -> list[str]:
    """The modules that a test may be about by its name, the longest name first."""
    path = Path(test)
    folder = ROOT / path.parent.relative_to("tests")
    words = path.stem.split("_")[1:]
    names = ["_".join(words[:end]) for end in range(len(words), 0, -1)]
    return [name for name in names if (folder / f"{name}.py").is_file()]


@pytest.mark.parametrize("house", HOUSES)
def test_tests_mirror_the_folders(house: str) -> None:
    tests = files_of(house)
    assert tests
    assert [test for test in tests if not modules_of(test) and test not in OF_SEVERAL] == []


def test_reasons_are_still_needed() -> None:
    assert [test for test in OF_SEVERAL if not (ROOT / test).is_file() or modules_of(test)] == []


def test_every_folder_of_tests_is_a_room_or_about_the_whole() -> None:
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert folders == {*HOUSES, *BESIDE}


def test_a_test_that_is_nowhere_is_found() -> None:
    assert modules_of("tests/translator/response/test_stream_limits.py") == ["stream"]
    assert modules_of("tests/translator/response/test_streams.py") == []
    assert modules_of("tests/translator/nowhere/test_stream.py") == []

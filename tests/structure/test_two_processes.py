"""The whole suite runs in two processes, and nothing is lost between them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure.sources import ROOT

CONFTEST = "from tests.two_processes import pytest_configure"

DYING = """
import os
from tests.two_processes import ENVIRONMENT, pytest_configure

IS_SECOND = ENVIRONMENT in os.environ
if IS_SECOND:
    os.mkdir("second")

def pytest_runtest_call(item):
    # each waits for the other one at its first test, so that both have a file when the second process dies
    if os.path.exists("begun"):
        with open("begun", "w" if IS_SECOND else "r"):
            os.unlink("begun") if IS_SECOND else None
        if IS_SECOND:
            os._exit(5)
"""

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(50))
def test_number(number):
    with open("ran.log", "a") as log:
        log.write(f"{__name__} {number}\\n")
    assert (__name__, number) not in [("test_0", 7), ("test_5", 8)], "a text of the failed test"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a project with six files of fifty tests; one fails in the first file, one in the last."""
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text(CONFTEST)
    for number in range(6):
        (tmp_path / "tests" / f"test_{number}.py").write_text(TESTS)
    return tmp_path


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_each_test_runs_once_and_each_failure_is_shown(folder: Path) -> None:
    done = run(folder)
    ran = (folder / "ran.log").read_text().splitlines()
    assert len(ran) == len(set(ran)) == 300
    assert "2 failed, 298 passed" in done.stdout
    assert done.stdout.count("E       AssertionError: a text of the failed test") == 2
    assert done.returncode == pytest.ExitCode.TESTS_FAILED


def test_both_take_the_same_choice(folder: Path) -> None:
    done = run(folder, "-k", "test_number[3]")
    assert "6 passed, 294 deselected" in done.stdout
    assert done.returncode == pytest.ExitCode.OK


def test_a_choice_of_files_is_run_by_one(folder: Path) -> None:
    (folder / "tests" / "conftest.py").write_text(DYING)
    done = run(folder, "tests/test_1.py")
    assert "50 passed" in done.stdout
    assert not (folder / "second").exists()
    assert done.returncode == pytest.ExitCode.OK


def test_what_cannot_be_collected_is_told_once(folder: Path) -> None:
    (folder / "tests" / "test_broken.py").write_text("import nothing_of_this_name\n")
    done = run(folder)
    assert done.stdout.count("E   ModuleNotFoundError: No module named 'nothing_of_this_name'") == 1
    assert done.returncode == pytest.ExitCode.INTERRUPTED


def test_a_second_process_that_dies_is_told(folder: Path) -> None:
    (folder / "tests" / "conftest.py").write_text(DYING)
    os.mkfifo(folder / "begun")
    done = run(folder)
    assert "Of 300 tests 250 ran in the first process and 0 in the second, which ended with 5" in done.stdout + done.stderr
    assert done.returncode == pytest.ExitCode.INTERNAL_ERROR

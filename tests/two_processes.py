"""The whole suite in two pytest processes: there is more to do than one core can do in two minutes.

Both collect the same tests, and each takes the next file that nobody has taken yet from a pipe. The reports of the second process go
through a file to the first one, which shows and counts them as its own. pytest-xdist would be the library for it, but its channels do not
survive that gevent patches their process.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ENVIRONMENT = "TESTS_OF_FIRST_PROCESS"
"""Tells the second process its pipe and the file of its reports."""

NUMBER_BYTES = 2


def pytest_configure(config: pytest.Config) -> None:
    """The whole suite is run by two; a choice of files or folders by one."""
    told = os.environ.pop(ENVIRONMENT, "")
    if told:
        pipe, reports = told.split(" ", 1)
        config.pluginmanager.register(SecondProcess(config, int(pipe), Path(reports)))
    elif config.args_source is config.ArgsSource.TESTPATHS and not config.option.collectonly and (os.cpu_count() or 1) > 1:
        config.pluginmanager.register(FirstProcess(config))


def run_files(session: pytest.Session, pipe: int, after_each: Callable[[], None] = lambda: None) -> int:
    """Runs the tests of each file whose number comes from the pipe, and returns how many tests that were."""
    files: dict[Path, list[pytest.Item]] = {}
    for each in session.items:
        files.setdefault(each.path, []).append(each)
    numbered = list(files.values())

    def taken() -> Iterator[pytest.Item]:
        while number := os.read(pipe, NUMBER_BYTES):
            yield from numbered[int.from_bytes(number)]

    count = 0
    tests = taken()
    following = next(tests, None)
    while item := following:
        following = next(tests, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        count += 1
        after_each()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
    return count


class FirstProcess:
    """Starts the second process before it collects, and shows its reports."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._pipe, self._numbers = os.pipe()
        self._folder = tempfile.TemporaryDirectory(prefix="dify-ollama-reports-")
        reports = Path(self._folder.name, "reports")
        reports.touch()
        self._reports = reports.open(encoding="utf-8")
        self._begun = ""
        self._output = Path(self._folder.name, "output")
        self._ran_by_second = 0
        arguments = [each for each in config.invocation_params.args if not str(each).startswith("--cov")]
        environment = {**os.environ, ENVIRONMENT: f"{self._pipe} {reports}"}
        if config.pluginmanager.has_plugin("_cov"):
            # the first process joins what it finds beside its own file
            arguments += ["--cov", "--cov-report="]
            environment["COVERAGE_FILE"] = os.environ.get("COVERAGE_FILE", ".coverage") + ".second"
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
                cwd=config.invocation_params.dir,
                env=environment,
                pass_fds=[self._pipe],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed:
            return None  # pytest itself says what could not be collected
        count = len({item.path for item in session.items})
        os.write(self._numbers, b"".join(number.to_bytes(NUMBER_BYTES) for number in range(count)))
        os.close(self._numbers)
        ran = run_files(session, self._pipe, self._show_reports)
        self._process.wait()
        self._show_reports()
        if ran + self._ran_by_second != len(session.items):
            pytest.exit(
                f"Of {len(session.items)} tests {ran} ran in the first process and {self._ran_by_second} in the second, which ended with "
                f"{self._process.returncode}:\n{self._output.read_text(encoding='utf-8', errors='replace')[-3000:]}",
                returncode=pytest.ExitCode.INTERNAL_ERROR,
            )
        return True

    def _show_reports(self) -> None:
        for part in self._reports:
            self._begun += part
            if not part.endswith("\n"):
                return
            data, self._begun = json.loads(self._begun), ""
            if "ran" in data:
                self._ran_by_second = data["ran"]
            else:
                hook = self._config.hook
                hook.pytest_runtest_logreport(report=hook.pytest_report_from_serializable(config=self._config, data=data))

    def pytest_unconfigure(self) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()


class SecondProcess:
    """Runs the files that the first process leaves to it."""

    def __init__(self, config: pytest.Config, pipe: int, reports: Path) -> None:
        self._config = config
        self._pipe = pipe
        self._reports = reports.open("a", encoding="utf-8")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._write({"ran": run_files(session, self._pipe)})
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self._write(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def _write(self, data: object) -> None:
        self._reports.write(json.dumps(data) + "\n")
        self._reports.flush()

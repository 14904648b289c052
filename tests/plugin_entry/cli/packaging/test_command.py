"""`dify-ollama package`: what goes in, that it is always the same file, that it says what is wrong, and that what was packed runs."""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import gevent
import pytest

from plugin_entry.cli import main
from plugin_entry.cli.packaging.archive import NoPackageError, PatternError, collect, pack, read_patterns, with_wheels
from plugin_entry.cli.packaging.dependencies import pins_of
from tests.install_check import EXPECTED, answer_of, replay_server, serverless_answer_of, unpack
from tests.plugin_entry.cli.packaging.plugin_files import ROOT

pytestmark = pytest.mark.usefixtures("_fast_yaml")

IGNORING: tuple[tuple[str, str, bool], ...] = (
    ("/tests/", "tests/", True),
    ("/tests/", "tests/a.py", True),
    ("/tests/", "plugin_entry/tests/a.py", False),
    ("/tests/", "tests", False),
    ("/uv.lock", "uv.lock", True),
    ("/uv.lock", "docs/uv.lock", False),
    ("/uv.lock", "uv.lock.md", False),
    (".env", "a/b/.env", True),
    (".env", "a/.env/c", True),
    (".env", "a/.envrc", False),
    ("*.pyc", "a/b.pyc", True),
    ("*.pyc", "a/b.py", False),
    ("__pycache__/", "a/__pycache__/x.py", True),
    ("__pycache__/", "a/__pycache__", False),
    ("a?c", "abc", True),
    ("a?c", "a/c", False),
    ("v[0-9].md", "docs/v1.md", True),
    ("v[!0-9].md", "docs/v1.md", False),
    ("docs/*.md", "docs/a.md", True),
    ("docs/*.md", "docs/b/a.md", False),
    ("docs/*.md", "x/docs/a.md", False),
    ("**/old", "a/b/old", True),
    ("**/old", "old", True),
    ("docs/**/a.md", "docs/a.md", True),
    ("docs/**/a.md", "docs/x/y/a.md", True),
    ("docs/**", "docs/x/y", True),
    ("docs/**", "docs", False),
    ("a+b", "a+b", True),
    ("a+b", "aab", False),
    ("# note\n\n  \nx", "x", True),
    ("", "x", False),
)


@pytest.mark.parametrize(("pattern", "path", "expected"), IGNORING, ids=[f"{pattern!r} {path}" for pattern, path, _ in IGNORING])
def test_ignoring(pattern: str, path: str, expected: bool) -> None:
    assert read_patterns(pattern)(path) is expected


@pytest.mark.parametrize("pattern", ["!keep.md", "a\\ b"])
def test_pattern_that_packagers_read_differently_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match="another way"):
        read_patterns(f"*.md\n{pattern}")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "plugin.difypkg"
    assert main(["package", "--plain", "-o", str(path)]) == 0
    return path


def test_package_has_what_runs_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {"manifest.yaml", "pyproject.toml", "requirements.txt", "README.md", "PRIVACY.md", "LICENSE", "_assets"} <= tops
    assert tops <= {"translator", "plugin_entry", "main.py", "readme", "CHANGELOG.md", ".python-version", "_assets"} | {
        "manifest.yaml", "pyproject.toml", "requirements.txt", "README.md", "PRIVACY.md", "LICENSE",
    }  # fmt: skip
    assert package.stat().st_size <= 1 << 20


def test_package_installs_the_pinned_versions_and_builds_nothing(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        project = tomllib.loads(archive.read("pyproject.toml").decode())
        pins = pins_of(archive.read("requirements.txt").decode())
    assert project["project"]["dependencies"] == [pin.requirement for pin in pins]
    assert {"dify-plugin==0.10.2", "cffi==2.1.1 ; platform_python_implementation == 'CPython' and sys_platform == 'win32'"} <= set(
        project["project"]["dependencies"]
    )
    assert set(project) == {"project", "tool"}, "without a build system, uv installs the dependencies only"


def test_dependency_that_is_not_pinned_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / ".difyignore").write_text("")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3"\ndependencies = ["a_b>1"]\n')
    (tmp_path / "requirements.txt").write_text("c==1\n")
    assert main(["package", str(tmp_path)]) == 1
    assert "a-b is not in requirements.txt" in capsys.readouterr().err


def test_package_is_the_same_every_time(package: Path, tmp_path: Path) -> None:
    files = collect(ROOT)
    assert pack(files) == pack(dict(reversed(list(files.items())))) == package.read_bytes()
    with zipfile.ZipFile(package) as archive:
        assert archive.namelist() == sorted(files)
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_table_names_what_the_owner_must_fill_in(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["package", "--plain", "--check-only", "-o", str(tmp_path / "none")]) == 0
    shown = capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert "FAIL" not in shown
    rows = {line[9:28].strip(): line[:9].strip() for line in shown.splitlines() if not line.startswith(" ")}
    assert {name for name, verdict in rows.items() if verdict == "fill in"} == {"author", "repo", "contact"}
    assert all(f"{field} in manifest.yaml" in shown for field in ("author", "repo", "contact"))
    assert "Before you publish it, fill in author, repo, contact (see above)" in shown


def test_package_that_lacks_nothing_is_ready(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = dict(collect(ROOT))
    manifest = files["manifest.yaml"].replace(b"author: ollamabridge", b"author: someone")
    files["manifest.yaml"] = manifest + b"repo: https://github.com/someone/plugin\ncontact: someone@example.org\n"
    files["README.md"] += b"\nhttps://github.com/someone/plugin\n"
    for name, data in {**files, ".difyignore": b""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert main(["package", str(tmp_path), "--plain", "--check-only"]) == 0
    shown = capsys.readouterr().out
    assert "fill in" not in shown
    assert "Ready to be published" in shown


def test_failing_check_writes_no_package(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / ".difyignore").write_text("")
    (tmp_path / "a.py").write_text("def")
    output = tmp_path / "out.difypkg"
    assert main(["package", str(tmp_path), "--plain", "-o", str(output)]) == 1
    shown = capsys.readouterr().out
    assert "manifest.yaml is not in the package" in shown
    assert "a.py: invalid syntax" in shown
    assert not output.exists()


@pytest.mark.parametrize(
    ("difyignore", "sentence"), [(None, "has no .difyignore"), ("!x", "understands the pattern '!x' in another way")], ids=["none", "odd"]
)
def test_directory_that_is_no_plugin(difyignore: str | None, sentence: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    if difyignore is not None:
        (tmp_path / ".difyignore").write_text(difyignore)
    assert main(["package", str(tmp_path)]) == 1
    assert sentence in capsys.readouterr().err


def test_package_for_programs_is_one_document(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "out.difypkg"
    assert main(["package", "--json", "-o", str(output)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["good"], document["package"]["bytes"]) == (True, output.stat().st_size)
    assert {check["verdict"] for check in document["checks"]} == {"ok", "fill in"}


def test_output_that_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["package", "-o", str(tmp_path)]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_what_was_packed_runs(package: Path, tmp_path: Path) -> None:
    """With the installed dependencies; `tests.install_check.py` does the same in fresh environments."""
    unpack(package, tmp_path)
    with replay_server() as base_url:
        doctor = run_doctor(tmp_path, "doctor", base_url)
        asked = [gevent.spawn(ask, Path(sys.executable), tmp_path, base_url) for ask in (answer_of, serverless_answer_of)]
        for each in asked:
            assert each.get().startswith(EXPECTED)
        assert (doctor.returncode, doctor.stderr) == (0, "Examining the server ...\n")
        assert doctor.stdout.endswith(" is ready.\n")
    assert "there is no command 'demo'. Choose one of doctor." in run_doctor(tmp_path, "demo").stderr


def run_doctor(directory: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """As an administrator does in the container, in the plugin's directory."""
    command = (sys.executable, "-m", "plugin_entry.cli", *arguments)
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


REQUIREMENTS = b"a_b==1.0 --hash=sha256:00\n    # via x\nonly-there==2 ; sys_platform == 'win32' --hash=sha256:00\n"


def test_offline_package_is_installed_from_its_wheels_alone(tmp_path: Path) -> None:
    (tmp_path / "A_B-1.0-py3-none-any.whl").write_bytes(b"wheel")
    files = with_wheels({"requirements.txt": REQUIREMENTS, "pyproject.toml": b"", "x.py": b""}, tmp_path)
    assert set(files) == {"requirements.txt", "x.py", "wheels/A_B-1.0-py3-none-any.whl"}
    assert files["requirements.txt"] == b"--no-index\n--find-links=./wheels/\n" + REQUIREMENTS


def test_offline_package_without_a_wheel_that_is_needed(tmp_path: Path) -> None:
    (tmp_path / "a_b-1.1-py3-none-any.whl").write_bytes(b"another version")
    with pytest.raises(NoPackageError, match=r"lacks wheels of a-b==1\.0"):
        with_wheels({"requirements.txt": REQUIREMENTS}, tmp_path)


def test_offline_package_that_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "a_b-1.0-py3-none-any.whl").write_bytes(bytes(51 << 20))
    with pytest.raises(NoPackageError, match="Dify takes 52428800"):
        with_wheels({"requirements.txt": REQUIREMENTS}, tmp_path)

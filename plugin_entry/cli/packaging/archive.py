"""The files of a package, and the package as one file.

The archive is the same for the same files: sorted names, one fixed time, one mode. A package can carry its dependencies as wheels, for a
Dify that cannot reach a package index.
"""

import io
import os
import shlex
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pathspec import GitIgnoreSpec

from plugin_entry.cli.commands import CommandError
from plugin_entry.cli.packaging.dependencies import canonical, pinned_project, pins_of

type Files = Mapping[str, bytes]

IGNORE_FILE = ".difyignore"
FIXED_TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip archive can hold."""
READABLE_FILE = 0o100644 << 16
SUFFIX = ".difypkg"
UNPACKED_BYTES = 50 << 20
"""As much as Dify's daemon takes (MAX_PLUGIN_PACKAGE_SIZE)."""


REQUIREMENTS, PROJECT = "requirements.txt", "pyproject.toml"
README, ENGLISH_README = "README.md", "readme/README_en_US.md"
"""Dify shows the first for English. The one of the repository is for people with a clone, so the package takes the other's text."""
WHEELS = "wheels"
FROM_WHEELS_ALONE = f"--no-index\n--find-links=./{WHEELS}/\n".encode()
PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_28_x86_64")
"""Of most servers; on ARM it ends in `aarch64` instead."""
PYTHON = "3.12"


class NoPackageError(CommandError):
    """The directory cannot be packed."""


class PatternError(CommandError):
    """A line of `.difyignore` that packagers understand differently."""


def read_patterns(text: str) -> Callable[[str], bool]:
    """Whether a `.difyignore` leaves out a path, relative and with `/`; a folder ends with `/`. Raises PatternError.

    Patterns with `!` are refused: Dify's packager stops at the first pattern that matches, so an exception would mean one thing there and
    another in git.
    """
    for pattern in map(str.rstrip, text.splitlines()):
        if not pattern.startswith("#") and (pattern.startswith("!") or "\\" in pattern):
            raise PatternError(f"Dify's packager understands the pattern {pattern!r} in another way. Name what is to be left out instead.")
    return GitIgnoreSpec.from_lines(text.splitlines()).match_file


def collect(directory: Path) -> Files:
    """The files of the package by relative path: everything that `.difyignore` does not leave out.

    `README.md` is the English page of the translations. `pyproject.toml` becomes one with the exact versions of `requirements.txt`, because
    Dify's daemon installs what it names (`uv sync --no-dev`) and reads `requirements.txt` only without it.
    Raises NoPackageError, PatternError.
    """
    try:
        ignored = read_patterns((directory / IGNORE_FILE).read_text(encoding="utf-8"))
    except OSError as error:
        raise NoPackageError(f"{directory} has no {IGNORE_FILE}. Run the command in a clone of the project, or name one.") from error
    files = {path: (directory / path).read_bytes() for path in sorted(_paths(directory, ignored))}
    if ENGLISH_README in files:
        files[README] = files.pop(ENGLISH_README)
    if PROJECT not in files or REQUIREMENTS not in files:
        return files
    try:
        project = pinned_project(files[PROJECT].decode(), files[REQUIREMENTS].decode())
    except ValueError as error:
        raise NoPackageError(str(error)) from error
    return {**files, PROJECT: project.encode()}


def _paths(directory: Path, ignored: Callable[[str], bool]) -> Iterator[str]:
    for folder, names, files in os.walk(directory):
        base = Path(folder).relative_to(directory)
        names[:] = [name for name in names if not ignored(f"{(base / name).as_posix()}/")]
        yield from (path for name in files if not ignored(path := (base / name).as_posix()))


def pack(files: Files) -> bytes:
    """A `.difypkg` with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, FIXED_TIME)
            entry.external_attr, entry.compress_type = READABLE_FILE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return buffer.getvalue()


def with_wheels(files: Files, folder: Path) -> Files:
    """Adds the wheels. Raises NoPackageError when one is missing that Linux needs, where Dify runs."""
    wheels = {path.name: path.read_bytes() for path in sorted(folder.glob("*.whl"))}
    there = {_project(name) for name in wheels}
    pinned = [pin for pin in pins_of(files[REQUIREMENTS].decode()) if "win32" not in pin.marker]
    if missing := [f"{pin.name}=={pin.version}" for pin in pinned if (pin.name, pin.version) not in there]:
        raise NoPackageError(f"{folder} lacks wheels of {', '.join(missing)}. Fill it by\n\n{download_command(folder)}\n")
    # with this file the daemon would ask an index
    kept = {path: data for path, data in files.items() if path != PROJECT}
    carried = {f"{WHEELS}/{name}": data for name, data in wheels.items()}
    whole = {**kept, REQUIREMENTS: FROM_WHEELS_ALONE + files[REQUIREMENTS], **carried}
    if (size := sum(map(len, whole.values()))) > UNPACKED_BYTES:
        raise NoPackageError(
            f"With these wheels it is {size} bytes, and Dify takes {UNPACKED_BYTES}. Carry those of one machine type only."
        )
    return whole


def download_command(folder: Path) -> str:
    """The command line that fills a folder with the wheels for a Dify on Linux; every file is checked against its hash."""
    words = ("python -m pip download --require-hashes --no-deps --only-binary :all:", f"--python-version {PYTHON} --implementation cp")
    platforms = " ".join(f"--platform {platform}" for platform in PLATFORMS)
    command = " \\\n    ".join((*words, platforms, f"-r {REQUIREMENTS} -d {shlex.quote(str(folder))}"))
    return f"{command}\n\n(for a Dify on ARM, the platforms end in aarch64)"


def _project(wheel: str) -> tuple[str, str]:
    name, version, *_ = wheel.split("-")
    return canonical(name), version

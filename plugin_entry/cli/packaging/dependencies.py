"""The exact versions that a package installs, and what the marketplace and we demand of them.

Dify's daemon installs from `pyproject.toml` (`uv sync --no-dev`, langgenius/dify-plugin-daemon, setup_python_environment.go) and takes
`requirements.txt` when a package index is configured (`PIP_MIRROR_URL`) or the other file is missing. So both name the same versions.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import attrs

SDK, SDK_AT_LEAST = "dify-plugin", (0, 9, 0)
NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: ; ([^\n]*?))?((?: --hash=sha256:[0-9a-f]+)*)$", re.MULTILINE)
CONTINUED = re.compile(r"\\$", re.MULTILINE)

PROJECT_FILE = """\
# Written by `dify-ollama package`. Dify's daemon installs from this file, so it names the exact versions of requirements.txt.
[project]
name = {name}
version = {version}
requires-python = {python}
dependencies = [
{dependencies}
]

[tool.uv]
package = false
"""


@attrs.frozen(slots=True)
class Pin:
    """One exact version. `marker` says where it is installed, empty for everywhere; `hashes` are of its files."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """The pin as a line of `dependencies`."""
        return f"{self.name}=={self.version}" + (f" ; {self.marker}" if self.marker else "")


def pins_of(pinned: str) -> tuple[Pin, ...]:
    """The lines of a `requirements.txt`."""
    return tuple(Pin(canonical(name), version, marker, tuple(hashes.split())) for name, version, marker, hashes in PIN.findall(pinned))


def pinned_project(project: str, pinned: str) -> str:
    """The `pyproject.toml` of a package: name, version, Python, and every pin of `requirements.txt`; nothing to build.

    Raises ValueError for a dependency of the project that is not pinned.
    """
    ours, pins = _project_table(project), pins_of(pinned)
    known = {pin.name for pin in pins}
    if missing := [name for line in ours["dependencies"] if (name := _name(line)) not in known]:
        raise ValueError(f"{', '.join(missing)} is not in requirements.txt. Its first lines say how to write it again.")
    return PROJECT_FILE.format(
        name=json.dumps(ours["name"]),
        version=json.dumps(ours["version"]),
        python=json.dumps(ours["requires-python"]),
        dependencies="\n".join(f"    {json.dumps(pin.requirement)}," for pin in pins),
    )


def dependency_complaints(project: str, pinned: str) -> Iterator[str]:
    """What is wrong with the dependencies of a package."""
    pins = pins_of(pinned)
    named = _project_table(project)["dependencies"]
    yield from (f"{line!r} is no exact version of requirements.txt" for line in named if line not in {pin.requirement for pin in pins})
    yield from (f"{pin.requirement} is not in pyproject.toml" for pin in pins if pin.requirement not in named)
    yield from (f"{pin.name} has no hashes in requirements.txt" for pin in pins if not pin.hashes)
    for pin in pins:
        if pin.name == SDK and tuple(map(int, re.findall(r"\d+", pin.version)[:3])) < SDK_AT_LEAST:
            yield f"{pin.requirement} must be {'.'.join(map(str, SDK_AT_LEAST))} or later"
    if CONTINUED.search(pinned):
        yield "requirements.txt has a pin of more than one line; the marketplace reads each line by itself and refuses a bare hash"
    if re.search(r"://|^(?:-e|git\+)", pinned, re.MULTILINE):
        yield "requirements.txt names an address"


def _project_table(project: str) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(project)["project"]
    return table


def _name(line: str) -> str:
    match = NAME.match(line)
    return canonical(match[1]) if match else line


def canonical(name: str) -> str:
    """One spelling of a project's name."""
    return re.sub(r"[-_.]+", "-", name).lower()

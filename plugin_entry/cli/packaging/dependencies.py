"""What the marketplace demands of dependencies: each bounded, none from an address; and what we do: every exact version with hashes.

Enters: the texts of `pyproject.toml` and `requirements.txt`. Leaves: complaints.
"""

import re
import tomllib
from collections.abc import Iterator

import attrs

SDK, SDK_AT_LEAST = "dify-plugin", (0, 9, 0)
REQUIREMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?P<bounds>[^;@]*)(?P<rest>.*)")
LOWER = re.compile(r"(?:>=|==|~=)\s*(\d+(?:\.\d+)*)")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: ; ([^\n]*?))?((?: --hash=sha256:[0-9a-f]+)*)$", re.MULTILINE)
CONTINUED = re.compile(r"\\$", re.MULTILINE)


@attrs.frozen(slots=True)
class Pin:
    """One exact version. `marker` says where it is installed, empty for everywhere; `hashes` are of its files."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]


def pins_of(pinned: str) -> tuple[Pin, ...]:
    """The lines of a `requirements.txt`."""
    return tuple(Pin(canonical(name), version, marker, tuple(hashes.split())) for name, version, marker, hashes in PIN.findall(pinned))


def dependency_complaints(project: str, pinned: str) -> Iterator[str]:
    """What is wrong with the dependencies."""
    pins = {pin.name: pin for pin in pins_of(pinned)}
    for line in tomllib.loads(project)["project"]["dependencies"]:
        yield from _range_complaints(line)
        if _name(line) not in pins:
            yield f"{_name(line)} is not in requirements.txt"
    yield from (f"{name} has no hashes in requirements.txt" for name, pin in pins.items() if not pin.hashes)
    if CONTINUED.search(pinned):
        yield "requirements.txt has a pin of more than one line; the marketplace reads each line by itself and refuses a bare hash"
    if re.search(r"://|^(?:-e|git\+)", pinned, re.MULTILINE):
        yield "requirements.txt names an address"


def _range_complaints(line: str) -> Iterator[str]:
    match = REQUIREMENT.fullmatch(line)
    if match is None or match["rest"].startswith("@") or "://" in line:
        yield f"{line!r} is no name with bounds"
        return
    lower = LOWER.search(match["bounds"])
    if lower is None or "<" not in match["bounds"]:
        yield f"{line!r} needs a lower and an upper bound"
    elif canonical(match["name"]) == SDK and tuple(map(int, lower[1].split("."))) < SDK_AT_LEAST:
        yield f"{line!r} must begin at {'.'.join(map(str, SDK_AT_LEAST))} or later"


def _name(line: str) -> str:
    match = REQUIREMENT.fullmatch(line)
    return canonical(match["name"]) if match else line


def canonical(name: str) -> str:
    """One spelling of a project's name."""
    return re.sub(r"[-_.]+", "-", name).lower()

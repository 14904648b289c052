"""What is installed: ranges in `pyproject.toml`, exact versions with hashes in `requirements.txt`, and what the code really imports."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.structure.sources import ROOT, modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
PINNED_TEXT = (ROOT / "requirements.txt").read_text(encoding="utf-8")
PINNED_BLOCK = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)([^\n]*?)((?: --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)
PINNED = {canonicalize_name(block[1]): block for block in PINNED_BLOCK.finditer(PINNED_TEXT)}

OWN = {"translator", "plugin_entry", "fixtures", "tests", "docs"}
OPTIONAL = {
    "rich": "the group and the extra `cli`",
    "argcomplete": "the same",
    "pathspec": "the same",
    "graphon": "the group `host`",
}
TRANSITIVE = {
    "gevent": "the SDK patches the process with it",
    "pydantic": "the SDK's classes are built on it",
    "flask": "the SDK serves with it in serverless mode",
    "yaml": "the SDK reads manifests with it",
    "yarl": "aiohttp's URLs",
}
"""Imported, but brought by another dependency, and why that is safe."""


def test_every_runtime_dependency_is_pinned_within_its_range() -> None:
    missing = [name for requirement in RUNTIME if (name := canonicalize_name(requirement.name)) not in PINNED]
    assert missing == []
    outside = [f"{requirement}: {pin}" for requirement in RUNTIME if (pin := _pin(requirement)) not in requirement.specifier]
    assert outside == []


def _pin(requirement: Requirement) -> Version:
    return Version(PINNED[canonicalize_name(requirement.name)][2])


def test_every_pin_has_hashes_and_no_address() -> None:
    assert len(PINNED) > 30
    assert [name for name, block in PINNED.items() if "--hash=sha256:" not in block[4]] == []
    assert "://" not in PINNED_TEXT
    assert not re.search(r"^-", PINNED_TEXT, re.MULTILINE), "an option for the installer"
    bare = [line for line in PINNED_TEXT.splitlines() if re.match(r"[A-Za-z]", line) and "==" not in line]
    assert bare == []


def test_ranges_end_before_the_next_incompatible_version() -> None:
    groups = [requirement for group in PROJECT["dependency-groups"].values() for requirement in group if isinstance(requirement, str)]
    open_ended = [str(r) for r in RUNTIME if not any(part.operator == "<" for part in r.specifier)]
    assert open_ended == []
    assert [name for name in groups if ">=" not in name] == []


def test_everything_imported_is_declared() -> None:
    """And nothing is declared that no module imports: every dependency costs each installation."""
    distributions = packages_distributions()
    imported = {
        target.partition(".")[0]
        for package in ("translator", "plugin_entry", "fixtures")
        for module in modules(package)
        for target, _ in module.imports
    }
    outside = imported - sys.stdlib_module_names - OWN - set(OPTIONAL) - set(TRANSITIVE)
    used = {canonicalize_name(distributions[name][0]) for name in outside}
    assert used == {canonicalize_name(requirement.name) for requirement in RUNTIME}


def test_python_version_is_the_same_everywhere() -> None:
    version = (ROOT / ".python-version").read_text(encoding="utf-8").strip()
    assert PROJECT["project"]["requires-python"] == f">={version}"
    assert re.search(rf'version: "?{re.escape(version)}"?', (ROOT / "manifest.yaml").read_text(encoding="utf-8"))

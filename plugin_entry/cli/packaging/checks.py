"""The checks of a package as a table: a row has a name, the rule in words, what a complaint means, and the function that finds complaints.

`Verdict.FAIL` makes a package unusable. `Verdict.OWNER` is what only the publisher can fill in: the marketplace demands it, a Dify of your
own does not.
"""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from fnmatch import fnmatch
from typing import Any
from urllib.parse import urlsplit

import attrs
import yaml

from plugin_entry.cli.packaging.archive import ENGLISH_README, UNPACKED_BYTES, Files, pack
from plugin_entry.cli.packaging.declarations import icon_names, manifest_complaints, marketplace_complaints, provider_complaints
from plugin_entry.cli.packaging.dependencies import dependency_complaints

PACKAGE_BYTES = 1 << 20
MOST_FILES = 5000
ICON_BYTES = 64 << 10
MANIFEST, README, PRIVACY, PROJECT, PINNED = "manifest.yaml", "README.md", "PRIVACY.md", "pyproject.toml", "requirements.txt"

BLOCKED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "env", "__pycache__", "pycache", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".hypothesis"}
    | {".idea", ".vscode", "node_modules", "dist", "build", "site", ".tox", ".nox", ".github"}
)
BLOCKED_NAMES = (
    *(".env", ".env.*", ".DS_Store", ".gitconfig", "Thumbs.db", "desktop.ini", "id_rsa", "*.pyc", "*.pyo", "*.difypkg"),
    *("*.key", "*.pem", "*.p12", "*.pfx", "*.log", "*.bak", "*.tmp", "*.swp", "*.swo"),
)
DEVELOPMENT = re.compile(r"tests/|fixtures/|docs/|examples/|\.ci/|plugin_entry/cli/\w+/")
"""What a clone needs and Dify does not run. Of the command line only the doctor is shipped; the other commands stand in folders."""
BINARIES = (b"\x7fELF", b"MZ\x90\x00", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")

STARTED_BY_THE_MARKETPLACE = "main.py"
"""Its install test runs `python -m main` in serverless mode, whatever the manifest names."""

SECRETS = re.compile(
    rb"\bsk-[A-Za-z0-9_-]{20,}\b|\bgh[pousr]_[A-Za-z0-9_]{20,}\b|\bxox[baprs]-[A-Za-z0-9-]{10,}\b|\bAKIA[0-9A-Z]{16}\b"
    rb"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
"""Keys that show by their form what they are."""

FOREIGN = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")
"""Chinese, Japanese and Korean writing, full-width punctuation included."""
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

TOPICS: Mapping[str, str] = {
    "how to set it up": r"(?i)\b(?:set ?up|install)",
    "how to use it": r"(?i)\buse\b|\busage\b",
    "which credentials or connection it needs": r"(?i)\b(?:credential|api key|connect)",
}
"""What a reader must find, and how it is recognised."""

TRANSLATION = re.compile(r"readme/README_[a-z]{2}_[A-Z][A-Za-z]+\.md")
TEMPLATE = re.compile(r"!!!|TO" r"DO|\[Your |lorem ipsum", re.IGNORECASE)
"""Remains of the template of `dify plugin init`."""
SHORTEST_STATEMENT = 200

PLACEHOLDER_AUTHOR = "ollamabridge"
REPOSITORY_HOSTS = ("github.com", "gitlab.com", "bitbucket.org", "gitee.com", "codeberg.org", "sr.ht")


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    FAIL = "FAIL"
    OWNER = "fill in"


@attrs.frozen(slots=True)
class Result:
    """A row of the table; `complaints` is empty when all is well."""

    name: str
    rule: str
    verdict: Verdict
    complaints: tuple[str, ...] = ()


type Find = Callable[[Files], Iterator[str]]


def _manifest(files: Files) -> Iterator[str]:
    manifest = _yaml(files, MANIFEST)
    yield from manifest_complaints(manifest)
    yield from marketplace_complaints(manifest)


def _provider(files: Files) -> Iterator[str]:
    yield from provider_complaints(_declared_provider(files))


def _sources(files: Files) -> Iterator[str]:
    python = (_declared_provider(files).get("extra") or {}).get("python") or {}
    entrypoint = _yaml(files, MANIFEST)["meta"]["runner"]["entrypoint"].replace(".", "/") + ".py"
    for path in (entrypoint, STARTED_BY_THE_MARKETPLACE, python.get("provider_source"), *(python.get("model_sources") or [None])):
        if path not in files:
            yield f"{path} is named and not in the package"


def _icons(files: Files) -> Iterator[str]:
    for name in sorted(set(icon_names(_yaml(files, MANIFEST), _declared_provider(files)))):
        if not 0 < len(files.get(f"_assets/{name}", b"")) <= ICON_BYTES:
            yield f"_assets/{name} is missing, empty or larger than {ICON_BYTES} bytes"


def _readme(files: Files) -> Iterator[str]:
    prose = CODE.sub("", _text(files, README))
    if foreign := FOREIGN.search(prose):
        yield f"{foreign[0]!r} is not English; translations belong in readme/"
    yield from (f"nothing about {topic}" for topic, pattern in TOPICS.items() if not re.search(pattern, prose))
    for path in files:
        if path.startswith("readme/") and not TRANSLATION.fullmatch(path):
            yield f"{path} is not called README_<language>_<region>.md"


def _privacy(files: Files) -> Iterator[str]:
    statement = _text(files, PRIVACY)
    if len(statement) < SHORTEST_STATEMENT or TEMPLATE.search(statement):
        yield f"{PRIVACY} is empty or still the template"
    named = _yaml(files, MANIFEST).get("privacy", "")
    if "://" not in named and named not in files:
        yield f"the manifest names {named}, which is not in the package"


def _dependencies(files: Files) -> Iterator[str]:
    yield from dependency_complaints(_text(files, PROJECT), _text(files, PINNED))


def _version(files: Files) -> Iterator[str]:
    version = _yaml(files, MANIFEST).get("version")
    if not re.search(rf'(?m)^version = "{re.escape(str(version))}"$', _text(files, PROJECT)):
        yield f"the manifest says {version}, {PROJECT} something else"


def _blocked(files: Files) -> Iterator[str]:
    for path in files:
        *folders, name = path.split("/")
        if BLOCKED_FOLDERS & {*folders} or any(fnmatch(name, pattern) for pattern in BLOCKED_NAMES):
            yield f"{path} must not be in a package"


def _development(files: Files) -> Iterator[str]:
    yield from (f"{path} is of use in a clone only" for path in files if DEVELOPMENT.match(path))


def _binaries(files: Files) -> Iterator[str]:
    yield from (f"{path} is machine code" for path, data in files.items() if data.startswith(BINARIES))


def _secrets(files: Files) -> Iterator[str]:
    """Says where, never what."""
    for path, data in files.items():
        yield from (f"{path}:{number} holds a key" for number, line in enumerate(data.splitlines(), start=1) if SECRETS.search(line))


def _compiles(files: Files) -> Iterator[str]:
    for path, data in files.items():
        if path.endswith(".py"):
            try:
                with warnings.catch_warnings(action="error"):
                    compile(data, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, Warning) as error:
                yield f"{path}: {error}"


def _size(files: Files) -> Iterator[str]:
    if (size := len(pack(files))) > PACKAGE_BYTES:
        yield f"{size} bytes packed, and {PACKAGE_BYTES} are allowed"


def _unpacked(files: Files) -> Iterator[str]:
    if (size := sum(map(len, files.values()))) > UNPACKED_BYTES or len(files) > MOST_FILES:
        yield f"{len(files)} files with {size} bytes, and Dify takes {MOST_FILES} with {UNPACKED_BYTES}"


def _author(files: Files) -> Iterator[str]:
    author = str(_yaml(files, MANIFEST).get("author"))
    if author == PLACEHOLDER_AUTHOR or "dify" in author or "langgenius" in author:
        yield f"author in {MANIFEST}: your name on the marketplace instead of {author!r}"


def _repo(files: Files) -> Iterator[str]:
    repo = str(_yaml(files, MANIFEST).get("repo") or "")
    host = urlsplit(repo).hostname or ""
    if not repo.startswith("https://") or not any(host == known or host.endswith(f".{known}") for known in REPOSITORY_HOSTS):
        yield f"repo in {MANIFEST}: the repository's https address, on one of {', '.join(REPOSITORY_HOSTS)}"
    elif repo.removesuffix(".git") not in _text(files, README):
        yield f"a link to {repo} in {ENGLISH_README}, which is {README} in the package"


def _contact(files: Files) -> Iterator[str]:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", str(_yaml(files, MANIFEST).get("contact") or "")):
        yield f"contact in {MANIFEST}: an e-mail address"


OURS, THEIRS = Verdict.FAIL, Verdict.OWNER

type PackageCheck = tuple[str, str, Verdict, Find]

CHECKS: tuple[PackageCheck, ...] = (
    ("manifest", "the daemon takes every field of manifest.yaml", OURS, _manifest),
    ("provider", "the daemon takes the provider's YAML and the form's fields", OURS, _provider),
    (
        "sources",
        f"entrypoint, {STARTED_BY_THE_MARKETPLACE} of the marketplace's test, provider and models are there",
        OURS,
        _sources,
    ),
    ("icons", f"every icon that is named is in _assets, at most {ICON_BYTES} bytes", OURS, _icons),
    ("readme", "README.md is English and says how to set up, use and connect; translations are in readme/", OURS, _readme),
    ("privacy", "PRIVACY.md is there and its own", OURS, _privacy),
    ("dependencies", "exact versions, the same in both files, with hashes and from no address", OURS, _dependencies),
    ("version", "manifest.yaml and pyproject.toml agree", OURS, _version),
    ("blocked files", "no caches, environments, keys, logs", OURS, _blocked),
    ("development files", "no tests, recordings, manual, developers' commands", OURS, _development),
    ("machine code", "no executables and libraries", OURS, _binaries),
    ("secrets", "nothing that looks like a key", OURS, _secrets),
    ("python", "every module compiles without a warning", OURS, _compiles),
    ("size", f"at most {PACKAGE_BYTES} bytes packed", OURS, _size),
    ("unpacked size", f"at most {MOST_FILES} files with {UNPACKED_BYTES} bytes", OURS, _unpacked),
    ("author", "the one who publishes", THEIRS, _author),
    ("repo", "where the source is, and a link to it in README.md", THEIRS, _repo),
    ("contact", "where to write to", THEIRS, _contact),
)
"""Name, rule, what a complaint means, and how to find one."""


def check_package(files: Files, checks: tuple[PackageCheck, ...] = CHECKS) -> tuple[Result, ...]:
    """One result per row. A file that cannot be read is a complaint of the rows that need it."""
    return tuple(_result(name, rule, verdict, find, files) for name, rule, verdict, find in checks)


def _result(name: str, rule: str, verdict: Verdict, find: Find, files: Files) -> Result:
    try:
        complaints = tuple(find(files))
    except (ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError) as error:
        return Result(name, rule, Verdict.FAIL, (f"cannot be checked: {error}",))
    return Result(name, rule, verdict if complaints else Verdict.OK, complaints)


def _text(files: Files, path: str) -> str:
    if path not in files:
        raise ValueError(f"{path} is not in the package")
    return files[path].decode("utf-8")


def _yaml(files: Files, path: str) -> Mapping[str, Any]:
    loaded = yaml.safe_load(_text(files, path))
    if not isinstance(loaded, dict):
        raise TypeError(f"{path} holds no fields")
    return loaded


def _declared_provider(files: Files) -> Mapping[str, Any]:
    return _yaml(files, _yaml(files, MANIFEST)["plugins"]["models"][0])

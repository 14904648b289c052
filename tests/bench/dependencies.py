"""What an installation of the plugin holds: each distribution with its megabytes, who wants it, and what it is for."""

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.bench.report import Line, Size

PROJECT = "dify-ollama"
COMPILED = ".pyc"
MB = 1_000_000


def dependencies(_: Size) -> list[Line]:
    """The largest first."""
    wanted_by: dict[str, str] = {}
    for name, by in _walk(distribution(PROJECT), "the plugin"):
        wanted_by.setdefault(name, by)
    found = [(distribution(name), by) for name, by in wanted_by.items()]
    rows = [
        Line(what=f"{each.name} {each.version}", ours=_size(each) / MB, unit="MB", more=f"for {by}: {each.metadata['Summary']}")
        for each, by in found
    ]
    whole = Line(what=f"{len(rows)} distributions", ours=sum(row.ours for row in rows), unit="MB")
    return [whole, *sorted(rows, key=lambda row: -row.ours)]


def _walk(of: Distribution, by: str) -> Iterator[tuple[str, str]]:
    """Breadth first, so that the shortest way to a distribution names who wants it."""
    waiting, seen = [(of, by)], set()
    while waiting:
        current, by = waiting.pop(0)
        for requirement in map(Requirement, current.requires or ()):
            name = canonicalize_name(requirement.name)
            if name in seen or (requirement.marker is not None and not requirement.marker.evaluate({"extra": ""})):
                continue
            try:
                found = distribution(name)
            except PackageNotFoundError:
                continue  # of another system or an extra
            seen.add(name)
            yield name, by
            waiting.append((found, name))


def _size(of: Distribution) -> int:
    """Bytes as they were installed, without what Python compiled since."""
    return sum(file.size or 0 for file in of.files or () if file.suffix != COMPILED)

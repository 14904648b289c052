"""Recordings by name, for a person who looks for one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fixtures.recordings import Exchange


def listed(recordings: Iterable["Exchange"]) -> Iterator[str]:
    """A line for each: its name, what was asked, and the status of the reply."""
    for each in recordings:
        yield f"{each.address}  {each.method} {each.path}  {each.status}"


def summary(recordings: Iterable["Exchange"]) -> Iterator[str]:
    """A line for each version."""
    for version, count in Counter(each.version for each in recordings).items():
        yield f"{version}: {count} recording{'' if count == 1 else 's'}"

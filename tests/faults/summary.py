"""Rows of the matrix in words, alike operations together. For the terminal and for the page of the manual; needs no server."""

from collections.abc import Iterable, Mapping
from itertools import groupby

import attrs

from tests.faults.cells import CHECK_CLASS, CLASSES, Expected, Fault, Kind, NotApplicable
from tests.faults.refusals import SHAPES

ALL_SHAPES = "any body"
WORDS: Mapping[str, str] = {"think": "thinking “{}”, closed", "text": "“{}”", "calls": "the calls {}"}


@attrs.frozen(slots=True)
class Summary:
    """Faults with the same outcomes."""

    title: str
    says: str
    faults: tuple[Fault, ...]

    @property
    def expected(self) -> Mapping[Kind, Expected]:
        return self.faults[0].expected


def summaries(faults: Iterable[Fault]) -> list[Summary]:
    """One per fault, except that bodies of a refusal with the same outcomes share one."""
    found: list[Summary] = []
    for status, group in groupby(faults, lambda fault: fault.status):
        rows = tuple(group)
        found += _refusals(status, rows) if status else map(_alone, rows)
    return found


def _alone(fault: Fault) -> Summary:
    return Summary(fault.name.replace("-", " "), f"The server {fault.says}.", (fault,))


def _refusals(status: int, faults: tuple[Fault, ...]) -> list[Summary]:
    alike: dict[str, list[Fault]] = {}
    for fault in faults:
        alike.setdefault(repr(fault.expected), []).append(fault)
    return [Summary(f"{status}", f"The server answers {status} with {_bodies(group)}.", tuple(group)) for group in alike.values()]


def _bodies(faults: list[Fault]) -> str:
    names = [SHAPES[fault.shape] for fault in faults]
    return ALL_SHAPES if len(names) == len(SHAPES) else " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def class_of(kind: Kind, expected: Expected) -> str:
    """The class that Dify shows; empty when it works or does not apply."""
    if isinstance(expected, NotApplicable) or expected.family is None:
        return ""
    return CHECK_CLASS if kind is Kind.VALIDATE else CLASSES[expected.family]


def delivered(expected: Expected) -> str:
    """What a stream gave before its error, in words."""
    if isinstance(expected, NotApplicable) or not expected.code:
        return ""
    parts = [part.rstrip("]").partition("[") for part in expected.delivered.split("] ") if part]
    return " and ".join(WORDS[kind].format(said) for kind, _, said in parts)

"""The headers of a reply as they came: a name may stand several times, and its case means nothing."""

from collections.abc import Iterable, Iterator, Mapping

import attrs


@attrs.frozen(slots=True, eq=False, repr=False)
class Headers(Mapping[str, str]):
    """A mapping from names, in any case, to values; the values of a name that stands several times are joined by commas (RFC 9110, 5.3).

    So of several `Via` lines the nearest proxy is the last one of the whole list. `repr` shows none of them: headers may hold keys.
    """

    pairs: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str:
        """The first value of a name of which there should be one, "" when there is none."""
        wanted = name.lower()
        return next((value for each, value in self.pairs if each.lower() == wanted), "")

    def __getitem__(self, name: str) -> str:
        wanted = name.lower()
        values = [value for each, value in self.pairs if each.lower() == wanted]
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        """Each name once, as it is spelled first."""
        names: dict[str, str] = {}
        for name, _ in self.pairs:
            names.setdefault(name.lower(), name)
        return iter(names.values())

    def __len__(self) -> int:
        return len({name.lower() for name, _ in self.pairs})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return _lowered(self) == _lowered(other)

    def __hash__(self) -> int:
        return hash(frozenset(_lowered(self).items()))


def as_headers(given: Mapping[str, str] | Iterable[tuple[str, str]]) -> Headers:
    """From another mapping, or from name and value of each line in their order."""
    if isinstance(given, Headers):
        return given
    return Headers(tuple(given.items() if isinstance(given, Mapping) else given))


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

"""A memory with two bounds: a number of entries, and their size. For every user of the process, so none can fill it without end."""

from collections import OrderedDict
from collections.abc import Hashable
from math import inf

import attrs


@attrs.define(slots=True, eq=False)
class BoundedCache[K: Hashable, V]:
    """Keeps what was used last. An entry so large that a few of its kind would push out everything else is not kept at all.

    `size` bounds the sizes that `put` is told, in their unit; by default nothing does.
    """

    _entries: int
    _size: float = inf
    _kept: OrderedDict[K, tuple[V, int]] = attrs.field(factory=OrderedDict, init=False)
    _used: int = attrs.field(default=0, init=False)

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value of a key, which counts as used now; None for an unknown one."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, size: int = 0) -> V:
        """Keeps a value with its key, which together have this size; gives the value."""
        self.forget(key)
        if size <= self._size / 8:
            self._kept[key] = value, size
            self._used += size
        while len(self._kept) > self._entries or self._used > self._size:
            self._used -= self._kept.popitem(last=False)[1][1]
        return value

    def forget(self, key: K) -> None:
        """Forgets one entry, if it is there."""
        self._used -= self._kept.pop(key, (None, 0))[1]

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self._used = 0

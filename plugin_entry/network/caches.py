"""A memory with two bounds: a number of entries, and their size."""

from collections import OrderedDict
from collections.abc import Hashable

import attrs


@attrs.define(slots=True, eq=False)
class BoundedCache[K: Hashable, V]:
    """Keeps what was used last. An entry so large that a few of its kind would push out everything else is not kept at all."""

    _entries: int
    _size: int
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

    def put(self, key: K, value: V, size: int) -> V:
        """Keeps a value with its key, which together have this size in characters or bytes; gives the value."""
        self._used -= self._kept.pop(key, (value, 0))[1]
        if size <= self._size // 8:
            self._kept[key] = value, size
            self._used += size
        while len(self._kept) > self._entries or self._used > self._size:
            self._used -= self._kept.popitem(last=False)[1][1]
        return value

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
        self._used = 0

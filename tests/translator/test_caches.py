"""Bounds of a memory: entries and size."""

from hypothesis import given
from hypothesis import strategies as st

from translator.caches import BoundedCache


def test_the_least_used_goes_first() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2, 1000)
    cache.put("a", 1, 10)
    cache.put("b", 2, 10)
    assert cache.get("a") == 1
    cache.put("c", 3, 10)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]


def test_what_is_very_large_is_not_kept() -> None:
    cache: BoundedCache[str, int] = BoundedCache(100, 1000)
    cache.put("small", 1, 10)
    assert cache.put("large", 2, 500) == 2
    assert (cache.get("large"), cache.get("small"), len(cache)) == (None, 1, 1)


def test_an_entry_that_grows_is_counted_anew() -> None:
    cache: BoundedCache[str, int] = BoundedCache(100, 1000)
    for size in (10, 100, 120):
        cache.put("a", size, size)
    assert cache.get("a") == 120
    cache.clear()
    assert (cache.get("a"), len(cache)) == (None, 0)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 300)), max_size=100))
def test_bounds_hold(entries: list[tuple[int, int]]) -> None:
    cache: BoundedCache[int, int] = BoundedCache(5, 400)
    sizes: dict[int, int] = {}
    for key, size in entries:
        cache.put(key, size, size)
        sizes[key] = size
        assert len(cache) <= 5
        kept = [cache.get(each) for each in range(21)]
        assert sum(size for size in kept if size is not None) <= 400


def test_an_entry_is_forgotten() -> None:
    cache: BoundedCache[str, int] = BoundedCache(2)
    cache.put("a", 1)
    cache.forget("a")
    cache.forget("never there")
    assert (cache.get("a"), len(cache)) == (None, 0)
